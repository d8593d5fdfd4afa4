/** What a developer does with the inbox, done in a browser. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Scope } from "effect"
import type { Response } from "playwright-core"
import { startTcpGate } from "../kit/TcpGate.ts"
import { hasBrowser, openInbox, openPage, step } from "./BrowserKit.ts"

type Inbox = Effect.Success<ReturnType<typeof openInbox>>

const run = (
  name: string,
  test: (inbox: Inbox) => Effect.Effect<void, unknown, Scope.Scope>,
  options: Parameters<typeof openInbox>[0] = {}
) =>
  it.live(
    name,
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const inbox = yield* openInbox(options)
          yield* test(inbox)
          assert.deepStrictEqual(inbox.complaints, [])
          assert.deepStrictEqual(inbox.elsewhere, [], "the page needs no network")
        })
      ),
    90_000
  )

const subjects = ({ page }: Inbox) => step(() => page.locator(".row-subject").allInnerTexts())

/** Until the list shows exactly these. */
const listed = (inbox: Inbox, ...expected: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    for (const [index, subject] of expected.entries()) {
      yield* step(() => inbox.page.locator(".row").nth(index).getByText(subject, { exact: true }).waitFor())
    }
    yield* step(() => inbox.page.locator(".row").nth(expected.length).waitFor({ state: "detached" }))
    assert.deepStrictEqual(yield* subjects(inbox), expected)
  })

const mail = (subject: string) => ({ subject, text: `Text of ${subject}` })

describe.runIf(hasBrowser)("the inbox in a browser", () => {
  run("says how to send the first mail, and shows it when it has come", (inbox) =>
    Effect.gen(function* () {
      const { page, send, smtpPort } = inbox
      yield* step(() => page.getByRole("heading", { name: "Nothing has come yet" }).waitFor())
      const guide = yield* step(() => page.getByRole("main").innerText())
      for (const value of ["127.0.0.1", String(smtpPort), "demo@example.com", "demo", "inbox-"]) {
        assert.include(guide, value)
      }
      yield* step(() => page.getByRole("button", { name: "Copy port" }).click())
      assert.strictEqual(yield* step(() => page.evaluate<string>("navigator.clipboard.readText()")), String(smtpPort))
      assert.include(guide, "curl --ssl-reqd")
      yield* step(() => page.getByRole("tab", { name: "Nodemailer" }).click())
      assert.include(yield* step(() => page.getByRole("tabpanel").innerText()), `port: ${smtpPort}`)

      assert.match(yield* send(mail("The first")), /^250 /)
      yield* listed(inbox, "The first")
      assert.strictEqual(yield* step(() => page.title()), "(1) Cakemail sandbox")
    })
  )

  run("shows mail as it comes, from all sides, and lets it go", (inbox) =>
    Effect.gen(function* () {
      const { page, sandbox, send } = inbox
      const content = Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7) % 256))
      yield* send({
        from: '"Rosewood Bakery" <orders@rosewood.example>',
        subject: "Your order",
        text: "The text of it",
        html: "<h1>Hello from HTML</h1>",
        headers: { "X-Tags": "order", "X-Shop": "42" },
        attachments: [{ filename: "receipt.pdf", contentType: "application/pdf", content }]
      })
      yield* step(() => page.getByRole("link", { name: "Your order" }).click())
      const message = page.getByRole("article")
      yield* step(() => message.getByRole("heading", { name: "Your order" }).waitFor())
      const head = yield* step(() => message.locator(".envelope").innerText())
      for (const part of ["Rosewood Bakery", "orders@rosewood.example", "you@example.com", "order"]) {
        assert.include(head, part)
      }
      yield* step(() => page.frameLocator("iframe").getByRole("heading", { name: "Hello from HTML" }).waitFor())
      yield* step(() => page.getByRole("button", { name: "Phone" }).click())
      const frame = yield* step(() => page.locator("iframe").boundingBox())
      assert.strictEqual(frame?.width, 375)
      yield* step(() => page.getByRole("button", { name: "Desktop" }).click())
      assert.isAbove((yield* step(() => page.locator("iframe").boundingBox()))?.width ?? 0, 600)

      const tab = (name: string) => step(() => page.getByRole("tab", { name }).click())
      const panel = page.getByRole("tabpanel")
      const shows = (text: string) => step(() => panel.getByText(text).first().waitFor())
      yield* tab("Text")
      yield* shows("The text of it")
      yield* tab("Headers")
      yield* shows("X-Shop")
      yield* tab("Source")
      yield* shows("Subject: Your order")
      yield* tab("Sent to Cakemail")
      yield* shows("/v2/emails")
      yield* shows('"subject"')
      yield* shows("email_received")
      yield* shows("connection_opened")
      yield* tab("Attachments")
      yield* shows("receipt.pdf")
      const [download] = yield* step(() =>
        Promise.all([page.waitForEvent("download"), panel.getByRole("link", { name: "Download receipt.pdf" }).click()])
      )
      assert.strictEqual(download.suggestedFilename(), "receipt.pdf")
      const path = yield* step(() => download.path())
      assert.deepStrictEqual(readFileSync(path), content)

      yield* step(() => page.getByRole("button", { name: "Delete", exact: true }).click())
      yield* step(() => page.getByRole("heading", { name: "Nothing has come yet" }).waitFor())
      assert.deepStrictEqual(yield* sandbox.captured, [])
    })
  )

  run("searches, tells inboxes apart, marks as read and deletes what it shows", (inbox) =>
    Effect.gen(function* () {
      const { page, sandbox, send } = inbox
      yield* send(mail("Apples"))
      yield* send(mail("Pears"))
      yield* send(mail("Of Alice"), "inbox-alice", "x")
      yield* listed(inbox, "Of Alice", "Pears", "Apples")

      yield* step(() => page.getByRole("searchbox").fill("subject:pears"))
      yield* listed(inbox, "Pears")
      yield* send(mail("More pears"))
      yield* listed(inbox, "More pears", "Pears")
      yield* step(() => page.getByRole("searchbox").press("Escape"))
      yield* listed(inbox, "More pears", "Of Alice", "Pears", "Apples")

      yield* step(() => page.getByRole("combobox", { name: "Inbox" }).selectOption({ label: "inbox-alice (1)" }))
      yield* listed(inbox, "Of Alice")
      yield* send(mail("Not of Alice"))
      yield* send(mail("Alice again"), "inbox-alice", "x")
      yield* listed(inbox, "Alice again", "Of Alice")
      yield* step(() => page.getByRole("button", { name: "Mark all as read" }).click())
      yield* step(() => page.locator(".row.unread").first().waitFor({ state: "detached" }))
      yield* step(() => page.getByRole("button", { name: "Delete all" }).click())
      yield* step(() => page.getByRole("dialog").getByRole("button", { name: "Delete" }).click())
      yield* step(() => page.getByText("No messages here.").waitFor())

      yield* step(() => page.getByRole("combobox", { name: "Inbox" }).selectOption(""))
      yield* listed(inbox, "Not of Alice", "More pears", "Pears", "Apples")
      const unread = (yield* sandbox.sandbox.messages.all).filter(({ read }) => !read)
      assert.strictEqual(unread.length, 4, "another inbox was marked and deleted")
    })
  )

  run("is used by the keyboard alone", (inbox) =>
    Effect.gen(function* () {
      const { page, send } = inbox
      for (const subject of ["Third", "Second", "First"]) yield* send(mail(subject))
      yield* listed(inbox, "First", "Second", "Third")
      const press = (...keys: ReadonlyArray<string>) =>
        Effect.forEach(keys, (key) => step(() => page.keyboard.press(key)), { discard: true })
      const heading = (name: string) => step(() => page.getByRole("heading", { name, level: 1 }).waitFor())

      yield* press("j", "j", "k", "j", "Enter")
      yield* heading("Second")
      yield* press("j")
      yield* heading("Third")
      yield* press("j", "k", "k")
      yield* heading("First")
      yield* press("Escape")
      yield* step(() => page.getByText("Choose a message to read it.").waitFor())
      const focused = yield* step(() => page.evaluate<string>("document.activeElement.innerText"))
      assert.include(focused, "First", "the focus is back on the row")
      yield* press("/")
      yield* step(() => page.keyboard.type("subject:third"))
      yield* listed(inbox, "Third")
      yield* press("Escape", "Escape")
      yield* listed(inbox, "First", "Second", "Third")

      yield* press("j", "Enter")
      const opened = yield* step(() => page.getByRole("article").getByRole("heading", { level: 1 }).innerText())
      yield* step(() => page.getByRole("tab", { name: "Text" }).focus())
      yield* press("ArrowRight")
      assert.strictEqual(yield* step(() => page.evaluate<string>("document.activeElement.innerText")), "Headers")
      yield* press("Delete")
      yield* step(() => page.locator(".row").filter({ hasText: opened }).waitFor({ state: "detached" }))
      assert.strictEqual((yield* subjects(inbox)).length, 2)
    })
  )

  run("keeps up with keys that are pressed faster than it draws, while mail comes", (inbox) =>
    Effect.gen(function* () {
      const { page, send } = inbox
      for (const subject of ["Fourth", "Third", "Second", "First"]) yield* send(mail(subject))
      yield* listed(inbox, "First", "Second", "Third", "Fourth")
      const atOnce = (...keys: ReadonlyArray<string>) =>
        step(() =>
          page.evaluate(
            `for (const key of ${JSON.stringify(keys)}) document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }))`
          )
        )
      const heading = (name: string) => step(() => page.getByRole("heading", { name, level: 1 }).waitFor())
      yield* step(() => page.getByRole("link", { name: "First" }).click())
      yield* heading("First")
      for (const keys of [["j", "j"], ["j"], ["k", "k", "k"]]) yield* atOnce(...keys)
      yield* heading("First")
      yield* atOnce("j", "j", "j")
      yield* heading("Fourth")
      yield* step(() => page.keyboard.press("Escape"))
      yield* send(mail("Newer"))
      yield* listed(inbox, "Newer", "First", "Second", "Third", "Fourth")
      yield* atOnce("k", "Enter")
      yield* heading("Third")
      yield* step(() => page.goBack())
      yield* step(() => page.getByText("Choose a message to read it.").waitFor())
    })
  )

  run("asks nothing of a message that is deleted, and says so of one that others deleted", (inbox) =>
    Effect.gen(function* () {
      const { page, sandbox, send } = inbox
      for (const subject of ["Third", "Second", "First"]) yield* send(mail(subject))
      yield* listed(inbox, "First", "Second", "Third")
      yield* step(() => page.getByRole("link", { name: "First" }).click())
      const held: Array<() => Promise<void>> = []
      yield* step(() => page.route("**/headers", async (route) => void held.push(() => route.continue())))
      yield* step(() =>
        Promise.all([page.waitForRequest("**/headers"), page.getByRole("tab", { name: "Headers" }).click()])
      )
      const isDeleted = (response: Response): boolean => response.request().method() === "DELETE"
      yield* step(() => Promise.all([page.waitForResponse(isDeleted), page.keyboard.press("Delete")]))
      yield* step(() => page.getByRole("heading", { name: "Second", level: 1 }).waitFor())
      yield* step(() => Promise.allSettled(held.map((go) => go())))
      yield* listed(inbox, "Second", "Third")
      yield* sandbox.sandbox.messages.clear
      yield* step(() => page.getByText("This message is no longer here.").waitFor())
    })
  )

  run("makes the API fail by mouse, and the SMTP client sees it", (inbox) =>
    Effect.gen(function* () {
      const { page, sandbox, send } = inbox
      const dialog = page.getByRole("dialog")
      const add = (kind: string) =>
        step(async () => {
          await dialog.getByRole("radio", { name: kind }).check()
          await dialog.getByRole("button", { name: "Add failure" }).click()
        })
      const clear = step(() => page.getByRole("button", { name: "Clear all failures" }).click())
      const setFaults = Effect.map(sandbox.sandbox.faults.current, (all) => all.map(({ fault }) => fault))
      const shown = (text: string) => step(() => page.getByRole("button", { name: `Failures: ${text}` }).waitFor())

      yield* step(() => page.getByRole("button", { name: "Failures" }).click())
      yield* add("429 Too many requests")
      yield* step(() => page.keyboard.press("Escape"))
      yield* shown("429")
      assert.match(yield* send(mail("Busy")), /^451 4\.7\.1 Rate limit exceeded, retry after 30s/)
      yield* clear
      yield* step(() => page.getByRole("button", { name: "Failures", exact: true }).waitFor())
      assert.deepStrictEqual(yield* setFaults, [])
      assert.match(yield* send(mail("Fine")), /^250 /)

      yield* step(() => page.getByRole("button", { name: "Failures" }).click())
      yield* add("Slow")
      yield* add("500 Server error")
      yield* add("Reset the connection")
      yield* step(() => dialog.getByRole("radio", { name: "Refuse a recipient" }).check())
      yield* step(() => dialog.getByLabel("Recipient", { exact: true }).fill("you@example.com"))
      yield* step(() => dialog.getByLabel("Reason").fill("mailbox is full"))
      yield* step(() => dialog.getByLabel("For the next calls").fill("2"))
      yield* step(() => dialog.getByRole("button", { name: "Add failure" }).click())
      yield* step(() => dialog.getByRole("button", { name: "Remove Refuse you@example.com 0/2" }).waitFor())
      assert.deepStrictEqual(yield* setFaults, [
        { endpoint: "emails", what: "latency", latency: 2_000 },
        { endpoint: "emails", what: "status", status: 500 },
        { endpoint: "emails", what: "reset-after-body" },
        { endpoint: "emails", what: "refuse", recipient: "you@example.com", reason: "mailbox is full", next: 2 }
      ])
      for (const name of ["Remove Slow 2 s", "Remove 500", "Remove Reset"]) {
        yield* step(() => dialog.getByRole("button", { name }).click())
        yield* step(() => dialog.getByRole("button", { name }).waitFor({ state: "detached" }))
      }
      yield* step(() => page.keyboard.press("Escape"))
      yield* shown("Refuse you@example.com 0/2")
      assert.match(yield* send(mail("Full")), /^550 .*mailbox is full/)
      yield* shown("Refuse you@example.com 1/2")
      yield* clear
    })
  )

  run("shows what was refused, and why", (inbox) =>
    Effect.gen(function* () {
      const { page, sandbox, send } = inbox
      yield* sandbox.inject({ endpoint: "emails", what: "refuse", reason: "mailbox is unknown", next: 1 })
      const reply = yield* send(mail("To nobody"))
      yield* step(() => page.getByRole("link", { name: "Refused 1" }).click())
      yield* step(() => page.getByRole("link", { name: "To nobody" }).click())
      const article = page.getByRole("article")
      yield* step(() => article.getByText("mailbox is unknown").first().waitFor())
      assert.include(yield* step(() => article.innerText()), reply.replace(/ ref=.*/, ""))
      yield* step(() => article.getByText("dead_letter").waitFor())
      yield* step(() => page.getByRole("button", { name: "Clear the list of refusals" }).click())
      yield* step(() => page.getByText("Nothing was refused.").waitFor())
    })
  )

  run("shows in a refusal that is open what the client was told later", (inbox) =>
    Effect.gen(function* () {
      const { page, sandbox, send } = inbox
      yield* sandbox.inject(
        { endpoint: "emails", what: "refuse", recipient: "you@example.com" },
        { endpoint: "emails", what: "latency", recipient: "slow@example.com", latency: 10_000 }
      )
      const sending = yield* Effect.forkChild(
        send({ ...mail("For two"), to: ["you@example.com", "slow@example.com"] }),
        { startImmediately: true }
      )
      yield* step(() => page.getByRole("link", { name: "Refused 1" }).click())
      yield* step(() => page.getByRole("link", { name: "For two" }).click())
      const article = page.getByRole("article")
      yield* step(() => article.getByText("Calls of the Cakemail API").waitFor())
      assert.notInclude(yield* step(() => article.innerText()), "SMTP reply")
      assert.match(yield* Fiber.join(sending), /^250 /)
      yield* step(() => article.getByText("SMTP reply").waitFor())
      yield* step(() => article.getByText("dead_letter").waitFor())
    })
  )

  run("says when the sandbox cannot be reached, and catches up when it can", (inbox) =>
    Effect.gen(function* () {
      const gate = yield* startTcpGate(Number(new URL(inbox.url).port))
      const beyond = { ...inbox, ...(yield* openPage(inbox.browser, `http://127.0.0.1:${gate.port}/`)) }
      yield* inbox.send(mail("Before"))
      yield* listed(beyond, "Before")
      yield* step(() => beyond.page.getByText("Live", { exact: true }).waitFor())
      yield* gate.shut
      yield* step(() => beyond.page.getByText("Connecting", { exact: true }).waitFor())
      yield* inbox.send(mail("Meanwhile"))
      yield* gate.open
      yield* listed(beyond, "Meanwhile", "Before")
      yield* step(() => beyond.page.getByText("Live", { exact: true }).waitFor())
    })
  )

  // Browsers have six connections for a server: one stream for each tab, and the seventh would wait for ever.
  run("is live in as many tabs as one likes, whichever of them is closed", ({ page, send, url }) =>
    Effect.gen(function* () {
      yield* send(mail("First"))
      const tabs = [page]
      for (let tab = 1; tab < 8; tab++) {
        const opened = yield* step(() => page.context().newPage())
        yield* step(() => opened.goto(url))
        yield* step(() => opened.getByRole("link", { name: "First" }).waitFor())
        yield* step(() => opened.getByText("Live", { exact: true }).waitFor())
        tabs.push(opened)
      }
      yield* send(mail("Second"))
      for (const tab of tabs) yield* step(() => tab.getByRole("link", { name: "Second" }).waitFor())
      const left = tabs.slice(1)
      yield* step(() => page.close())
      yield* step(() => left[0]?.getByRole("link", { name: "Second" }).click() ?? Promise.resolve())
      yield* send(mail("Third"))
      for (const tab of left) {
        yield* step(() => tab.getByRole("link", { name: "Third" }).waitFor())
        yield* step(() => tab.getByText("Live", { exact: true }).waitFor())
      }
    })
  )

  run("documents its REST API in a page that tries it out", ({ page, url }) =>
    Effect.gen(function* () {
      yield* step(() => page.goto(`${url}/docs`))
      yield* step(() => page.getByText("List messages, newest first").click())
      yield* step(() => page.getByRole("button", { name: "Try it out" }).click())
      yield* step(() => page.getByRole("button", { name: "Execute" }).click())
      yield* step(() => page.locator(".live-responses-table").getByText('"messages_count": 0').waitFor())
    })
  )

  run(
    "fits a phone: the list, then the message, then back",
    (inbox) =>
      Effect.gen(function* () {
        const { page, send } = inbox
        yield* send({ ...mail("Small"), html: "<p>Hello</p>" })
        yield* step(() => page.getByRole("link", { name: "Small" }).click())
        yield* step(() => page.getByRole("heading", { name: "Small" }).waitFor())
        assert.isFalse(yield* step(() => page.locator(".list-pane").isVisible()))
        assert.strictEqual(yield* step(() => page.evaluate("document.documentElement.scrollWidth")), 360)
        yield* step(() => page.getByRole("button", { name: "Back to the list" }).click())
        yield* step(() => page.locator(".list-pane").waitFor())
        assert.isFalse(yield* step(() => page.locator(".reading-pane").isVisible()))
        assert.strictEqual(yield* step(() => page.evaluate("document.documentElement.scrollWidth")), 360)
      }),
    { width: 360, height: 740 }
  )

  run("is dark or light as the system is, or as somebody chose", ({ page }) =>
    Effect.gen(function* () {
      const ground = step(() => page.evaluate<string>("getComputedStyle(document.body).backgroundColor"))
      const light = yield* ground
      yield* step(() => page.emulateMedia({ colorScheme: "dark" }))
      const dark = yield* ground
      assert.notStrictEqual(dark, light)
      yield* step(() => page.getByRole("button", { name: /^Colours as the system/ }).click())
      yield* step(() => page.getByRole("button", { name: /^Dark/ }).click())
      assert.strictEqual(yield* ground, light, "light was chosen")
      yield* step(() => page.reload())
      yield* step(() => page.getByRole("button", { name: /^Light/ }).waitFor())
      assert.strictEqual(yield* ground, light, "and is remembered")
    })
  )
})
