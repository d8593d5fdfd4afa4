import { assert, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { startSandbox } from "../../kit/SandboxKit.ts"
import { bearer, call, emailV2, login, prepareV2, submitV2 } from "./SandboxClient.ts"

const account = (username: string, more: object = {}) => ({
  username,
  password: Redacted.make("secret"),
  accountIds: [7, 8] as const,
  ...more
})

it.effect("a login gives a token that reaches the accounts", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const { json, status } = yield* login(kit)
    assert.strictEqual(status, 200)
    assert.strictEqual(json.token_type, "bearer")
    assert.strictEqual(json.expires_in, 5 * 24 * 3600)
    assert.deepStrictEqual(json.accounts, [1])
    const senders = yield* call(`${kit.url}/brands/default/senders?page=1&per_page=1`, {
      headers: bearer(json.access_token)
    })
    assert.strictEqual(senders.status, 200)
    assert.deepStrictEqual(senders.json.pagination, { page: 1, per_page: 1 })
    assert.deepStrictEqual(
      senders.json.data.map(({ confirmed, email }: { confirmed: boolean; email: string }) => [email, confirmed]),
      [["demo@example.com", true]]
    )
  })
)

it.effect("names and passwords are form-encoded: + is a space, %2B a plus", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox({ accounts: [{ ...account("a+b@example.com"), password: Redacted.make("p +&ü") }] })
    const good = yield* call(`${kit.url}/token`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "grant_type=password&username=a%2Bb%40example.com&password=p+%2B%26%C3%BC"
    })
    assert.strictEqual(good.status, 200)
    const unescaped = yield* call(`${kit.url}/token`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "grant_type=password&username=a+b@example.com&password=p+%2B%26%C3%BC"
    })
    assert.strictEqual(unescaped.status, 422)
  })
)

it.effect.each<[string, Record<string, string>, number]>([
  ["wrong password", { grant_type: "password", username: "demo@example.com", password: "x" }, 401],
  ["unknown user", { grant_type: "password", username: "x@example.com", password: "demo" }, 401],
  ["no address", { grant_type: "password", username: "demo", password: "demo" }, 422],
  ["no password", { grant_type: "password", username: "demo@example.com" }, 422],
  ["no grant type", { username: "demo@example.com", password: "demo" }, 422],
  ["unknown grant type", { grant_type: "magic", username: "demo@example.com", password: "demo" }, 422],
  ["unknown refresh token", { grant_type: "refresh_token", refresh_token: "x" }, 401],
  ["no refresh token", { grant_type: "refresh_token" }, 422],
  ["account out of reach", { ...DEMO(), account_id: "2" }, 400],
  ["account in reach", { ...DEMO(), account_id: "1" }, 200],
  ["lifetime too short", { ...DEMO(), expiration_seconds: "599" }, 422],
  ["lifetime long enough", { ...DEMO(), expiration_seconds: "600" }, 200]
])("POST /token: %s", ([, form, status]) =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const answer = yield* call(`${kit.url}/token`, { method: "POST", form })
    assert.strictEqual(answer.status, status)
    if (status !== 200) assert.isDefined(answer.json.detail)
  })
)

it.effect("a token ends when it says, and a refresh token works once", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox({ accounts: [account("a@example.com", { tokenLifetime: "10 minutes" })] })
    const { json } = yield* login(kit, "a@example.com", "secret")
    assert.strictEqual(json.expires_in, 600)
    const list = call(`${kit.url}/brands/default/senders`, { headers: bearer(json.access_token) })
    yield* TestClock.adjust("599 seconds")
    assert.strictEqual((yield* list).status, 200)
    yield* TestClock.adjust("1 second")
    assert.strictEqual((yield* list).status, 401)
    const refresh = call(`${kit.url}/token`, {
      method: "POST",
      form: { grant_type: "refresh_token", refresh_token: json.refresh_token }
    })
    const renewed = yield* refresh
    assert.strictEqual(renewed.status, 200)
    const again = yield* call(`${kit.url}/brands/default/senders`, { headers: bearer(renewed.json.access_token) })
    assert.strictEqual(again.status, 200)
    assert.strictEqual((yield* refresh).status, 401)
    yield* kit.sandbox.revokeTokens
    const revoked = yield* call(`${kit.url}/brands/default/senders`, { headers: bearer(renewed.json.access_token) })
    assert.strictEqual(revoked.status, 401)
  })
)

it.effect.each([200, 401] as const)("a second factor is a challenge with %s", (secondFactor) =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    yield* kit.sandbox.addAccount(account("mfa@example.com", { secondFactor }))
    const answer = yield* login(kit, "mfa@example.com", "secret")
    assert.strictEqual(answer.status, secondFactor)
    assert.isString(answer.json.challenge)
    assert.notProperty(answer.json, "access_token")
    assert.strictEqual((yield* login(kit, "mfa@example.com", "wrong")).json.challenge, undefined)
  })
)

it.effect("a personal access token is a bearer token, an unknown one is not", () =>
  Effect.gen(function* () {
    const known = `ck_pat_${"0123456789".repeat(4)}`
    const kit = yield* startSandbox({
      accounts: [account("a@example.com", { personalAccessTokens: [Redacted.make(known)] })]
    })
    const verify = (token: string) =>
      call(`${kit.url}/brands/default/senders?page=1&per_page=1`, { headers: bearer(token) })
    assert.strictEqual((yield* verify(known)).status, 200)
    assert.strictEqual((yield* verify(`ck_pat_${"f".repeat(40)}`)).status, 401)
    yield* kit.sandbox.revokeTokens
    assert.strictEqual((yield* verify(known)).status, 200)
  })
)

it.effect("senders: confirmed at once, paged, one for an address", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox({ accounts: [account("a@example.com")] })
    const { headers } = yield* prepareV2(kit, "a@example.com", "secret")
    const url = `${kit.url}/brands/default/senders`
    const create = (json: unknown) => call(url, { method: "POST", headers, json })
    const second = yield* create({ name: "Two", email: "Two@Example.com" })
    assert.strictEqual(second.status, 201)
    assert.isTrue(second.json.data.confirmed)
    assert.isString(second.json.data.id)
    assert.strictEqual((yield* create({ name: "2", email: "two@example.com" })).json.data.id, second.json.data.id)
    const page = yield* call(`${url}?page=2&per_page=1&with_count=true`, { headers })
    assert.deepStrictEqual(page.json, {
      pagination: { page: 2, per_page: 1, count: 2 },
      data: [{ id: second.json.data.id, name: "Two", email: "Two@Example.com", confirmed: true }]
    })
    assert.deepStrictEqual((yield* call(`${url}?page=3&per_page=1`, { headers })).json.data, [])
    for (const query of ["page=0", "page=x", "per_page=0", "per_page=101"]) {
      assert.strictEqual((yield* call(`${url}?${query}`, { headers })).status, 422, query)
    }
    assert.strictEqual((yield* create({ name: "", email: "a@example.com" })).status, 422)
    assert.strictEqual((yield* create({ name: "A", email: "a" })).status, 422)
    assert.strictEqual((yield* call(url)).status, 401)
  })
)

it.effect("a sender that waits for confirmation cannot send until it came", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox({ confirmSenders: false })
    const { headers, senderId } = yield* prepareV2(kit)
    const refused = yield* submitV2(kit, headers, emailV2(senderId))
    assert.strictEqual(refused.status, 400)
    assert.deepStrictEqual(refused.json.detail[0].loc, ["body", "sender", "id"])
    yield* kit.sandbox.confirmSender(1, "SENDER@example.com")
    assert.strictEqual((yield* submitV2(kit, headers, emailV2(senderId))).status, 201)
  })
)

it.effect("an account is reached by account_id or not at all", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox({ accounts: [account("a@example.com")] })
    const { headers, senderId } = yield* prepareV2(kit, "a@example.com", "secret")
    assert.strictEqual((yield* submitV2(kit, headers, emailV2(senderId), "?account_id=7")).status, 201)
    // Senders belong to an account.
    assert.strictEqual((yield* submitV2(kit, headers, emailV2(senderId), "?account_id=8")).status, 400)
    const other = yield* kit.sandbox.addSender(8, { name: "", email: "b@example.com", confirmed: true })
    assert.strictEqual((yield* submitV2(kit, headers, emailV2(other.id), "?account_id=8")).status, 201)
    const refused = yield* submitV2(kit, headers, emailV2(senderId), "?account_id=9")
    assert.strictEqual(refused.status, 400)
    assert.strictEqual(refused.json.detail[0].code, 8004)
    assert.strictEqual((yield* submitV2(kit, headers, emailV2(senderId), "?account_id=x")).status, 422)
    assert.deepStrictEqual(
      (yield* kit.captured).map(({ accountId }) => accountId),
      [7, 8]
    )
  })
)

it.effect("some accounts want a list_id", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox({ accounts: [account("a@example.com", { listIdRequired: true })] })
    const { headers, senderId } = yield* prepareV2(kit, "a@example.com", "secret")
    const refused = yield* submitV2(kit, headers, emailV2(senderId))
    assert.strictEqual(refused.status, 400)
    assert.deepStrictEqual(refused.json.detail[0].loc, ["body", "list_id"])
    assert.strictEqual((yield* submitV2(kit, headers, emailV2(senderId, { list_id: 12 }))).status, 201)
    assert.strictEqual((yield* kit.captured)[0]?.listId, 12)
  })
)

it.effect("what is accepted is captured whole", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    yield* TestClock.setTime(1_700_000_000_000)
    const { headers, senderId } = yield* prepareV2(kit)
    const email = {
      sender: { id: senderId, name: "Display" },
      email: "recipient@example.net",
      content: { type: "marketing", subject: "Grüße", html: "<p>Hi</p>", text: "Hi", encoding: "utf-8" },
      tags: ["a-1", "b_2"],
      tracking: { opens: true, clicks_html: false, clicks_text: true },
      additional_headers: [{ name: "Message-ID", value: "<m1@example.com>" }],
      attachment: [{ filename: "a.pdf", type: "pdf", content: "aGVsbG8=" }],
      unknown: { fields: "are ignored" }
    }
    const answer = yield* submitV2(kit, { ...headers, "x-request-id": "r-1" }, email)
    assert.strictEqual(answer.status, 201)
    assert.strictEqual(answer.headers["x-request-id"], "r-1")
    const { id, status } = answer.json.data
    assert.match(id, /^[0-9a-f-]{36}$/)
    assert.deepStrictEqual(answer.json, {
      email: "recipient@example.net",
      object: "email",
      submitted: true,
      data: { id, status }
    })
    assert.strictEqual(status, "queued")
    const [message] = yield* kit.captured
    assert.isDefined(message)
    const { attachmentBase64, attachmentContents, body, ...rest } = message!
    assert.deepStrictEqual(rest, {
      id,
      contract: "email-api-v2",
      username: "demo@example.com",
      accountId: 1,
      requestId: "r-1",
      receivedAt: 1_700_000_000_000,
      messageId: "m1@example.com",
      sender: { address: "sender@example.com", name: "Display" },
      recipient: { address: "recipient@example.net", name: "" },
      subject: "Grüße",
      text: "Hi",
      html: "<p>Hi</p>",
      headers: email.additional_headers,
      attachments: [{ fileName: "a.pdf", contentType: "application/pdf", size: 5 }],
      tags: ["a-1", "b_2"],
      tracking: { opens: true, clicksHtml: false, clicksText: true },
      listId: undefined,
      payload: email,
      answer: { status: 201, body: answer.json }
    })
    assert.strictEqual(Buffer.from(body).toString(), JSON.stringify(email))
    assert.strictEqual(attachmentBase64(0), "aGVsbG8=")
    assert.strictEqual(attachmentBase64(1), undefined)
    assert.deepStrictEqual(attachmentContents(), ["aGVsbG8="])
  })
)

const content = (changes: object) => ({
  content: { type: "transactional", subject: "Hello", text: "Hello", ...changes }
})
const file = (changes: object) => ({
  attachment: [{ filename: "a.pdf", type: "pdf", content: "aGVsbG8=", ...changes }]
})
const header = (name: string, value = "v") => ({ additional_headers: [{ name, value }] })

it.effect.each<[string, object, Array<string | number> | "accepted"]>([
  ["sender without id", { sender: {} }, ["sender", "id"]],
  ["sender id not a string", { sender: { id: 5 } }, ["sender", "id"]],
  ["recipient no address", { email: "nobody" }, ["email"]],
  ["recipient with a name", { email: "A <a@example.com>" }, ["email"]],
  ["recipient in a single-label domain", { email: "a@localhost" }, ["email"]],
  ["recipient with two dots", { email: "a..b@example.com" }, ["email"]],
  ["recipient with plus and underscore", { email: "a_b+c@sub.example.com" }, "accepted"],
  ["recipient beyond ASCII", { email: "jörg@bücher.example" }, "accepted"],
  ["recipient with a quoted local part", { email: '"a b"@example.com' }, "accepted"],
  ["list_id no integer", { list_id: "12" }, ["list_id"]],
  ["list_id", { list_id: 12 }, "accepted"],
  ["no content", { content: undefined }, ["content"]],
  ["no type", content({ type: undefined }), ["content", "type"]],
  ["unknown type", content({ type: "bulk" }), ["content", "type"]],
  ["marketing", content({ type: "marketing" }), "accepted"],
  ["empty subject", content({ subject: "" }), ["content", "subject"]],
  ["no subject", content({ subject: undefined }), ["content", "subject"]],
  ["empty html", content({ html: "" }), ["content", "html"]],
  ["html", content({ html: "<p>" }), "accepted"],
  ["empty text", content({ text: "" }), ["content", "text"]],
  ["html alone", content({ text: undefined, html: "x" }), "accepted"],
  ["neither html nor text", content({ text: undefined }), ["content"]],
  ["other encoding", content({ encoding: "latin1" }), ["content", "encoding"]],
  ["encoding utf-8", content({ encoding: "utf-8" }), "accepted"],
  ["tag with a space", { tags: ["ok", "a b"] }, ["tags", 1]],
  ["empty tag", { tags: [""] }, ["tags", 0]],
  ["tag of 256 characters", { tags: ["x".repeat(256)] }, ["tags", 0]],
  ["tag of 255 characters", { tags: ["x".repeat(255), "A-_9"] }, "accepted"],
  ["tags no list", { tags: "a" }, ["tags"]],
  ["tracking no boolean", { tracking: { opens: "yes" } }, ["tracking", "opens"]],
  ["tracking", { tracking: { opens: false, clicks_html: true, clicks_text: true } }, "accepted"],
  ["header cc", header("Cc"), ["additional_headers", 0, "name"]],
  ["header bcc", header("BCC"), ["additional_headers", 0, "name"]],
  ["header X-Bcc", header("X-Bcc"), "accepted"],
  ["header name with a colon", header("a:b"), ["additional_headers", 0, "name"]],
  ["header value of two lines", header("X-A", "a\r\nBcc: b"), ["additional_headers", 0, "value"]],
  ["header without value", { additional_headers: [{ name: "X-A" }] }, ["additional_headers", 0, "value"]],
  ["file name with a space", file({ filename: "a b.pdf" }), ["attachment", 0, "filename"]],
  ["file name with two dots", file({ filename: "a.tar.pdf" }), ["attachment", 0, "filename"]],
  ["file name .jpg", file({ filename: "a.jpg" }), ["attachment", 0, "filename"]],
  ["file name .PDF", file({ filename: "a.PDF" }), ["attachment", 0, "filename"]],
  ["file name .ics", file({ filename: "invite.ics", type: "calendar" }), "accepted"],
  ["file name with - and _", file({ filename: "a-b_C9.xlsx", type: "xlsx" }), "accepted"],
  ["file type a MIME type", file({ type: "application/pdf" }), ["attachment", 0, "type"]],
  ["file type jpg", file({ type: "jpg" }), ["attachment", 0, "type"]],
  ["file without content", file({ content: undefined }), ["attachment", 0, "content"]],
  ["base64 without padding", file({ content: "aGVsbG8" }), ["attachment", 0, "content"]],
  ["base64 with a line break", file({ content: "aGVs\nbG8=" }), ["attachment", 0, "content"]],
  ["base64 of the URL alphabet", file({ content: "_-__" }), ["attachment", 0, "content"]],
  ["base64 with padding inside", file({ content: "aG==bG8=" }), ["attachment", 0, "content"]],
  ["base64 of +/", file({ content: "+/++" }), "accepted"]
])("POST /v2/emails: %s", ([, changes, where]) =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const { headers, senderId } = yield* prepareV2(kit)
    const answer = yield* submitV2(kit, headers, emailV2(senderId, changes))
    if (where === "accepted") {
      assert.strictEqual(answer.status, 201, answer.text)
      return
    }
    assert.strictEqual(answer.status, 422, answer.text)
    assert.deepStrictEqual(answer.json.detail[0].loc, ["body", ...where])
    assert.isString(answer.json.detail[0].msg)
    assert.isString(answer.json.detail[0].type)
    assert.deepStrictEqual(yield* kit.captured, [])
  })
)

it.effect("every mistake is reported, and no content with it", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const { headers } = yield* prepareV2(kit)
    const answer = yield* submitV2(kit, headers, { email: "private word", content: { type: 3 } })
    assert.deepStrictEqual(
      answer.json.detail.map(({ loc }: { loc: ReadonlyArray<string> }) => loc.join(".")),
      ["body.sender", "body.email", "body.content.type", "body.content.subject"]
    )
    assert.notInclude(answer.text, "private word")
  })
)

it.effect("an unknown sender, no token, a wrong token, no JSON", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const { headers, senderId } = yield* prepareV2(kit)
    const unknown = yield* submitV2(kit, headers, emailV2("no-such-sender"))
    assert.strictEqual(unknown.status, 400)
    assert.deepStrictEqual(unknown.json.detail[0].loc, ["body", "sender", "id"])
    assert.strictEqual((yield* submitV2(kit, {}, emailV2(senderId))).status, 401)
    assert.strictEqual((yield* submitV2(kit, bearer("x"), emailV2(senderId))).status, 401)
    const url = `${kit.url}/v2/emails`
    const json = { ...headers, "content-type": "application/json" }
    assert.strictEqual((yield* call(url, { method: "POST", headers: json, body: "{" })).status, 422)
    const body = JSON.stringify(emailV2(senderId))
    assert.strictEqual((yield* call(url, { method: "POST", headers, body })).status, 422)
    const notUtf8 = Buffer.from(body.replace("Hello, world", "\u00ff"), "latin1")
    assert.strictEqual((yield* call(url, { method: "POST", headers: json, body: notUtf8 })).status, 422)
    assert.strictEqual((yield* call(url, { method: "POST", headers: json, body })).status, 201)
    assert.strictEqual((yield* call(`${kit.url}/v3/emails`, { method: "POST", headers: json, body })).status, 404)
  })
)

it.effect("a mail of 25 MB goes through, one of 48 MiB does not", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const { headers, senderId } = yield* prepareV2(kit)
    const large = yield* submitV2(kit, headers, emailV2(senderId, file({ content: "QUJD".repeat(9_000_000) })))
    assert.strictEqual(large.status, 201)
    assert.strictEqual((yield* kit.captured)[0]?.attachments[0]?.size, 27_000_000)
    const body = Buffer.alloc(48 * 1024 * 1024 + 1, " ")
    const refused = yield* call(`${kit.url}/v2/emails`, { method: "POST", headers, body })
    assert.strictEqual(refused.status, 413)
  })
)

function DEMO() {
  return { grant_type: "password", username: "demo@example.com", password: "demo" }
}
