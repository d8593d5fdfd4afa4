/** What axe finds in every view of the inbox, in the dark and in the light. */
import { assert, describe, it } from "@effect/vitest"
import axe from "axe-core"
import { Effect } from "effect"
import { hasBrowser, openInbox, step } from "./BrowserKit.ts"
import { sampleMails } from "./sampleMails.ts"

interface Finding {
  readonly id: string
  readonly impact: string | null
  readonly nodes: ReadonlyArray<{ readonly html: string; readonly failureSummary?: string }>
}

/** The rules of WCAG 2.2 AA and good practice; the mail itself is not ours to judge. */
const RUN = `axe.run({ exclude: [["iframe"]] }, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
}).then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, nodes })))`

const told = ({ id, impact, nodes }: Finding): string =>
  `${impact} ${id}: ${nodes.map(({ failureSummary = "", html }) => `${html}\n${failureSummary}`).join("\n")}`

describe.runIf(hasBrowser)("axe", () => {
  for (const [name, options] of [
    ["light", {}],
    ["dark", { dark: true }],
    ["narrow", { width: 360, height: 740 }]
  ] as const) {
    it.live(
      `finds nothing in the ${name} inbox`,
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const inbox = yield* openInbox(options)
            const { page, sandbox, send, url } = inbox
            // By the debugger, which no policy of the page keeps out.
            const check = (view: string) =>
              step(async () => {
                if ((await page.evaluate("typeof axe")) === "undefined") await page.evaluate(axe.source)
                const findings = await page.evaluate<ReadonlyArray<Finding>>(RUN)
                assert.deepStrictEqual(findings.map(told), [], view)
              })

            yield* step(() => page.getByRole("heading", { name: "Nothing has come yet" }).waitFor())
            yield* check("the empty inbox")
            for (const mail of sampleMails) yield* send(mail)
            yield* sandbox.inject({ endpoint: "emails", what: "refuse", reason: "mailbox is unknown", next: 1 })
            yield* send({ subject: "Refused" })
            yield* step(() => page.getByRole("link", { name: "Your order 4711" }).waitFor())
            yield* check("the list")
            yield* step(() => page.getByRole("link", { name: "Your order 4711" }).click())
            for (const tab of ["Preview", "Text", "Headers", "Source", "Attachments", "Sent to Cakemail"]) {
              yield* step(() => page.getByRole("tab", { name: tab }).click())
              yield* step(() => page.getByRole("tabpanel").locator("> *").first().waitFor())
              yield* check(tab)
            }
            yield* step(() => page.getByRole("button", { name: /^Failures/ }).click())
            yield* check("the failures")
            yield* step(() => page.keyboard.press("Escape"))
            yield* step(() => page.getByRole("button", { name: "How to send a mail" }).click())
            yield* check("how to send a mail")
            yield* step(() => page.keyboard.press("Escape"))
            yield* step(() => page.goto(`${url}/#/refused`))
            yield* step(() => page.locator(".row").click())
            yield* step(() => page.getByRole("heading", { name: "Log of the session" }).waitFor())
            yield* check("what was refused")
            yield* step(() => page.goto(`${url}/#/inbox?search=nothing+like+this`))
            yield* step(() => page.getByText("Nothing matches.").waitFor())
            if (name !== "narrow") {
              yield* step(() => page.getByRole("searchbox").fill(""))
              yield* step(() => page.getByRole("button", { name: "Delete all" }).click())
              yield* check("the question before all is deleted")
            }
          })
        ),
      90_000
    )
  }
})
