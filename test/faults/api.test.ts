/** What the API does wrong at a submission: the reply, how many calls it was worth, and what the API has accepted. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { faultAt, type Spoilt } from "../kit/faultAt.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import type { configWith } from "../kit/SettingsKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"

type Settings = NonNullable<Parameters<typeof configWith>[0]>

interface Case {
  readonly name: string
  readonly faults: ReadonlyArray<Spoilt>
  readonly reply: RegExp
  readonly calls: number
  /** Submissions that the API has accepted. */
  readonly captured: number
  readonly settings?: Settings["api"]
}

const ACCEPTED = /^250 2\.0\.0 Message accepted for delivery: \S+ ref=\S+$/
const UNAVAILABLE = /^451 4\.4\.1 Service temporarily unavailable$/
const FAILURE = /^451 4\.3\.0 Temporary failure, try again later$/

/** Long enough for an answer on a busy machine, short enough to wait for its end. */
const IMPATIENT = { timeout: Duration.millis(300) }

const cases: ReadonlyArray<Case> = [
  {
    name: "slow is only slow",
    faults: [{ what: "latency", latency: 400 }],
    reply: ACCEPTED,
    calls: 1,
    captured: 1
  },
  {
    name: "hanging is asked once more, and no further",
    faults: [{ what: "hang" }],
    reply: UNAVAILABLE,
    calls: 2,
    captured: 0,
    settings: IMPATIENT
  },
  {
    name: "hanging once delays the mail",
    faults: [{ what: "hang", next: 1 }],
    reply: ACCEPTED,
    calls: 2,
    captured: 1,
    settings: IMPATIENT
  },
  {
    // The one place where a mail may be doubled: rulings 1 ask for one more call.
    name: "hanging after it accepted is asked once more",
    faults: [{ what: "hang", accept: true, next: 1 }],
    reply: ACCEPTED,
    calls: 2,
    captured: 2,
    settings: IMPATIENT
  },
  {
    name: "hanging beyond SUBMIT_DEADLINE is given up",
    faults: [{ what: "hang" }],
    reply: UNAVAILABLE,
    calls: 1,
    captured: 0,
    settings: { submitDeadline: Duration.millis(300) }
  },
  { name: "one 500", faults: [{ what: "status", status: 500, next: 1 }], reply: ACCEPTED, calls: 2, captured: 1 },
  { name: "two 502", faults: [{ what: "status", status: 502, next: 2 }], reply: ACCEPTED, calls: 3, captured: 1 },
  { name: "503 for ever", faults: [{ what: "status", status: 503 }], reply: FAILURE, calls: 3, captured: 0 },
  {
    name: "429 with Retry-After",
    faults: [{ what: "rate-limit", retryAfter: 7 }],
    reply: /^451 4\.7\.1 Rate limit exceeded, retry after 7s$/,
    calls: 1,
    captured: 0
  },
  {
    name: "429 without Retry-After",
    faults: [{ what: "rate-limit" }],
    reply: /^451 4\.7\.1 Rate limit exceeded, retry after 60s$/,
    calls: 1,
    captured: 0
  },
  {
    name: "a reset before the request was read",
    faults: [{ what: "reset-before-body", next: 1 }],
    reply: ACCEPTED,
    calls: 2,
    captured: 1
  },
  {
    name: "resets before the request was read",
    faults: [{ what: "reset-before-body" }],
    reply: UNAVAILABLE,
    calls: 2,
    captured: 0
  },
  {
    name: "a reset after the request was read and refused",
    faults: [{ what: "reset-after-body", next: 1 }],
    reply: ACCEPTED,
    calls: 2,
    captured: 1
  },
  {
    name: "a reset after the request was accepted",
    faults: [{ what: "reset-after-body", accept: true, next: 1 }],
    reply: ACCEPTED,
    calls: 2,
    captured: 2
  },
  {
    name: "a reset, and a 500 behind it",
    faults: [
      { what: "reset-after-body", next: 1 },
      { what: "status", status: 500 }
    ],
    reply: FAILURE,
    calls: 2,
    captured: 0
  },
  {
    name: "a 500, and resets behind it",
    faults: [{ what: "status", status: 500, next: 1 }, { what: "reset-after-body" }],
    reply: UNAVAILABLE,
    calls: 3,
    captured: 0
  },
  ...(["invalid-json", "wrong-schema", "empty", "truncated"] as const).map((form): Case => ({
    name: `a success that is ${form} is not asked again`,
    faults: [{ what: "garbage", form, accept: true }],
    reply: UNAVAILABLE,
    calls: 1,
    captured: 1
  })),
  {
    name: "a success that carries `rejected`",
    faults: [{ what: "result", result: "rejected" }],
    reply: /^550 5\.7\.1 Message rejected: rejected by Cakemail$/,
    calls: 1,
    captured: 0
  },
  {
    name: "a success that carries `error`",
    faults: [{ what: "result", result: "error" }],
    reply: FAILURE,
    calls: 1,
    captured: 0
  }
]

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  describe.concurrent(`a submission by ${contract}, the API being`, () => {
    for (const { calls, captured, faults, name, reply, settings } of cases) {
      it.live(name, () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { httpUrl, sandbox, smtpPort } = yield* startGateway({ settings: { api: { contract, ...settings } } })
            const wire = yield* openLoggedInWire(smtpPort)
            yield* sandbox.inject(...faults.map((fault) => faultAt("emails", fault)))
            assert.match(yield* sendMail(wire), reply)
            assert.strictEqual(yield* sandbox.callsOf("emails"), calls)
            assert.strictEqual((yield* sandbox.captured).length, captured)
            assert.strictEqual(yield* metricOf(httpUrl, 'smtp_retries_total{operation="submit"}'), calls - 1)
            // The session is as good as before.
            yield* sandbox.inject()
            assert.match(yield* sendMail(wire), ACCEPTED)
            assert.strictEqual((yield* sandbox.captured).length, captured + 1)
          })
        )
      )
    }
  })
}

describe("an API that flaps", () => {
  it.live("gets every mail once, whatever call of it failed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPort } = yield* startGateway()
        const wires = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () => openLoggedInWire(smtpPort))
        assert.match(yield* sendMail(wires[0]!, { to: ["first@example.com"] }), ACCEPTED)
        yield* sandbox.sandbox.calls.reset
        yield* sandbox.inject({ endpoint: "emails", what: "status", status: 503, share: 0.5 })
        const replies = yield* Effect.forEach(
          wires,
          (wire, index) => sendMail(wire, { to: [`${index}@example.com`] }),
          { concurrency: "unbounded" }
        )
        const reached = (yield* sandbox.captured).map(({ recipient }) => recipient.address).slice(1)
        const told = replies.flatMap((reply, index) => (ACCEPTED.test(reply) ? [`${index}@example.com`] : []))
        assert.deepStrictEqual(reached.toSorted(), told.toSorted())
        // Every second call fails: only a mail that meets it three times is sent back.
        assert.isAtLeast(told.length, 6)
        assert.isAtLeast(yield* sandbox.callsOf("emails"), 2 * told.length - 1)
      })
    )
  )
})
