/**
 * Pictures of the inbox, for people to look at: test/browser/screenshots, which is not kept in the repository. The one in
 * the README is `message-light.png`, with fewer colours.
 */
import { mkdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { hasBrowser, openInbox, openPage, step } from "./BrowserKit.ts"
import { sampleMails } from "./sampleMails.ts"

const FOLDER = "test/browser/screenshots"

const VIEWS = {
  light: { width: 1240, height: 760, scale: 2 },
  dark: { width: 1240, height: 760, scale: 2, dark: true },
  phone: { width: 390, height: 844, scale: 2 }
} as const

describe.runIf(hasBrowser)("pictures", () => {
  it.live(
    "of every view, light, dark and on a phone",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          mkdirSync(FOLDER, { recursive: true })
          const { browser, sandbox, send, url } = yield* openInbox()
          const pictures: Array<string> = []
          const pages = yield* Effect.forEach(Object.entries(VIEWS), ([name, options]) =>
            Effect.map(openPage(browser, `${url}/`, options), ({ page }) => ({ name, page }))
          )
          const take = (view: string, hash: string, ready: string) =>
            Effect.forEach(pages, ({ name, page }) =>
              step(async () => {
                await page.goto(`${url}/#/${hash}`)
                await page.getByText(ready).filter({ visible: true }).first().waitFor()
                await page.waitForFunction("document.fonts.ready.then(() => true)")
                const path = `${FOLDER}/${view}-${name}.png`
                await page.screenshot({ path })
                pictures.push(path)
              })
            )

          yield* take("empty", "", "Nothing has come yet")
          for (const mail of sampleMails.slice(0, 4)) yield* send(mail)
          yield* send({ ...sampleMails[4] }, "inbox-checkout", "x")
          for (const mail of sampleMails.slice(5)) yield* send(mail)
          yield* sandbox.inject({ endpoint: "emails", what: "refuse", reason: "mailbox is unknown", next: 1 })
          yield* send({ to: "unknown@example.com", subject: "Your invoice" })
          const captured = yield* sandbox.captured
          yield* sandbox.sandbox.messages.setRead(
            captured.slice(0, 3).map(({ id }) => id),
            true
          )
          const order = captured.find(({ subject }) => subject.includes("4711"))
          const [refusal] = yield* sandbox.sandbox.refusals.all

          yield* take("list", "inbox", "Welcome to Atlas")
          yield* take("message", `inbox/${order?.id}`, "Sent to Cakemail")
          yield* Effect.forEach(pages, ({ page }) =>
            step(() => page.frameLocator("iframe").getByText("Follow your order").waitFor())
          )
          yield* take("message", `inbox/${order?.id}`, "Sent to Cakemail")
          yield* take("cakemail", `inbox/${order?.id}/cakemail`, "/v2/emails")
          yield* take("attachments", `inbox/${order?.id}/attachments`, "receipt-4711.pdf")
          yield* take("refused", `refused/${refusal?.id}`, "dead_letter")
          yield* sandbox.inject({ endpoint: "emails", what: "rate-limit", next: 5 })
          yield* Effect.forEach(pages, ({ page }) =>
            step(() => page.getByRole("button", { name: "Failures: 429 0/5" }).click())
          )
          yield* take("failures", "inbox", "Make the API fail")
          for (const path of pictures) assert.isAbove(readFileSync(path).length, 10_000, path)
        })
      ),
    120_000
  )
})
