/**
 * Clients that vanish, two hundred times in each phase of a session. Half of them say so with a FIN, half reset. What
 * the gateway holds is asked of its own process, before and after.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { freePort } from "../kit/freePort.ts"
import { startGatewayProcess, WEIGHED, type Weight } from "../kit/GatewayProcess.ts"
import { sendMail } from "../kit/MailWire.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"
import { BALANCER, BATCH, PHASES, type Phase, type Place, type VanishingMail } from "./vanishPhases.ts"

const TIMES = 200

/** Bytes for each client that has vanished: the process keeps receipts, and its tables and compiled code still grow. */
const KEPT_OF_A_PHASE = 10_240
const KEPT_OF_ALL = 2_048

/** A closing connection is let go within seconds, not at once. */
const LOOKS = 60
const PAUSE = Duration.millis(250)

const start = Effect.gen(function* () {
  const sandbox = yield* startSandbox({ maxMessages: 5_000 })
  const implicitTlsPort = yield* freePort
  const gateway = yield* startGatewayProcess({
    apiUrl: sandbox.url,
    command: WEIGHED,
    environment: {
      SMTPS_PORT: `${implicitTlsPort}`,
      TRUSTED_NETWORKS: "",
      PROXY_TRUSTED: BALANCER,
      MAX_CONNECTIONS_PER_IP: `${BATCH}`,
      RATE_LIMIT_PER_IP: "100000",
      API_CONNECTION_POOL_SIZE: `${BATCH}`
    }
  })
  const place: Place = { sandbox, gateway, implicitTlsPort }
  return place
})

const mailOf = (phase: string, index: number): VanishingMail => {
  const name = `${phase.replaceAll(" ", "-")}.${index}`
  return { to: [`${name}@example.com`], messageId: `<${name}@client.example.com>` }
}

const all = <A>(count: number, each: (index: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, index) => each(index))

/** Nothing is under way any more. */
const quiet = ({ gateway }: Place) =>
  eventually(
    Effect.map(
      Effect.all([gateway.metric("smtp_active_connections"), gateway.metric("smtp_inflight_message_bytes")]),
      ([connections, bytes]) => connections === 0 && bytes === 0
    )
  )

const vanish = Effect.fnUntraced(function* (
  place: Place,
  { faults = [], name, reach, reached }: Phase,
  times: number,
  mails: string
) {
  const { sandbox } = place
  yield* sandbox.inject(...faults)
  yield* sandbox.sandbox.calls.reset
  for (let before = 0; before < times; before += BATCH) {
    // The last batch has to be gone, or there would be no places for this one.
    yield* quiet(place)
    yield* Effect.scoped(
      Effect.gen(function* () {
        const wires = yield* Effect.forEach(
          all(BATCH, (index) => before + index),
          (index) => reach(place, mailOf(mails, index), index),
          { concurrency: "unbounded" }
        )
        if (reached !== undefined) yield* reached(place, before)
        // The others go as their scope closes.
        for (const [index, wire] of wires.entries()) if (index % 2 === 0) yield* wire.reset
      }).pipe(Effect.annotateLogs({ phase: name }))
    )
  }
  yield* sandbox.inject()
  yield* quiet(place)
})

/** Each client sends what it had handed over once more, for it does not know what became of it. */
const comeBack = Effect.fnUntraced(function* ({ gateway }: Place, times: number, mails: string) {
  yield* Effect.forEach(
    all(BATCH, (first) => first),
    (first) =>
      Effect.scoped(
        Effect.gen(function* () {
          const wire = yield* openLoggedInWire(gateway.smtpPort)
          for (let index = first; index < times; index += BATCH) {
            assert.match(yield* sendMail(wire, mailOf(mails, index)), /^250 /)
          }
        })
      ),
    { concurrency: "unbounded", discard: true }
  )
})

/** What is left of clients that have vanished. */
const excess = (before: Weight, after: Weight, bytes: number): ReadonlyArray<string> => [
  ...(after.descriptors > before.descriptors ? [`${after.descriptors - before.descriptors} descriptors`] : []),
  ...(after.fibers === before.fibers ? [] : [`${after.fibers - before.fibers} fibers`]),
  ...(after.bytes > before.bytes + bytes ? [`${after.bytes - before.bytes} bytes`] : [])
]

/** Looks until nothing is left, and says what is when it has looked often enough. */
const assertNothingLeft = Effect.fnUntraced(function* (
  { gateway }: Place,
  before: Weight,
  bytes: number,
  clients: string
) {
  let after = yield* gateway.weight
  for (let look = 1; look < LOOKS && excess(before, after, bytes).length > 0; look++) {
    yield* Effect.sleep(PAUSE)
    after = yield* gateway.weight
  }
  assert.deepStrictEqual(excess(before, after, bytes), [], `left of ${clients}`)
  return after
})

describe("clients that vanish", () => {
  it.live(
    "leave nothing behind, and what they had handed over is submitted once",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const place = yield* start
          const { gateway, sandbox } = place
          // As many connections to the API as there will ever be, the login in the cache, and all code run once.
          yield* sandbox.inject({ endpoint: "emails", what: "latency", latency: 200 })
          yield* comeBack(place, BATCH, "warm-up")
          for (const phase of PHASES) yield* vanish(place, phase, BATCH, `warm-up ${phase.name}`)

          // The least that it was ever seen to hold: what it still held at first of those before is no allowance.
          let least = yield* gateway.weight
          const report: Array<string> = []
          for (const phase of PHASES) {
            yield* vanish(place, phase, TIMES, phase.name)
            if (phase.handedOver === true) {
              yield* comeBack(place, TIMES, phase.name)
              yield* quiet(place)
            }
            const clients = `${TIMES} clients that vanish ${phase.name}`
            const after = yield* assertNothingLeft(place, least, TIMES * KEPT_OF_A_PHASE, clients)
            report.push(`${clients}: ${after.bytes - least.bytes} bytes`)
            least = { ...least, bytes: Math.min(least.bytes, after.bytes) }
          }
          const clients = PHASES.length * TIMES
          const after = yield* assertNothingLeft(place, least, clients * KEPT_OF_ALL, "all of them")
          report.push(`all ${clients}: ${after.bytes - least.bytes} bytes`)
          console.log(report.join("\n"))

          const times = new Map<string, number>()
          for (const { recipient } of yield* sandbox.captured) {
            times.set(recipient.address, (times.get(recipient.address) ?? 0) + 1)
          }
          for (const { handedOver, name } of PHASES) {
            for (let index = 0; index < TIMES; index++) {
              const [recipient] = mailOf(name, index).to
              assert.strictEqual(times.get(recipient) ?? 0, handedOver === true ? 1 : 0, recipient)
            }
          }
          assert.strictEqual(yield* gateway.metric("smtp_defects_total"), 0)
          // Logins that were broken off are neither remembered nor held against the API.
          assert.strictEqual(yield* gateway.metric("smtp_api_key_cache_size"), 1)
          assert.strictEqual(yield* gateway.metric("smtp_circuit_breaker_state"), 0)

          // Every place of the address is free again.
          const wires = yield* Effect.forEach(
            all(BATCH, () => openLoggedInWire(gateway.smtpPort)),
            (open) => open
          )
          for (const wire of wires) assert.match(yield* sendMail(wire), /^250 /)
        })
      ),
    240_000
  )
})
