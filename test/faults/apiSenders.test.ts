/** What the API does wrong when it is asked for senders: the reply, the calls, and that no mail goes out without one. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { faultAt, type Spoilt } from "../kit/faultAt.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"

const ACCEPTED = /^250 2\.0\.0 Message accepted for delivery: \S+ ref=\S+$/
const UNAVAILABLE = /^451 4\.4\.1 Service temporarily unavailable$/
const FAILURE = /^451 4\.3\.0 Temporary failure, try again later$/

interface Case {
  readonly name: string
  readonly fault: Spoilt
  readonly reply: RegExp
  readonly calls: number
  /** New logins. */
  readonly logins?: number
  /** Milliseconds. */
  readonly timeout?: number
}

/** A look-up does no harm when it is made again, so that an unknown outcome is no reason not to. */
const lookups: ReadonlyArray<Case> = [
  { name: "slow", fault: { what: "latency", latency: 400 }, reply: ACCEPTED, calls: 1 },
  { name: "500 once", fault: { what: "status", status: 500, next: 1 }, reply: ACCEPTED, calls: 2 },
  { name: "503 for ever", fault: { what: "status", status: 503 }, reply: FAILURE, calls: 3 },
  {
    name: "429 with Retry-After",
    fault: { what: "rate-limit", retryAfter: 7 },
    reply: /^451 4\.7\.1 Rate limit exceeded, retry after 7s$/,
    calls: 1
  },
  {
    name: "429 without Retry-After",
    fault: { what: "rate-limit" },
    reply: /^451 4\.7\.1 Rate limit exceeded, retry after 60s$/,
    calls: 1
  },
  { name: "401 once", fault: { what: "status", status: 401, next: 1 }, reply: ACCEPTED, calls: 2, logins: 1 },
  {
    name: "403",
    fault: { what: "status", status: 403 },
    reply: /^550 5\.7\.1 Message rejected: Injected fault$/,
    calls: 1
  },
  { name: "hanging", fault: { what: "hang" }, reply: UNAVAILABLE, calls: 3, timeout: 300 },
  { name: "hanging once", fault: { what: "hang", next: 1 }, reply: ACCEPTED, calls: 2, timeout: 500 },
  { name: "resets before the request was read", fault: { what: "reset-before-body" }, reply: UNAVAILABLE, calls: 3 },
  { name: "a reset", fault: { what: "reset-after-body", next: 1 }, reply: ACCEPTED, calls: 2 },
  ...(["invalid-json", "wrong-schema", "empty", "truncated"] as const).map((form): Case => ({
    name: `a page that is ${form}`,
    fault: { what: "garbage", form },
    reply: UNAVAILABLE,
    calls: 1
  }))
]

/** The second call, behind the look-up. */
const MADE = { skip: 1, next: 1, accept: true } as const

/** The sender is made, and the answer spoilt: it is found when the senders are looked at again. */
const creations: ReadonlyArray<Case> = [
  { name: "a 500", fault: { what: "status", status: 500, ...MADE }, reply: ACCEPTED, calls: 3 },
  { name: "a reset", fault: { what: "reset-after-body", ...MADE }, reply: ACCEPTED, calls: 3 },
  { name: "no answer", fault: { what: "hang", ...MADE }, reply: ACCEPTED, calls: 3, timeout: 500 },
  { name: "garbage", fault: { what: "garbage", form: "invalid-json", ...MADE }, reply: UNAVAILABLE, calls: 2 },
  { name: "half an answer", fault: { what: "garbage", form: "truncated", ...MADE }, reply: UNAVAILABLE, calls: 2 }
]

const run = (from: string, { calls, fault, logins = 0, reply, timeout }: Case) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { httpUrl, sandbox, smtpPort } = yield* startGateway({
        settings: { api: timeout === undefined ? {} : { timeout: Duration.millis(timeout) } }
      })
      const wire = yield* openLoggedInWire(smtpPort)
      yield* sandbox.sandbox.calls.reset
      yield* sandbox.inject(faultAt("senders", fault))
      const accepted = reply === ACCEPTED ? 1 : 0
      assert.match(yield* sendMail(wire, { from }), reply)
      assert.strictEqual(yield* sandbox.callsOf("senders"), calls)
      assert.strictEqual(yield* sandbox.callsOf("token"), logins)
      assert.strictEqual(yield* sandbox.callsOf("emails"), accepted)
      assert.strictEqual((yield* sandbox.captured).length, accepted)
      // The session is as good as before, and nothing wrong is remembered.
      yield* sandbox.inject()
      assert.match(yield* sendMail(wire, { from }), ACCEPTED)
      assert.strictEqual((yield* sandbox.captured).length, accepted + 1)
      assert.strictEqual(yield* metricOf(httpUrl, "smtp_defects_total"), 0)
    })
  )

describe.concurrent("a look-up of senders that meets", () => {
  for (const each of lookups) it.live(each.name, () => run("demo@example.com", each))

  it.live("401 for ever: 535, and the connection is closed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPort } = yield* startGateway()
        const wire = yield* openLoggedInWire(smtpPort)
        yield* sandbox.inject(faultAt("senders", { what: "status", status: 401 }))
        assert.strictEqual(yield* sendMail(wire), "535 5.7.8 Authentication failed")
        yield* wire.ended
        assert.strictEqual(yield* sandbox.callsOf("emails"), 0)
      })
    )
  )
})

describe.concurrent("a sender that was made, and whose answer was", () => {
  for (const each of creations) it.live(each.name, () => run("new@example.com", each))
})
