import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { eventually, startSandbox } from "../../kit/SandboxKit.ts"
import { call, emailV2, prepareV2, submitV2 } from "./SandboxClient.ts"

/** A sandbox holding messages of the given changes, one second apart. */
const sandboxWith = Effect.fnUntraced(function* (...mails: ReadonlyArray<object>) {
  yield* TestClock.setTime(Date.parse("2026-01-02T03:04:05Z"))
  const kit = yield* startSandbox()
  const { headers, senderId } = yield* prepareV2(kit)
  const submit = Effect.fnUntraced(function* (mail: object) {
    const { json } = yield* submitV2(kit, headers, emailV2(senderId, mail))
    const id: string = json.data.id
    return id
  })
  const ids: Array<string> = []
  for (const mail of mails) {
    ids.push(yield* submit(mail))
    yield* TestClock.adjust("1 second")
  }
  const api = `${kit.url}/api/v1`
  return { ...kit, ids, submit, api, get: (path: string) => call(`${api}${path}`) }
})

const subject = (subject: string, text = "text") => ({ content: { type: "transactional", subject, text } })

it.effect("lists messages newest first, in Mailpit's shape", () =>
  Effect.gen(function* () {
    const { get, ids } = yield* sandboxWith(subject("one"), {
      ...subject("two", "Some\n  words"),
      tags: ["b", "a"],
      additional_headers: [
        { name: "Message-ID", value: "<two@example.com>" },
        { name: "Reply-To", value: '"Re, \\"Ply\\"" <reply@example.com>, other@example.com' },
        { name: "Cc", value: "x" }
      ].slice(0, 2),
      attachment: [{ filename: "a.csv", type: "csv", content: "YSxi" }]
    })
    const { json } = yield* get("/messages?start=0&limit=1")
    assert.deepStrictEqual(
      { ...json, messages: [] },
      { total: 2, unread: 2, count: 1, messages_count: 2, messages_unread: 2, start: 0, tags: ["a", "b"], messages: [] }
    )
    const [message] = json.messages
    assert.isAbove(message.Size, 100)
    assert.deepStrictEqual(
      { ...message, Size: 0 },
      {
        ID: ids[1],
        MessageID: "two@example.com",
        Read: false,
        From: { Name: "Sender", Address: "sender@example.com" },
        To: [{ Name: "", Address: "recipient@example.net" }],
        Cc: [],
        Bcc: [],
        ReplyTo: [
          { Name: 'Re, "Ply"', Address: "reply@example.com" },
          { Name: "", Address: "other@example.com" }
        ],
        Subject: "two",
        Created: "2026-01-02T03:04:06.000Z",
        Username: "demo@example.com",
        Tags: ["b", "a"],
        Size: 0,
        Attachments: 1,
        Snippet: "Some words"
      }
    )
    assert.deepStrictEqual(
      (yield* get("/messages?start=1")).json.messages.map(({ ID }: { ID: string }) => ID),
      [ids[0]]
    )
    assert.deepStrictEqual((yield* get("/messages?start=5&limit=x")).json.messages, [])
  })
)

it.effect("shows a message, with the submission, and marks it read", () =>
  Effect.gen(function* () {
    const { api, get, ids } = yield* sandboxWith({
      content: { type: "transactional", subject: "one", html: "<p>h</p>", text: "t" },
      additional_headers: [
        { name: "Date", value: "Thu, 01 Jan 2026 10:00:00 +0100" },
        { name: "List-Unsubscribe", value: "<mailto:u@example.com>, <https://example.com/u>" }
      ],
      attachment: [{ filename: "a.csv", type: "csv", content: "YSxi" }]
    })
    const { json } = yield* get(`/message/${ids[0]}`)
    const { Submission, Size, ...mailpit } = json
    assert.deepStrictEqual(mailpit, {
      ID: ids[0],
      MessageID: "",
      From: { Name: "Sender", Address: "sender@example.com" },
      To: [{ Name: "", Address: "recipient@example.net" }],
      Cc: [],
      Bcc: [],
      ReplyTo: [],
      ReturnPath: "sender@example.com",
      Subject: "one",
      ListUnsubscribe: {
        Header: "<mailto:u@example.com>, <https://example.com/u>",
        Links: ["mailto:u@example.com", "https://example.com/u"],
        Errors: "",
        HeaderPost: ""
      },
      Date: "2026-01-01T09:00:00.000Z",
      Tags: [],
      Username: "demo@example.com",
      Text: "t",
      HTML: "<p>h</p>",
      Inline: [],
      Attachments: [
        {
          PartID: "1",
          FileName: "a.csv",
          ContentType: "text/csv",
          ContentID: "",
          Size: 3,
          Checksums: {
            MD5: "b345e1dc09f20fdefdea469f09167892",
            SHA1: "5d8b1241b0484dd20c2cfeca6f692becfbab5d18",
            SHA256: "1eb7c54d52831bbfe8942af0b1c56b7409523a59ed6ca99c1174fef7eb32c1b5"
          }
        }
      ]
    })
    assert.isNumber(Size)
    assert.strictEqual(Submission.Payload.content.html, "<p>h</p>")
    assert.strictEqual(Submission.Answer.status, 201)
    assert.strictEqual(Submission.Answer.body.data.id, ids[0])
    assert.strictEqual((yield* get("/messages")).json.unread, 0)
    assert.strictEqual((yield* get("/message/latest")).json.ID, ids[0])
    assert.strictEqual((yield* get("/message/none")).status, 404)
    assert.strictEqual((yield* call(`${api}/message/none/raw`)).status, 404)
  })
)

it.effect("gives headers and parts, and no part a type that a browser would run", () =>
  Effect.gen(function* () {
    const { get, ids } = yield* sandboxWith({
      additional_headers: [
        { name: "x-custom-id", value: "1" },
        { name: "X-Custom-ID", value: "2" }
      ],
      attachment: [{ filename: "a.png", type: "png", content: "PHNjcmlwdD4=" }]
    })
    const { json } = yield* get(`/message/${ids[0]}/headers`)
    assert.deepStrictEqual(json["X-Custom-Id"], ["1", "2"])
    assert.deepStrictEqual(json["Subject"], ["Hello"])
    const part = yield* get(`/message/${ids[0]}/part/1`)
    assert.strictEqual(part.text, "<script>")
    assert.strictEqual(part.headers["content-type"], "application/octet-stream")
    assert.strictEqual(part.headers["x-content-type-options"], "nosniff")
    assert.strictEqual(part.headers["content-disposition"], "attachment; filename*=utf-8''a.png")
    assert.strictEqual((yield* get(`/message/${ids[0]}/part/2`)).status, 404)
    const opened = yield* get(`/message/${ids[0]}/part/1?open=true`)
    assert.strictEqual(opened.headers["content-type"], "image/png")
    assert.strictEqual(opened.headers["content-disposition"], "inline; filename*=utf-8''a.png")
    assert.match(String(opened.headers["content-security-policy"]), /default-src 'none'.*sandbox/)
    const raw = yield* get(`/message/latest/raw`)
    assert.strictEqual(raw.headers["content-type"], "text/plain; charset=utf-8")
    assert.strictEqual(raw.headers["x-content-type-options"], "nosniff")
    assert.include(raw.text, "Subject: Hello\r\n")
  })
)

it.effect("searches, and counts what it found", () =>
  Effect.gen(function* () {
    const { get, ids } = yield* sandboxWith(subject("apple pie"), subject("apple"), subject("pear"))
    yield* get(`/message/${ids[1]}`)
    const { json } = yield* get("/search?query=subject:apple&limit=1")
    assert.strictEqual(json.total, 3)
    assert.strictEqual(json.unread, 2)
    assert.strictEqual(json.messages_count, 2)
    assert.strictEqual(json.messages_unread, 1)
    assert.strictEqual(json.count, 1)
    assert.strictEqual(json.messages[0].ID, ids[1])
    assert.strictEqual((yield* get("/message/latest?query=%22apple+pie%22")).json.ID, ids[0])
    assert.strictEqual((yield* get("/search?query=")).status, 400)
  })
)

it.effect("deletes by id, by search, and all", () =>
  Effect.gen(function* () {
    const { api, captured, ids } = yield* sandboxWith(subject("a"), subject("b"), subject("c"), subject("d"))
    const left = Effect.map(captured, (all) => all.map((message) => message.subject))
    const remove = (path: string, json?: unknown) =>
      call(`${api}${path}`, { method: "DELETE", ...(json === undefined ? {} : { json }) })
    assert.strictEqual((yield* remove("/messages", { IDs: [ids[1], "unknown"] })).text, "ok")
    assert.deepStrictEqual(yield* left, ["a", "c", "d"])
    assert.strictEqual((yield* remove("/search?query=subject:c")).status, 200)
    assert.deepStrictEqual(yield* left, ["a", "d"])
    assert.strictEqual((yield* remove("/search")).status, 400)
    assert.strictEqual((yield* remove("/messages", { IDs: "all" })).status, 400)
    assert.deepStrictEqual(yield* left, ["a", "d"])
    assert.strictEqual((yield* remove("/messages")).status, 200)
    assert.deepStrictEqual(yield* left, [])
  })
)

it.effect("sets the read status by id, by search, of all", () =>
  Effect.gen(function* () {
    const { api, get, ids } = yield* sandboxWith(subject("a"), subject("b"))
    const unread = Effect.map(get("/messages"), ({ json }) => json.unread)
    const set = (json: unknown) => call(`${api}/messages`, { method: "PUT", json })
    yield* set({ Read: true, IDs: [ids[0]] })
    assert.strictEqual(yield* unread, 1)
    yield* set({ Read: true, Search: "subject:b" })
    assert.strictEqual(yield* unread, 0)
    yield* set({ Read: false })
    assert.strictEqual(yield* unread, 2)
    assert.strictEqual((yield* set({ Read: true, IDs: ["x"], Search: "y" })).status, 400)
    assert.strictEqual((yield* set([1])).status, 400)
    assert.strictEqual(yield* unread, 2)
  })
)

it.effect("waits for a message: there already, or to come, or 408", () =>
  Effect.gen(function* () {
    const { get, ids, submit } = yield* sandboxWith(subject("first"))
    assert.strictEqual((yield* get("/messages/wait?query=subject:first")).json.ID, ids[0])
    assert.strictEqual((yield* get("/messages/wait")).json.ID, ids[0])
    const waiting = yield* Effect.forkChild(get("/messages/wait?query=subject:second&timeout=60"))
    yield* submit(subject("third"))
    const second = yield* submit(subject("second"))
    assert.strictEqual((yield* Fiber.join(waiting)).json.ID, second)
    const late = yield* Effect.forkChild(get("/messages/wait?query=subject:fourth&timeout=2"))
    // The request has to arrive before time can pass for it.
    yield* eventually(Effect.map(TestClock.adjust("1 second"), () => late.pollUnsafe() !== undefined))
    assert.strictEqual((yield* Fiber.join(late)).status, 408)
    for (const timeout of ["61", "-1", "x"]) {
      assert.strictEqual((yield* get(`/messages/wait?timeout=${timeout}`)).status, 400, timeout)
    }
  })
)

it.effect("answers probes and info", () =>
  Effect.gen(function* () {
    const { get, url } = yield* sandboxWith({ tags: ["t"] })
    for (const probe of ["livez", "readyz"]) assert.strictEqual((yield* call(`${url}/${probe}`)).status, 200)
    const { json } = yield* get("/info")
    assert.strictEqual(json.Messages, 1)
    assert.deepStrictEqual(json.Tags, { t: 1 })
    assert.deepStrictEqual((yield* get("/tags")).json, ["t"])
    assert.strictEqual((yield* call(`${url}/nowhere`)).status, 404)
  })
)
