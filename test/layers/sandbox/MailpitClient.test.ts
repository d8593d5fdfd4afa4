/** A published client of Mailpit against the sandbox, as a test suite would use it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { MailpitClient } from "mailpit-api"
import { startSandbox } from "../../kit/SandboxKit.ts"
import { emailV2, prepareV2, submitV2 } from "./SandboxClient.ts"

const started = Effect.gen(function* () {
  const kit = yield* startSandbox()
  const { headers, senderId } = yield* prepareV2(kit)
  const mailpit = new MailpitClient(kit.url)
  const submit = Effect.fnUntraced(function* (subject: string, changes: object = {}) {
    const content = { type: "transactional", subject, text: "Hello, world", html: "<p>Hello, world</p>" }
    const { json } = yield* submitV2(kit, headers, emailV2(senderId, { content, ...changes }))
    const id: string = json.data.id
    return id
  })
  const ask = <A>(question: (mailpit: MailpitClient) => Promise<A>) => Effect.promise(() => question(mailpit))
  return { ask, submit }
})

describe("mailpit-api", () => {
  it.live("lists, searches and waits", () =>
    Effect.gen(function* () {
      const { ask, submit } = yield* started
      const waiting = yield* Effect.forkChild(
        ask((mailpit) => mailpit.waitForMessage({ query: "subject:receipt" }, { timeout: 10_000, interval: 20 }))
      )
      yield* submit("Welcome", { tags: ["greeting"] })
      const id = yield* submit("Your receipt")
      assert.strictEqual((yield* Fiber.join(waiting)).ID, id)
      const list = yield* ask((mailpit) => mailpit.listMessages())
      assert.deepStrictEqual(
        list.messages.map(({ Subject }) => Subject),
        ["Your receipt", "Welcome"]
      )
      assert.strictEqual(list.messages_count, 2)
      const page = yield* ask((mailpit) => mailpit.listMessages(1, 1))
      assert.deepStrictEqual(
        page.messages.map(({ Subject }) => Subject),
        ["Welcome"]
      )
      const found = yield* ask((mailpit) => mailpit.searchMessages({ query: "tag:greeting" }))
      assert.strictEqual(found.messages_count, 1)
      const both = yield* ask((mailpit) => mailpit.waitForMessages({ count: 2 }))
      assert.strictEqual(both.messages[0]?.ID, id)
      assert.deepStrictEqual(yield* ask((mailpit) => mailpit.getTags()), ["greeting"])
    })
  )

  it.live("shows a message from all its sides", () =>
    Effect.gen(function* () {
      const { ask, submit } = yield* started
      const attachment = [{ filename: "a.csv", type: "csv", content: "YSxi" }]
      const id = yield* submit("Your receipt", { attachment })
      const message = yield* ask((mailpit) => mailpit.getMessageSummary())
      assert.strictEqual(message.ID, id)
      assert.strictEqual(message.Text, "Hello, world")
      assert.strictEqual(message.From.Address, "sender@example.com")
      assert.strictEqual(message.To[0]?.Address, "recipient@example.net")
      assert.strictEqual(message.Attachments[0]?.FileName, "a.csv")
      const headers = yield* ask((mailpit) => mailpit.getMessageHeaders(id))
      assert.deepStrictEqual(headers["Subject"], ["Your receipt"])
      assert.include(yield* ask((mailpit) => mailpit.getMessageSource(id)), "Subject: Your receipt\r\n")
      const part = yield* ask((mailpit) => mailpit.getMessageAttachment(id, "1"))
      assert.strictEqual(yield* Effect.promise(() => part.text()), "a,b")
      assert.include(yield* ask((mailpit) => mailpit.renderMessageHTML(id)), "<p>Hello, world</p>")
      assert.strictEqual(yield* ask((mailpit) => mailpit.renderMessageText(id)), "Hello, world")
      const info = yield* ask((mailpit) => mailpit.getInfo())
      assert.strictEqual(info.Messages, 1)
      assert.strictEqual(info.Unread, 0)
    })
  )

  it.live("marks and deletes", () =>
    Effect.gen(function* () {
      const { ask, submit } = yield* started
      const [first, second] = [yield* submit("one"), yield* submit("two")]
      const unread = Effect.map(
        ask((mailpit) => mailpit.getInfo()),
        ({ Unread }) => Unread
      )
      assert.strictEqual(yield* ask((mailpit) => mailpit.setReadStatus({ IDs: [first], Read: true })), "ok")
      assert.strictEqual(yield* unread, 1)
      yield* ask((mailpit) => mailpit.setReadStatus({ Read: true }))
      assert.strictEqual(yield* unread, 0)
      yield* ask((mailpit) => mailpit.setReadStatus())
      assert.strictEqual(yield* unread, 2)
      assert.strictEqual(yield* ask((mailpit) => mailpit.deleteMessages({ IDs: [second] })), "ok")
      yield* ask((mailpit) => mailpit.deleteMessagesBySearch({ query: "subject:three" }))
      assert.strictEqual((yield* ask((mailpit) => mailpit.listMessages())).total, 1)
      yield* ask((mailpit) => mailpit.deleteMessages())
      assert.strictEqual((yield* ask((mailpit) => mailpit.listMessages())).total, 0)
    })
  )
})
