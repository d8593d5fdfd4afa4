/** Line breaks in what the API says of itself: ids, tokens, waiting times, request ids. None reaches a reply or a log line. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGatewayProcess } from "../kit/GatewayProcess.ts"
import { sendMail } from "../kit/MailWire.ts"
import { type ScriptedApi, startScriptedApi } from "../kit/ScriptedApi.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"
import { assertLinesOf, assertWellFormed, BREAKS, EVIL } from "./lineBreaks.ts"

interface Answers {
  readonly contract: "email-api-v2" | "gateway-v1"
  readonly loginRoute: string
  readonly submitRoute: string
  readonly login: (token: string) => unknown
  readonly submitted: (id: string) => unknown
}

const CONTRACTS: ReadonlyArray<Answers> = [
  {
    contract: "email-api-v2",
    loginRoute: "POST /token",
    submitRoute: "POST /v2/emails",
    login: (token) => ({ access_token: token, token_type: "bearer", expires_in: 3_600, accounts: [1] }),
    submitted: (id) => ({ email: "to@example.com", object: "email", submitted: true, data: { id, status: "queued" } })
  },
  {
    contract: "gateway-v1",
    loginRoute: "POST /v1/auth/validate",
    submitRoute: "POST /v1/emails",
    login: (token) => ({ api_key: token, account_id: 12, email: "demo@example.com", expires_in: 3_600 }),
    submitted: (id) => ({ message_id: id, status: "queued", recipient: "to@example.com" })
  }
]

const SENDERS = { data: [{ id: "s1", name: "Demo", email: "demo@example.com", confirmed: true }] }

/** What HTTP lets through in the value of a header: no control character but a tab, and the upper half of Latin-1. */
const HEADER_VALUES = ["7\t250 2.0.0 evil", "7\x85evil", "\x9b2Kevil", "7, 8", "-7", "9".repeat(400), "x".repeat(4_000)]

for (const { contract, login, loginRoute, submitRoute, submitted } of CONTRACTS) {
  describe(`line breaks in answers, ${contract}`, () => {
    const start = Effect.gen(function* () {
      const api: ScriptedApi = yield* startScriptedApi()
      api.script(loginRoute, { status: 200, body: login("token-1") })
      api.script("GET /brands/default/senders", { status: 200, body: SENDERS })
      api.script(submitRoute, { status: 201, body: submitted("id-1") })
      const gateway = yield* startGatewayProcess({
        apiUrl: api.url,
        environment: {
          LOG_LEVEL: "DEBUG",
          CAKEMAIL_API_CONTRACT: contract,
          API_MAX_RETRIES: "0",
          // All answers are bad: the circuit would spare the API the rest of them.
          CIRCUIT_BREAKER_MIN_CALLS: "100000"
        }
      })
      return { api, gateway }
    })

    it.live("an id is one word of the reply, and the reference stands behind it however long it is", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { api, gateway } = yield* start
          const wire = yield* openLoggedInWire(gateway.smtpPort)
          const ids = [...BREAKS.map((each) => `id${each}${EVIL} ref=forged`), "x".repeat(471), "y".repeat(100_000)]
          for (const id of ids) {
            api.script(submitRoute, { status: 201, body: submitted(id) })
            const reply = yield* sendMail(wire)
            assert.match(reply, /^250 2\.0\.0 Message accepted for delivery: [\x21-\x7e]{1,128} ref=(?!forged)\S+$/)
          }
          assertWellFormed(yield* wire.received)
          const lines = yield* assertLinesOf(gateway, ["email_received"])
          for (const line of lines) assert.isBelow(line.length, 16_384)
        })
      )
    )

    it.live("a token that would break the request is none, and is not shown", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { api, gateway } = yield* start
          for (const [index, each] of BREAKS.entries()) {
            api.script(loginRoute, { status: 200, body: login(`token${each}x-evil: 1`) })
            const wire = yield* openSecureWire(gateway.smtpPort)
            // A name of its own, so that no answer is remembered.
            const { raw } = yield* wire.login(`user${index}@example.com`, "secret")
            assert.strictEqual(raw, "451 4.7.0 Authentication is temporarily unavailable, try again later")
            assertWellFormed(yield* wire.received)
          }
          const lines = yield* assertLinesOf(gateway, ["api_request_complete"])
          for (const line of lines) assert.notInclude(line, "x-evil")
          for (const { headers } of api.requests) assert.notProperty(headers, "x-evil")
        })
      )
    )

    it.live("a waiting time is a number of seconds within a day, whatever the header holds", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { api, gateway } = yield* start
          const wire = yield* openLoggedInWire(gateway.smtpPort)
          for (const value of HEADER_VALUES) {
            api.script(submitRoute, { status: 429, headers: { "retry-after": value, "x-request-id": value } })
            const seconds = /^451 4\.7\.1 Rate limit exceeded, retry after (\d+)s$/.exec(yield* sendMail(wire))?.[1]
            assert.isAtLeast(Number(seconds), 1, value)
            assert.isAtMost(Number(seconds), 86_400, value)
          }
          assertWellFormed(yield* wire.received)
          yield* assertLinesOf(gateway, ["api_request_complete"])
        })
      )
    )

    it.live("a request id that the API made up stays in its own field of the log", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { api, gateway } = yield* start
          const wire = yield* openLoggedInWire(gateway.smtpPort)
          for (const value of HEADER_VALUES) {
            api.script(submitRoute, { status: 201, body: submitted("id-1"), headers: { "x-request-id": value } })
            assert.match(yield* sendMail(wire), /^250 2\.0\.0 Message accepted for delivery: id-1 ref=\S+$/)
          }
          const lines = yield* assertLinesOf(gateway, ["api_request_complete"])
          for (const line of lines) assert.isBelow(line.length, 16_384)
        })
      )
    )
  })
}
