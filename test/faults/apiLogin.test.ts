/** Logins while the API is in trouble: uncached ones are sent away for now, cached ones pass, and nobody is blocked. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { faultAt, type Spoilt } from "../kit/faultAt.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { deadPort } from "../kit/ScriptedApi.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"

const GOOD = "235 2.7.0 Authentication successful"
const UNAVAILABLE = "451 4.7.0 Authentication is temporarily unavailable, try again later"

const cases: ReadonlyArray<{
  readonly name: string
  readonly fault: Spoilt
  readonly reply: string
  readonly calls: number
  readonly authTimeout?: number
}> = [
  { name: "503 for ever", fault: { what: "status", status: 503 }, reply: UNAVAILABLE, calls: 3 },
  { name: "two 500", fault: { what: "status", status: 500, next: 2 }, reply: GOOD, calls: 3 },
  { name: "429", fault: { what: "rate-limit", retryAfter: 3 }, reply: UNAVAILABLE, calls: 1 },
  { name: "hanging", fault: { what: "hang" }, reply: UNAVAILABLE, calls: 1, authTimeout: 400 },
  { name: "a reset", fault: { what: "reset-after-body", next: 1 }, reply: GOOD, calls: 2 },
  { name: "a reset before the body", fault: { what: "reset-before-body", next: 2 }, reply: GOOD, calls: 3 },
  { name: "no JSON", fault: { what: "garbage", form: "invalid-json" }, reply: UNAVAILABLE, calls: 1 },
  { name: "half an answer", fault: { what: "garbage", form: "truncated" }, reply: UNAVAILABLE, calls: 1 },
  { name: "another schema", fault: { what: "garbage", form: "wrong-schema" }, reply: UNAVAILABLE, calls: 1 }
]

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  describe.concurrent(`an uncached login by ${contract} that meets`, () => {
    for (const { authTimeout = 5_000, calls, fault, name, reply } of cases) {
      it.live(name, () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { sandbox, smtpPort } = yield* startGateway({
              settings: { api: { contract, authTimeout: Duration.millis(authTimeout) }, trustedNetworks: [] }
            })
            yield* sandbox.inject(faultAt("auth", fault))
            const wire = yield* openSecureWire(smtpPort)
            assert.strictEqual((yield* wire.login()).raw, reply)
            const endpoint = contract === "gateway-v1" ? "auth" : "token"
            assert.strictEqual(yield* sandbox.callsOf(endpoint), calls)
            if (reply === GOOD) return
            // The connection lives, and the same login is asked about anew.
            yield* sandbox.inject()
            assert.strictEqual((yield* wire.login()).raw, GOOD)
            assert.match(yield* sendMail(wire), /^250 /)
          })
        )
      )
    }
  })
}

describe.concurrent("logins", () => {
  it.live("that could not be checked block nobody, however many", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPort } = yield* startGateway({
          settings: { trustedNetworks: [], api: { maxRetries: 0 }, circuitBreaker: NEVER_OPENS }
        })
        yield* sandbox.inject({ endpoint: "token", what: "status", status: 500 })
        const wire = yield* openSecureWire(smtpPort)
        for (let attempt = 0; attempt < 8; attempt++) {
          assert.strictEqual((yield* wire.login("demo@example.com", `wrong${attempt}`)).raw, UNAVAILABLE)
        }
        yield* sandbox.inject()
        const other = yield* openSecureWire(smtpPort)
        assert.strictEqual((yield* other.login()).raw, GOOD)
      })
    )
  )

  it.live("with nobody at the API's address are told to come again", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { httpUrl, smtpPort } = yield* startGateway({ apiUrl: `http://127.0.0.1:${yield* deadPort}` })
        const wire = yield* openSecureWire(smtpPort)
        assert.strictEqual((yield* wire.login()).raw, UNAVAILABLE)
        const unreachable = 'smtp_api_errors_total{error_type="unreachable",status_code="unreachable"}'
        assert.strictEqual(yield* metricOf(httpUrl, unreachable), 3)
      })
    )
  )

  it.live("that were good a moment ago pass without a call while the API is away", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPort } = yield* startGateway()
        yield* openLoggedInWire(smtpPort)
        yield* sandbox.inject({ endpoint: "*", what: "hang" })
        const wire = yield* openSecureWire(smtpPort)
        assert.strictEqual((yield* wire.login()).raw, GOOD)
        assert.strictEqual(yield* sandbox.callsOf("token"), 1)
      })
    )
  )

  it.live("of one account at the same time are one call", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPort } = yield* startGateway()
        const wires = yield* Effect.forEach([1, 2, 3, 4, 5], () => openSecureWire(smtpPort))
        yield* sandbox.inject({ endpoint: "token", what: "latency", latency: 300 })
        const replies = yield* Effect.forEach(wires, (wire) => wire.login(), { concurrency: "unbounded" })
        assert.deepStrictEqual(
          replies.map(({ raw }) => raw),
          wires.map(() => GOOD)
        )
        assert.strictEqual(yield* sandbox.callsOf("token"), 1)
      })
    )
  )
})

const NEVER_OPENS = {
  threshold: 1,
  window: Duration.minutes(1),
  minimumCalls: 1_000,
  openDuration: Duration.minutes(5)
}
