/** A sandbox without a gateway: what it knows of its calls alone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startSandbox } from "../../kit/SandboxKit.ts"
import { call, emailV1, emailV2, login, prepareV1, prepareV2, submitV1, submitV2 } from "./SandboxClient.ts"

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

describe("GET /sandbox/messages/:id/story", () => {
  it.effect("has the call, its answer and its trace", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const { headers, senderId } = yield* prepareV2(kit)
      const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`
      const { json } = yield* submitV2(kit, { ...headers, "x-request-id": "r-1", traceparent }, emailV2(senderId))
      const story = yield* call(`${kit.url}/sandbox/messages/${json.data.id}/story`)
      assert.strictEqual(story.json.traceId, TRACE)
      assert.deepStrictEqual(story.json.log, [])
      assert.strictEqual(story.json.exchanges.length, 1)
      const [exchange] = story.json.exchanges
      assert.containSubset(exchange, { method: "POST", path: "/v2/emails", outcome: 201, requestId: "r-1" })
      assert.deepStrictEqual(JSON.parse(exchange.request.text), emailV2(senderId))
      assert.deepStrictEqual(JSON.parse(exchange.answer.text), json)
      assert.notInclude(story.text, headers.authorization.slice(7))
      assert.strictEqual((yield* call(`${kit.url}/sandbox/messages/unknown/story`)).status, 404)
    })
  )

  it.effect("is told from the message when the call is no longer listed", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const { headers, senderId } = yield* prepareV2(kit)
      const { json } = yield* submitV2(kit, headers, emailV2(senderId))
      yield* call(`${kit.url}/sandbox/calls`, { method: "DELETE" })
      const story = yield* call(`${kit.url}/sandbox/messages/${json.data.id}/story`)
      const [exchange] = story.json.exchanges
      assert.deepStrictEqual(JSON.parse(exchange.request.text), emailV2(senderId))
      assert.strictEqual(exchange.outcome, 201)
    })
  )

  it.effect("has the request even when it was too large for the list of calls", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const { headers, senderId } = yield* prepareV2(kit)
      const attachment = [{ filename: "a.pdf", type: "pdf", content: "QUJD".repeat(500_000) }]
      const { json } = yield* submitV2(kit, headers, emailV2(senderId, { attachment }))
      const story = yield* call(`${kit.url}/sandbox/messages/${json.data.id}/story`)
      assert.isBelow(story.text.length, 10_000)
      const [exchange] = story.json.exchanges
      assert.isAbove(exchange.request.bytes, 2_000_000)
      assert.match(JSON.parse(exchange.request.text).attachment[0].content, /2,000,000 characters/)
    })
  )
})

describe("GET /sandbox/refusals", () => {
  it.effect("has what the API objected to, by either contract", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const { headers, senderId } = yield* prepareV2(kit)
      yield* submitV2(kit, headers, emailV2(senderId, { email: "nobody" }))
      yield* submitV2(kit, headers, emailV2("unknown"))
      yield* submitV1(kit, yield* prepareV1(kit), emailV1({ subject: undefined }))
      yield* kit.inject({ endpoint: "emails", what: "result", result: "rejected" })
      yield* submitV2(kit, headers, emailV2(senderId))
      const { json } = yield* call(`${kit.url}/sandbox/refusals`)
      assert.deepStrictEqual(
        json.map(({ reason }: { reason: string }) => reason),
        [
          '201: answered "rejected"',
          "400: field required",
          "400: sender.id: Sender not found",
          "422: email: value is not a valid email address"
        ]
      )
      const { at, id, ...last } = json.at(-1)
      assert.isNumber(at)
      assert.deepStrictEqual(last, {
        username: "demo@example.com",
        by: "api",
        recipient: "nobody",
        subject: "Hello",
        reason: "422: email: value is not a valid email address"
      })
      const story = yield* call(`${kit.url}/sandbox/refusals/${id}/story`)
      assert.strictEqual(story.json.exchanges[0].outcome, 422)
      assert.strictEqual((yield* call(`${kit.url}/sandbox/refusals/unknown/story`)).status, 404)
      assert.deepStrictEqual((yield* call(`${kit.url}/sandbox/refusals?inbox=inbox-other`)).json, [])
    })
  )

  it.effect("keeps a thousand, and of long texts the beginning", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const { headers } = yield* prepareV2(kit)
      const content = { type: "transactional", subject: "x".repeat(100_000), text: "x" }
      yield* submitV2(kit, headers, emailV2("unknown", { content, email: `${"y".repeat(100_000)}@example.com` }))
      const [refusal] = (yield* call(`${kit.url}/sandbox/refusals`)).json
      assert.isAtMost(refusal.subject.length, 500)
      assert.isAtMost(refusal.recipient.length, 500)
      yield* Effect.forEach(Array.from({ length: 1_010 }), () => submitV2(kit, headers, emailV2("unknown")), {
        concurrency: 20,
        discard: true
      })
      assert.strictEqual((yield* call(`${kit.url}/sandbox/refusals`)).json.length, 1_000)
    })
  )
})

it.effect("bodies of login calls are shown without what is secret in them, however odd they are", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    yield* login(kit, "demo@example.com", "hunter2")
    yield* call(`${kit.url}/token`, { method: "POST", body: "hunter2" })
    yield* call(`${kit.url}/token`, { method: "POST", json: ["hunter2"] })
    yield* call(`${kit.url}/token`, { method: "POST", json: "hunter2" })
    yield* call(`${kit.url}/token`, { method: "POST", form: { grant_type: "refresh_token", refresh_token: "hunter2" } })
    yield* call(`${kit.url}/v1/auth/validate`, { method: "POST", json: { username: "x", password: "hunter2" } })
    const { json, text } = yield* call(`${kit.url}/sandbox/calls`)
    assert.strictEqual(json.total, 6)
    assert.notInclude(text, "hunter2")
  })
)
