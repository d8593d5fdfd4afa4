/** A process that ends, by its own will or not, loses no mail of clients that try again. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { freePort } from "../kit/freePort.ts"
import { startGatewayProcess } from "../kit/GatewayProcess.ts"
import { assertAllArrived, deliver } from "../kit/RetryingClient.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openWire } from "../kit/SmtpWire.ts"

const CLIENTS = 20
const MESSAGES = 15

/** Clients with messages of their own, all at once. */
const load = (portOf: (connection: number) => number, onAccepted: () => void) =>
  Effect.forEach(
    Array.from({ length: CLIENTS }, (_, client) => client),
    (client) =>
      deliver({
        messageIds: Array.from({ length: MESSAGES }, (_, message) => `m${client}-${message}`),
        portOf,
        onAttempt: (attempt) => {
          if (attempt === "accepted") onAccepted()
        }
      }),
    { concurrency: "unbounded" }
  ).pipe(Effect.map((deliveries) => deliveries.flat()))

/** At this many accepted messages something happens to the gateway. */
const HALF = (CLIENTS * MESSAGES) / 2

const SLOW_API = { endpoint: "emails", what: "latency", latency: 100 } as const

describe("SIGTERM under load", () => {
  it.live("what was accepted is sent once, what was not is taken by another process, and the exit code is 0", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { captured, inject, url } = yield* startSandbox()
        // Every moment finds messages at the API.
        yield* inject(SLOW_API)
        const environment = { SHUTDOWN_TIMEOUT: "15" }
        const first = yield* startGatewayProcess({ apiUrl: url, environment })
        const second = yield* startGatewayProcess({ apiUrl: url, environment })
        let accepted = 0
        let port = first.smtpPort
        const loading = yield* Effect.forkChild(
          load(
            () => port,
            () => void accepted++
          )
        )
        yield* eventually(Effect.sync(() => accepted >= HALF))
        yield* first.signal("SIGTERM")
        // Whoever was at the first one may still try it: it does not listen any more.
        const exit = yield* Effect.forkChild(first.ended)
        yield* eventually(Effect.map(first.readiness, (status) => status !== 200))
        port = second.smtpPort
        assert.strictEqual(yield* Fiber.join(exit), 0)

        const deliveries = yield* Fiber.join(loading)
        assert.strictEqual(deliveries.length, CLIENTS * MESSAGES)
        // A drain finishes what it has: nobody is left without an answer to data that was sent.
        assert.deepStrictEqual(assertAllArrived(deliveries, yield* captured), { unknown: 0, doubled: 0 })
        assert.isAbove(yield* second.metric('smtp_emails_forwarded_total{result="success"}'), 0)
        const drained = (yield* first.log).filter((line) => /"event":"shutdown_(initiated|complete)"/.test(line))
        assert.strictEqual(drained.length, 2)
      })
    )
  )

  it.live("SHUTDOWN_DELAY: not ready any more, and still at everybody's service", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { captured, url } = yield* startSandbox()
        const gateway = yield* startGatewayProcess({ apiUrl: url, environment: { SHUTDOWN_DELAY: "4" } })
        assert.strictEqual(yield* gateway.readiness, 200)
        yield* gateway.signal("SIGTERM")
        yield* eventually(Effect.map(gateway.readiness, (status) => status === 503))
        const deliveries = yield* deliver({ messageIds: ["late-1", "late-2"], portOf: () => gateway.smtpPort })
        assert.deepStrictEqual(
          deliveries.map(({ attempts }) => attempts),
          [["accepted"], ["accepted"]]
        )
        const idle = yield* openLoggedInWire(gateway.smtpPort)
        assert.match((yield* idle.reply).raw, /^421 4\.3\.2 /)
        yield* idle.ended
        assert.strictEqual(yield* gateway.ended, 0)
        assert.strictEqual((yield* captured).length, 2)
      })
    )
  )

  it.live("SHUTDOWN_TIMEOUT ends what does not end: 421 to a client that stops in its data, and exit code 0", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* startSandbox()
        const gateway = yield* startGatewayProcess({ apiUrl: url, environment: { SHUTDOWN_TIMEOUT: "1" } })
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* wire.ask("MAIL FROM:<demo@example.com>")
        yield* wire.ask("RCPT TO:<to@example.com>")
        yield* wire.ask("DATA")
        yield* wire.send("From: demo@example.com\r\n")
        // And one that never gets as far as TLS.
        const silent = yield* openWire(gateway.smtpPort)
        yield* silent.reply
        yield* silent.ask("EHLO client.example.com")
        yield* silent.ask("STARTTLS")
        yield* gateway.signal("SIGTERM")
        yield* silent.ended
        assert.match((yield* wire.reply).raw, /^421 4\.3\.2 /)
        assert.strictEqual(yield* gateway.ended, 0)
      })
    )
  )
})

describe("SIGKILL under load", () => {
  it.live("every message arrives, and twice only if its client was left without an answer", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { captured, inject, url } = yield* startSandbox()
        yield* inject(SLOW_API)
        const environment = { SMTP_PORT: `${yield* freePort}` }
        let accepted = 0
        const first = yield* startGatewayProcess({ apiUrl: url, environment })
        const loading = yield* Effect.forkChild(
          load(
            () => first.smtpPort,
            () => void accepted++
          )
        )
        let running = first
        for (const point of [0.25, 0.5, 0.75]) {
          yield* eventually(Effect.sync(() => accepted >= point * CLIENTS * MESSAGES))
          yield* running.signal("SIGKILL")
          assert.strictEqual(yield* running.ended, "SIGKILL")
          running = yield* startGatewayProcess({ apiUrl: url, environment })
        }
        const deliveries = yield* Fiber.join(loading)

        assert.strictEqual(deliveries.length, CLIENTS * MESSAGES)
        const { doubled, unknown } = assertAllArrived(deliveries, yield* captured)
        assert.isAbove(unknown, 0, "the kills came when nothing was under way")
        console.log(
          `SIGKILL three times: ${deliveries.length} messages of ${CLIENTS} clients arrived; ${unknown} without an answer, of which ${doubled} arrived twice`
        )
      })
    )
  )
})
