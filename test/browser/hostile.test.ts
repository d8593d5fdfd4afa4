/** Mail is hostile: what it tries in the inbox of a browser. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { openConnectionTrap } from "../kit/ConnectionTrap.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { call, emailV1, prepareV1, submitV1 } from "../layers/sandbox/SandboxClient.ts"
import { hasBrowser, openInbox, step } from "./BrowserKit.ts"
import { hostileHtml, hostileText } from "./hostileMail.ts"

type Inbox = Effect.Success<ReturnType<typeof openInbox>>
type Trap = Effect.Success<typeof openConnectionTrap>

const run = (name: string, test: (inbox: Inbox, trap: Trap) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(
    name,
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          yield* test(yield* openInbox(), yield* openConnectionTrap)
        })
      ),
    90_000
  )

/** Until every frame has loaded what it may, and the browser has had time for what it does beside. */
const settled = ({ page }: Inbox) =>
  step(async () => {
    // The page and the mail in it; a frame that is forbidden never finishes.
    for (const frame of page.frames().slice(0, 2)) await frame.waitForLoadState("load")
    for (let round = 0; round < 5; round++) {
      await page.evaluate("fetch('/livez')")
      await page.evaluate("new Promise((done) => requestIdleCallback(done))")
    }
  })

const open = (inbox: Inbox, subject: string) =>
  step(async () => {
    await inbox.page.locator(".row").filter({ hasText: subject }).click()
    await inbox.page.frameLocator("iframe").getByRole("heading", { name: "Hostile" }).waitFor()
  }).pipe(Effect.andThen(settled(inbox)))

const isUnharmed = Effect.fnUntraced(function* ({ page, url }: Inbox) {
  assert.isTrue(page.url().startsWith(`${url}/#/inbox/`), page.url())
  assert.strictEqual(yield* step(() => page.evaluate("typeof globalThis.pwned")), "undefined")
  assert.match(yield* step(() => page.title()), /Cakemail sandbox$/)
  assert.strictEqual(page.context().pages().length, 1)
})

describe.runIf(hasBrowser)("a hostile mail", () => {
  run("runs nothing, loads nothing, goes nowhere", (inbox, trap) =>
    Effect.gen(function* () {
      const { page, send, url } = inbox
      const dialogs: Array<string> = []
      page.on("dialog", (dialog) => {
        dialogs.push(dialog.message())
        void dialog.dismiss()
      })
      const downloads: Array<string> = []
      page.on("download", (download) => downloads.push(download.suggestedFilename()))
      yield* send({ subject: "Hello", html: hostileHtml(trap.host, url) })
      yield* open(inbox, "Hello")
      const frame = page.frameLocator("iframe")
      const [, shown] = page.frames()
      assert.match(shown?.url() ?? "", /\/view\/[\w-]+\.html$/)
      for (const id of ["submit", "formaction", "script-link", "parent-frame", "top-frame", "download"]) {
        yield* step(() => frame.locator(`#${id}`).click({ force: true }))
        yield* isUnharmed(inbox)
      }
      yield* settled(inbox)
      assert.deepStrictEqual(trap.caught(), [])
      // A link is followed by a click; where its target is the frame, the page's policy keeps it from getting there.
      yield* step(() => frame.locator("#same-frame").click({ force: true }))
      yield* isUnharmed(inbox)
      yield* settled(inbox)
      assert.strictEqual(trap.caught().join(""), "", "nothing was asked")
      assert.deepStrictEqual(dialogs, [])
      assert.deepStrictEqual(downloads, [])
    })
  )

  run("loads pictures and styles when it is asked to, and runs nothing even then", (inbox, trap) =>
    Effect.gen(function* () {
      const { page, send, url } = inbox
      yield* send({ subject: "Hello", html: hostileHtml(trap.host, url) })
      yield* open(inbox, "Hello")
      yield* step(() => page.getByText("Remote content is blocked.").waitFor())
      assert.deepStrictEqual(trap.caught(), [])
      yield* step(() => page.getByRole("button", { name: "Load it" }).click())
      yield* step(() => page.getByText("Remote content is loaded.").waitFor())
      yield* step(() => page.frameLocator("iframe").getByRole("heading", { name: "Hostile" }).waitFor())
      yield* settled(inbox)
      const asked = () => new Set(trap.caught().map((line) => /^\w+ \/([\w-]*)/.exec(line)?.[1] ?? ""))
      // The trap works.
      for (const name of ["img", "source", "css-import", "style-attribute", "link-stylesheet"]) {
        yield* eventually(Effect.sync(() => asked().has(name)))
      }
      const forbidden = [...asked()].filter((name) =>
        /script|^on|refresh|iframe|object|embed|srcdoc$|form|speculation|manifest|frame$|svg-a|math|after/.test(name)
      )
      assert.deepStrictEqual(forbidden, [])
      yield* isUnharmed(inbox)
      yield* step(() => page.getByRole("button", { name: "Block it" }).click())
      yield* step(() => page.getByText("Remote content is blocked.").waitFor())
      const before = trap.caught().length
      yield* step(() => page.frameLocator("iframe").getByRole("heading", { name: "Hostile" }).waitFor())
      yield* settled(inbox)
      assert.strictEqual(trap.caught().length, before)
    })
  )

  run("is followed to other pages only by a click, and they know nothing of the inbox", (inbox, trap) =>
    Effect.gen(function* () {
      const { page, send } = inbox
      const html = `<h1>Hostile</h1><a href="http://${trap.host}/link">Plain</a>
        <a href="http://${trap.host}/named" target="named" rel="opener">Named</a>`
      yield* send({ subject: "Links", html })
      yield* open(inbox, "Links")
      for (const name of ["Plain", "Named"]) {
        const [popup] = yield* step(() =>
          Promise.all([
            page.context().waitForEvent("page"),
            page.frameLocator("iframe").getByRole("link", { name }).click()
          ])
        )
        assert.strictEqual(yield* step(() => popup.evaluate("window.opener")), null)
        yield* step(() => popup.close())
      }
      yield* isUnharmed(inbox)
    })
  )

  run("is no page with rights when its address is opened by itself", (inbox, trap) =>
    Effect.gen(function* () {
      const { page, sandbox, send, url } = inbox
      yield* send({ subject: "Hello", html: hostileHtml(trap.host, url) })
      const [message] = yield* sandbox.captured
      yield* step(() => page.goto(`${url}/view/${message?.id}.html`))
      yield* step(() => page.getByRole("heading", { name: "Hostile" }).waitFor())
      yield* step(() => page.waitForLoadState("load"))
      // The page itself may not ask anything; somebody else's questions give the browser time.
      for (let round = 0; round < 20; round++) yield* call(`${url}/livez`)
      assert.deepStrictEqual(trap.caught(), [])
      assert.isTrue(page.url().startsWith(`${url}/view/`), page.url())
      assert.notStrictEqual(yield* step(() => page.title()), "pwned")
    })
  )

  run("is text wherever text is shown", (inbox, trap) =>
    Effect.gen(function* () {
      const { page, sandbox, url } = inbox
      const text = hostileText(trap.host)
      const headers = yield* prepareV1(sandbox)
      yield* submitV1(
        sandbox,
        headers,
        emailV1({
          from: { email: "sender@example.com", name: text },
          to: [{ email: "you@example.com", name: text }],
          reply_to: { email: "reply@example.com", name: text },
          subject: `Hello ${text}`,
          text_body: text,
          headers: { "X-Note": text },
          attachments: [{ filename: `${text}.png`, content: "PHNjcmlwdD4=", content_type: "image/png" }]
        })
      )
      yield* sandbox.inject({ endpoint: "emails", what: "refuse", reason: text, recipient: text })
      yield* submitV1(sandbox, headers, emailV1({ to: [{ email: text }], subject: text }))
      yield* step(() => page.locator(".row").filter({ hasText: "Hello" }).click())
      for (const tab of ["Text", "Headers", "Source", "Attachments", "Sent to Cakemail"]) {
        yield* step(() => page.getByRole("tab", { name: tab }).click())
        yield* step(() => page.getByRole("tabpanel").getByText("onerror").first().waitFor())
      }
      yield* step(() => page.getByRole("link", { name: /^Refused 1/ }).click())
      yield* step(() => page.locator(".row").click())
      yield* step(() => page.getByRole("article").getByText("onerror").first().waitFor())
      yield* step(() => page.getByRole("button", { name: /^Failures: Refuse/ }).click())
      yield* step(() =>
        page.goto(`${url}/#/inbox?inbox=${encodeURIComponent(text)}&search=${encodeURIComponent(text)}`)
      )
      yield* settled(inbox)
      assert.strictEqual(yield* step(() => page.locator("img, script:not([src])").count()), 0)
      assert.deepStrictEqual(trap.caught(), [])
      assert.deepStrictEqual(inbox.elsewhere, [])
      assert.deepStrictEqual(inbox.complaints, [])
    })
  )

  run("gives away files under harmless names and types", (inbox) =>
    Effect.gen(function* () {
      const { page, sandbox, url } = inbox
      const attachment = (filename: string, content_type: string) => ({
        filename,
        content_type,
        content: Buffer.from(`<script>document.title = "pwned"</script><svg onload="document.title='pwned'">`).toString(
          "base64"
        )
      })
      yield* submitV1(
        sandbox,
        yield* prepareV1(sandbox),
        emailV1({
          attachments: [
            attachment("../../invoice\u202egpj.html", "text/html"),
            attachment("picture.svg", "image/svg+xml"),
            attachment("really.png", "image/png"),
            attachment("data.csv", "text/csv; charset=utf-7")
          ]
        })
      )
      yield* step(() => page.locator(".row").click())
      yield* step(() => page.getByRole("tab", { name: "Attachments" }).click())
      const panel = page.getByRole("tabpanel")
      const [download] = yield* step(() =>
        Promise.all([
          page.waitForEvent("download"),
          panel
            .getByRole("link", { name: /^Download/ })
            .first()
            .click()
        ])
      )
      assert.strictEqual(download.suggestedFilename(), "invoicegpj.html")
      assert.strictEqual(yield* step(() => panel.getByRole("link", { name: /^Open/ }).count()), 2)
      const [{ id = "" } = {}] = yield* sandbox.captured
      for (const part of ["3", "4"]) {
        const shown = yield* step(() => page.context().newPage())
        yield* step(() => shown.goto(`${url}/api/v1/message/${id}/part/${part}?open=true`))
        assert.notStrictEqual(yield* step(() => shown.title()), "pwned")
        yield* step(() => shown.close())
      }
      for (const part of ["1", "2"]) {
        const { headers } = yield* call(`${url}/api/v1/message/${id}/part/${part}?open=true`)
        assert.strictEqual(headers["content-type"], "application/octet-stream")
      }
    })
  )
})
