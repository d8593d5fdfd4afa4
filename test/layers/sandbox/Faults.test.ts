import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { eventually, type RunningSandboxKit, startSandbox } from "../../kit/SandboxKit.ts"
import {
  call,
  type CallFailed,
  emailV1,
  emailV2,
  login,
  prepareV1,
  prepareV2,
  submitV1,
  submitV2
} from "./SandboxClient.ts"

/** A sandbox with a way to submit by each contract. */
const prepare = Effect.fnUntraced(function* (kit: RunningSandboxKit) {
  const { headers, senderId } = yield* prepareV2(kit)
  const key = yield* prepareV1(kit)
  yield* kit.sandbox.calls.reset
  return {
    ...kit,
    v2: (changes: object = {}) => submitV2(kit, headers, emailV2(senderId, changes)),
    v1: (changes: object = {}) => submitV1(kit, key, emailV1(changes)),
    senders: call(`${kit.url}/brands/default/senders`, { headers })
  }
})

const prepared = Effect.flatMap(startSandbox(), prepare)

const putFaults = ({ url }: RunningSandboxKit, json: unknown) => call(`${url}/sandbox/faults`, { method: "PUT", json })

/** The code of what the client's connection failed with. */
const failure = <A, R>(effect: Effect.Effect<A, CallFailed, R>) => Effect.map(Effect.flip(effect), ({ code }) => code)

it.effect("status: the contract's error shape, a body of one's own, Retry-After", () =>
  Effect.gen(function* () {
    const { captured, inject, v1, v2 } = yield* prepared
    yield* inject({ endpoint: "emails", what: "status", status: 503, retryAfter: 7 })
    const real = yield* v2()
    assert.strictEqual(real.status, 503)
    assert.isString(real.json.detail)
    assert.strictEqual(real.headers["retry-after"], "7")
    assert.isString(real.headers["x-request-id"])
    assert.strictEqual((yield* v1()).json.error, "service_unavailable")
    yield* inject({ endpoint: "emails", what: "status", status: 400, body: { detail: "no" } })
    assert.deepStrictEqual((yield* v2()).json, { detail: "no" })
    yield* inject({ endpoint: "emails", what: "status", status: 502, body: "<html>" })
    assert.strictEqual((yield* v2()).text, "<html>")
    assert.deepStrictEqual(yield* captured, [])
  })
)

it.effect("rate-limit: with and without Retry-After", () =>
  Effect.gen(function* () {
    const { inject, v1, v2 } = yield* prepared
    yield* inject({ endpoint: "emails", what: "rate-limit" })
    const without = yield* v2()
    assert.strictEqual(without.status, 429)
    assert.notProperty(without.headers, "retry-after")
    yield* inject({ endpoint: "emails", what: "rate-limit", retryAfter: 3 })
    assert.strictEqual((yield* v2()).headers["retry-after"], "3")
    const answer = yield* v1()
    assert.strictEqual(answer.status, 429)
    assert.strictEqual(answer.json.retry_after, 3)
  })
)

it.effect("resets: before the body, after it, after it was accepted", () =>
  Effect.gen(function* () {
    const { captured, inject, sandbox, v2 } = yield* prepared
    yield* inject({ endpoint: "emails", what: "reset-before-body" })
    assert.include(["ECONNRESET", "UND_ERR_SOCKET", "EPIPE"], yield* failure(v2()))
    yield* inject({ endpoint: "emails", what: "reset-after-body" })
    assert.strictEqual(yield* failure(v2()), "ECONNRESET")
    assert.deepStrictEqual(yield* captured, [])
    yield* inject({ endpoint: "emails", what: "reset-after-body", accept: true })
    assert.strictEqual(yield* failure(v2()), "ECONNRESET")
    assert.strictEqual((yield* captured).length, 1)
    yield* sandbox.faults.clear
    assert.strictEqual((yield* v2()).status, 201)
    assert.deepStrictEqual((yield* sandbox.calls.summary).endpoints["emails"], {
      calls: 4,
      outcomes: { reset: 3, 201: 1 }
    })
  })
)

it.effect("reset-before-body does not wait for the body", () =>
  Effect.gen(function* () {
    const { inject, v2 } = yield* prepared
    yield* inject({ endpoint: "emails", what: "reset-before-body" })
    const text = "x".repeat(20_000_000)
    assert.isString(yield* failure(v2({ content: { type: "transactional", subject: "s", text } })))
  })
)

it.effect("hang: no answer until the client goes; accepted if so wanted", () =>
  Effect.gen(function* () {
    const { callsOf, captured, inject, sandbox, v2 } = yield* prepared
    yield* inject({ endpoint: "emails", what: "hang", accept: true })
    const hanging = yield* Effect.forkChild(v2())
    yield* eventually(Effect.map(captured, (all) => all.length === 1))
    yield* TestClock.adjust("1 hour")
    assert.isUndefined(hanging.pollUnsafe())
    yield* Fiber.interrupt(hanging)
    assert.strictEqual(yield* callsOf("emails"), 1)
    assert.deepStrictEqual((yield* sandbox.calls.summary).endpoints["emails"]?.outcomes, { unanswered: 1 })
  })
)

it.effect("garbage: a success that cannot be read", () =>
  Effect.gen(function* () {
    const { captured, inject, v1, v2 } = yield* prepared
    yield* inject({ endpoint: "emails", what: "garbage", form: "invalid-json" })
    const invalid = yield* v2()
    assert.strictEqual(invalid.status, 201)
    assert.strictEqual(invalid.json, undefined)
    yield* inject({ endpoint: "emails", what: "garbage", form: "wrong-schema" })
    const wrong = yield* v1()
    assert.strictEqual(wrong.status, 200)
    assert.isObject(wrong.json)
    assert.notProperty(wrong.json, "message_id")
    // Nor a page of senders, which an empty list would be.
    assert.notProperty(wrong.json, "token")
    assert.isString(Object.getOwnPropertyDescriptor(wrong.json, "data")?.value)
    yield* inject({ endpoint: "emails", what: "garbage", form: "empty", status: 200, accept: true })
    const empty = yield* v2()
    assert.strictEqual(empty.status, 200)
    assert.strictEqual(empty.text, "")
    assert.strictEqual((yield* captured).length, 1)
    yield* inject({ endpoint: "emails", what: "garbage", form: "truncated", accept: true })
    assert.strictEqual(yield* failure(v2()), "UND_ERR_SOCKET")
    assert.strictEqual((yield* captured).length, 2)
    yield* inject({ endpoint: "emails", what: "garbage", form: "truncated" })
    assert.strictEqual(yield* failure(v1()), "UND_ERR_SOCKET")
    assert.strictEqual((yield* captured).length, 2)
  })
)

it.effect.each(["rejected", "error"] as const)("result: a success that says %s, of a good submission only", (result) =>
  Effect.gen(function* () {
    const { captured, inject, v1, v2 } = yield* prepared
    yield* inject({ endpoint: "emails", what: "result", result })
    const real = yield* v2()
    assert.strictEqual(real.status, 201)
    assert.strictEqual(real.json.data.status, result)
    assert.strictEqual((yield* v1()).json.status, result)
    assert.strictEqual((yield* v2({ email: "x" })).status, 422)
    assert.deepStrictEqual(yield* captured, [])
  })
)

it.effect("refuse: one recipient, in the shape of each contract", () =>
  Effect.gen(function* () {
    const { captured, inject, v1, v2 } = yield* prepared
    yield* inject({ endpoint: "emails", what: "refuse", recipient: "Bad@example.net", reason: "No such mailbox" })
    const real = yield* v2({ email: "bad@Example.net" })
    assert.strictEqual(real.status, 400)
    assert.deepStrictEqual(real.json.detail, [{ loc: ["body", "email"], msg: "No such mailbox", type: "value_error" }])
    const old = yield* v1({ to: [{ email: "bad@example.net" }] })
    assert.strictEqual(old.status, 400)
    assert.strictEqual(old.json.field, "to.email")
    assert.strictEqual((yield* v2()).status, 201)
    assert.strictEqual((yield* v1()).status, 200)
    assert.strictEqual((yield* captured).length, 2)
  })
)

it.effect("latency: the answer comes when the time has passed, and latencies add up", () =>
  Effect.gen(function* () {
    const { inject, sandbox, v2 } = yield* prepared
    yield* inject(
      { endpoint: "*", what: "latency", latency: 1_000 },
      { endpoint: "emails", what: "status", status: 500, latency: 500 }
    )
    const slow = yield* Effect.forkChild(v2())
    yield* eventually(Effect.map(sandbox.faults.current, ([, status]) => status?.fired === 1))
    yield* TestClock.adjust("1499 millis")
    yield* sandbox.faults.clear
    // A later call that is answered shows that the earlier one still waits.
    assert.strictEqual((yield* v2()).status, 201)
    assert.isUndefined(slow.pollUnsafe())
    yield* TestClock.adjust("1 millis")
    assert.strictEqual((yield* Fiber.join(slow)).status, 500)
  })
)

it.effect("endpoints: each fault hits its own", () =>
  Effect.gen(function* () {
    const kit = yield* prepared
    const { inject, senders, v1, v2 } = kit
    const validate = call(`${kit.url}/v1/auth/validate`, {
      method: "POST",
      json: { username: "demo@example.com", password: "demo" }
    })
    const statuses = Effect.map(Effect.all([login(kit), validate, senders, v2(), v1()]), (answers) =>
      answers.map(({ status }) => status)
    )
    assert.deepStrictEqual(yield* statuses, [200, 200, 200, 201, 200])
    yield* inject({ endpoint: "token", what: "status", status: 500 })
    assert.deepStrictEqual(yield* statuses, [500, 200, 200, 201, 200])
    yield* inject({ endpoint: "auth", what: "status", status: 500 })
    assert.deepStrictEqual(yield* statuses, [500, 500, 200, 201, 200])
    yield* inject({ endpoint: "senders", what: "status", status: 500 })
    assert.deepStrictEqual(yield* statuses, [200, 200, 500, 201, 200])
    yield* inject({ endpoint: "emails", what: "status", status: 500 })
    assert.deepStrictEqual(yield* statuses, [200, 200, 200, 500, 500])
    yield* inject({ endpoint: "*", what: "status", status: 500 })
    assert.deepStrictEqual(yield* statuses, [500, 500, 500, 500, 500])
    assert.strictEqual((yield* call(`${kit.url}/api/v1/messages`)).status, 200)
  })
)

it.effect("skip, next and share: always the same calls", () =>
  Effect.gen(function* () {
    const { inject, v2 } = yield* prepared
    const statuses = Effect.map(Effect.all(Array.from({ length: 8 }, () => v2())), (answers) =>
      answers.map(({ status }) => (status === 500 ? 1 : 0)).join("")
    )
    const fault = { endpoint: "emails", what: "status", status: 500 } as const
    yield* inject({ ...fault, next: 2 })
    assert.strictEqual(yield* statuses, "11000000")
    yield* inject({ ...fault, skip: 1, next: 1 })
    assert.strictEqual(yield* statuses, "01000000")
    yield* inject({ ...fault, share: 0.25 })
    assert.strictEqual(yield* statuses, "00010001")
    yield* inject({ ...fault, share: 0.5, next: 3 })
    assert.strictEqual(yield* statuses, "01010100")
    yield* inject({ ...fault, share: 0 })
    assert.strictEqual(yield* statuses, "00000000")
    yield* inject({ ...fault, next: 1 }, { ...fault, next: 1 })
    assert.strictEqual(yield* statuses, "11000000")
  })
)

it.effect("over HTTP: set with units, shown with counts, cleared", () =>
  Effect.gen(function* () {
    const kit = yield* prepared
    const fault = { endpoint: "emails", what: "status", status: 500, next: 1 }
    const put = yield* putFaults(kit, [fault, { endpoint: "token", what: "latency", latency: "1.5s" }])
    assert.strictEqual(put.status, 200)
    yield* kit.v2()
    yield* kit.v2()
    const shown = yield* call(`${kit.url}/sandbox/faults`)
    assert.deepStrictEqual(shown.json, [
      { fault, matched: 2, fired: 1 },
      { fault: { endpoint: "token", what: "latency", latency: 1_500 }, matched: 0, fired: 0 }
    ])
    assert.strictEqual((yield* call(`${kit.url}/sandbox/faults`, { method: "DELETE" })).status, 204)
    assert.deepStrictEqual((yield* call(`${kit.url}/sandbox/faults`)).json, [])
  })
)

it.effect.each<[string, unknown, string]>([
  ["no list", {}, "array"],
  ["unknown endpoint", [{ endpoint: "mails", what: "hang" }], "endpoint"],
  ["unknown kind", [{ endpoint: "*", what: "explode" }], "what"],
  ["a misspelt field", [{ endpoint: "*", what: "hang", nxt: 1 }], "nxt"],
  ["status without status", [{ endpoint: "*", what: "status" }], "status"],
  ["a share above 1", [{ endpoint: "*", what: "hang", share: 2 }], "share"],
  ["a latency without sense", [{ endpoint: "*", what: "latency", latency: "soon" }], "200ms"],
  ["a recipient before the body is read", [{ endpoint: "*", what: "reset-before-body", recipient: "a@b" }], "recipient"]
])("faults are refused with the reason: %s", ([, faults, reason]) =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    yield* kit.inject({ endpoint: "*", what: "hang" })
    const answer = yield* putFaults(kit, faults)
    assert.strictEqual(answer.status, 400)
    assert.include(answer.json.error, reason)
    assert.strictEqual((yield* kit.sandbox.faults.current).length, 1)
  })
)

it.effect("calls are counted and listed, without tokens", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    yield* login(kit)
    yield* login(kit, "demo@example.com", "wrong")
    yield* call(`${kit.url}/v2/emails?account_id=1`, {
      method: "POST",
      headers: { authorization: "Bearer confidential", "x-request-id": "r-9", traceparent: "00-1-2-01" },
      json: {}
    })
    const { json, text } = yield* call(`${kit.url}/sandbox/calls`)
    assert.strictEqual(json.total, 3)
    assert.deepStrictEqual(json.endpoints, {
      token: { calls: 2, outcomes: { 200: 1, 401: 1 } },
      emails: { calls: 1, outcomes: { 401: 1 } }
    })
    assert.deepStrictEqual(json.last[2], {
      endpoint: "emails",
      method: "POST",
      path: "/v2/emails?account_id=1",
      requestId: "r-9",
      traceparent: "00-1-2-01",
      outcome: 401
    })
    assert.notInclude(text, "confidential")
    assert.strictEqual((yield* call(`${kit.url}/sandbox/calls`, { method: "DELETE" })).status, 204)
    assert.deepStrictEqual(yield* kit.sandbox.calls.summary, { total: 0, endpoints: {}, last: [] })
  })
)

it.effect("closing ends hanging calls at once", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const kit = yield* startSandbox().pipe(Effect.flatMap(prepare), Scope.provide(scope))
    yield* kit.inject({ endpoint: "emails", what: "hang" })
    const hanging = yield* Effect.forkChild(failure(kit.v2()))
    yield* eventually(Effect.map(kit.sandbox.faults.current, ([hang]) => hang?.fired === 1))
    yield* Scope.close(scope, Exit.void)
    assert.include(["ECONNRESET", "UND_ERR_SOCKET"], yield* Fiber.join(hanging))
    assert.strictEqual(yield* failure(call(`${kit.url}/livez`)), "ECONNREFUSED")
  })
)
