import { assert, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { startSandbox } from "../../kit/SandboxKit.ts"
import { bearer, call, emailV1, prepareV1, submitV1 } from "./SandboxClient.ts"

const validate = (url: string, json: unknown) => call(`${url}/v1/auth/validate`, { method: "POST", json })

it.effect("a login gives a key, and says how long it lasts", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const { json, status } = yield* validate(kit.url, { username: "demo@example.com", password: "demo" })
    assert.strictEqual(status, 200)
    assert.match(json.api_key, /^cm_live_[0-9a-f]+$/)
    assert.deepStrictEqual(
      { ...json, api_key: "" },
      {
        api_key: "",
        account_id: "acc_1",
        email: "demo@example.com",
        expires_in: 900
      }
    )
    assert.strictEqual((yield* submitV1(kit, bearer(json.api_key), emailV1())).status, 200)
    yield* TestClock.adjust("900 seconds")
    assert.strictEqual((yield* submitV1(kit, bearer(json.api_key), emailV1())).status, 401)
  })
)

it.effect("a login is refused in the contract's shape", () =>
  Effect.gen(function* () {
    const mfa = { username: "mfa@example.com", password: Redacted.make("m"), accountIds: [2] as const }
    const kit = yield* startSandbox({ accounts: [{ ...mfa, secondFactor: 401 }] })
    const wrong = yield* validate(kit.url, { username: "mfa@example.com", password: "wrong" })
    assert.strictEqual(wrong.status, 401)
    assert.deepStrictEqual(wrong.json, { error: "invalid_credentials", message: "Invalid username or password" })
    const malformed = yield* validate(kit.url, { username: "mfa@example.com" })
    assert.strictEqual(malformed.status, 400)
    assert.deepStrictEqual(malformed.json, { error: "validation_error", message: "field required", field: "password" })
    const challenged = yield* validate(kit.url, { username: "mfa@example.com", password: "m" })
    assert.strictEqual(challenged.status, 401)
    assert.isString(challenged.json.challenge)
  })
)

it.effect("what is accepted is captured whole", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const headers = yield* prepareV1(kit)
    const email = emailV1({
      to: [{ email: "recipient@example.net", name: "Recipient" }],
      cc: [{ email: "cc@example.net" }],
      html_body: "<p>Hello</p>",
      reply_to: { email: "reply@example.com", name: 'The "R"' },
      headers: { "Message-ID": "<m1@example.com>", "X-Campaign": "7" },
      attachments: [{ filename: "größe 1.tar.gz", content: "aGk=", content_type: "application/gzip" }]
    })
    const answer = yield* submitV1(kit, headers, email)
    assert.strictEqual(answer.status, 200)
    assert.isString(answer.headers["x-request-id"])
    const id = answer.json.message_id
    assert.deepStrictEqual(answer.json, { message_id: id, status: "queued", recipient: "recipient@example.net" })
    const [message] = yield* kit.captured
    const { attachmentBase64, attachmentContents, body, receivedAt, ...rest } = message!
    assert.deepStrictEqual(rest, {
      id,
      contract: "gateway-v1",
      username: "demo@example.com",
      accountId: 1,
      requestId: String(answer.headers["x-request-id"]),
      messageId: "m1@example.com",
      sender: { address: "sender@example.com", name: "Sender" },
      recipient: { address: "recipient@example.net", name: "Recipient" },
      subject: "Hello",
      text: "Hello, world",
      html: "<p>Hello</p>",
      headers: [
        { name: "Message-ID", value: "<m1@example.com>" },
        { name: "X-Campaign", value: "7" },
        { name: "Reply-To", value: '"The \\"R\\"" <reply@example.com>' }
      ],
      attachments: [{ fileName: "größe 1.tar.gz", contentType: "application/gzip", size: 2 }],
      tags: [],
      tracking: {},
      listId: undefined,
      payload: email,
      answer: { status: 200, body: answer.json }
    })
    assert.strictEqual(receivedAt, 0)
    assert.strictEqual(Buffer.from(body).toString(), JSON.stringify(email))
    assert.strictEqual(attachmentBase64(0), "aGk=")
    assert.deepStrictEqual(attachmentContents(), ["aGk="])
  })
)

const file = (changes: object) => ({
  attachments: [{ filename: "a.bin", content: "aGk=", content_type: "application/octet-stream", ...changes }]
})

it.effect.each<[string, object, string | "accepted"]>([
  ["no sender", { from: undefined }, "from"],
  ["sender no address", { from: { email: "x" } }, "from.email"],
  ["no recipient", { to: [] }, "to"],
  ["recipient no address", { to: [{ email: "x" }] }, "to.email"],
  ["recipient with a name", { to: [{ email: "a@example.com", name: "A" }] }, "accepted"],
  ["cc no address", { cc: [{ email: "x" }] }, "cc.email"],
  ["bcc no address", { bcc: [{ email: "x" }] }, "bcc.email"],
  ["bcc", { bcc: [{ email: "a@example.com" }] }, "accepted"],
  ["no subject", { subject: undefined }, "subject"],
  ["empty subject", { subject: "" }, "accepted"],
  ["no body at all", { text_body: undefined }, "text_body"],
  ["html body alone", { text_body: undefined, html_body: "<p>" }, "accepted"],
  ["text body no string", { text_body: 1 }, "text_body"],
  ["reply_to no address", { reply_to: { email: "x" } }, "reply_to.email"],
  ["reply_to", { reply_to: { email: "a@example.com" } }, "accepted"],
  ["header value of two lines", { headers: { "X-A": "a\nb" } }, "headers.X-A"],
  ["header value no string", { headers: { "X-A": 1 } }, "headers.X-A"],
  ["headers", { headers: { "X-A": "a" } }, "accepted"],
  ["file without name", file({ filename: "" }), "attachments.filename"],
  ["file without type", file({ content_type: undefined }), "attachments.content_type"],
  ["file type no MIME type", file({ content_type: "pdf" }), "attachments.content_type"],
  ["file with line breaks", file({ content: "aG\nk=" }), "attachments.content"],
  ["file", file({}), "accepted"]
])("POST /v1/emails: %s", ([, changes, field]) =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const answer = yield* submitV1(kit, yield* prepareV1(kit), emailV1(changes))
    if (field === "accepted") {
      assert.strictEqual(answer.status, 200, answer.text)
      return
    }
    assert.strictEqual(answer.status, 400, answer.text)
    assert.strictEqual(answer.json.error, "validation_error")
    assert.isString(answer.json.message)
    assert.strictEqual(answer.json.field, field)
    assert.deepStrictEqual(yield* kit.captured, [])
  })
)

it.effect("no key, a wrong key, no JSON", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const headers = yield* prepareV1(kit)
    const refused = yield* submitV1(kit, {}, emailV1())
    assert.strictEqual(refused.status, 401)
    assert.deepStrictEqual(refused.json, { error: "invalid_credentials", message: "Invalid API key" })
    assert.strictEqual((yield* submitV1(kit, bearer("cm_live_0"), emailV1())).status, 401)
    const broken = yield* call(`${kit.url}/v1/emails`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: "{"
    })
    assert.strictEqual(broken.status, 400)
    assert.strictEqual(broken.json.message, "invalid JSON")
  })
)
