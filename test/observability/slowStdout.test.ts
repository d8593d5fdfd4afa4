/** A log that nobody reads costs no mail: the process, and a pipe for its stdout that hangs or is gone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type GatewayProcess, startGatewayProcess } from "../kit/GatewayProcess.ts"
import { beginMail, sendMail } from "../kit/MailWire.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire, type Wire } from "../kit/SmtpWire.ts"
import { MAX_WAITING_LENGTH } from "../../src/layers/telemetry/LineWriter.ts"

/** Recipients of one transaction, each with a line of its own: more than may wait, in a moment. */
const FLOOD = 14_000

const start = Effect.gen(function* () {
  const sandbox = yield* startSandbox()
  return yield* startGatewayProcess({
    apiUrl: sandbox.url,
    environment: { LOG_LEVEL: "DEBUG", MAX_RECIPIENTS: "10000", CIRCUIT_BREAKER_MIN_CALLS: "1000" }
  })
})

/** Writes far more than a pipe holds into the log, and leaves the session as it was. */
const flood = Effect.fnUntraced(function* (wire: Wire) {
  yield* wire.ask("MAIL FROM:<demo@example.com>")
  const commands = Array.from(
    { length: FLOOD },
    (_, n) => `RCPT TO:<${`${n % 10_000}`.padStart(60, "r")}@example.com>\r\n`
  )
  yield* wire.send(commands.join(""))
  for (let n = 0; n < FLOOD; n++) assert.strictEqual((yield* wire.reply).code, 250)
  yield* wire.ask("RSET")
})

const DROPPED = "smtp_log_dropped_total"

const lengthOf = (lines: ReadonlyArray<string>): number => lines.reduce((sum, line) => sum + line.length + 1, 0)

const eventsOf = (gateway: GatewayProcess) =>
  Effect.map(gateway.log, (lines) =>
    lines.map((line) => JSON.parse(line) as { readonly event: string; readonly lines?: number })
  )

describe("a reader of stdout that hangs", () => {
  it.live("holds no mail up; what it does not take is bounded, counted, and told when it goes on", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const gateway = yield* start
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* gateway.reader.stop
        const before = lengthOf(yield* gateway.log)
        yield* flood(wire)
        yield* flood(wire)
        const dropped = yield* gateway.metric(DROPPED)
        assert.isAbove(dropped, FLOOD / 2)
        assert.match(yield* sendMail(wire), /^250 /)
        assert.strictEqual(yield* gateway.readiness, 200)

        yield* gateway.reader.goOn
        yield* eventually(
          Effect.map(eventsOf(gateway), (events) => events.some(({ event }) => event === "log_lines_dropped"))
        )
        const told = (yield* eventsOf(gateway)).find(({ event }) => event === "log_lines_dropped")
        assert.strictEqual(told?.lines, yield* gateway.metric(DROPPED))
        // One chunk was with the system, one waited.
        assert.isBelow(lengthOf(yield* gateway.log) - before, 2.5 * MAX_WAITING_LENGTH)

        assert.match(yield* sendMail(wire), /^250 /)
        yield* eventually(Effect.map(eventsOf(gateway), (events) => events.at(-1)?.event === "email_received"))
      })
    )
  )

  it.live("does not keep the process from ending", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const gateway = yield* start
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* gateway.reader.stop
        yield* flood(wire)
        yield* gateway.signal("SIGTERM")
        assert.strictEqual((yield* wire.reply).code, 421)
        assert.strictEqual(yield* gateway.exited, 0)
      })
    )
  )
})

describe("a reader of stdout that has gone", () => {
  it.live("takes no mail with it: lines are counted as lost, and the process ends in order", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const gateway = yield* start
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* gateway.reader.leave
        for (let n = 0; n < 3; n++) assert.match(yield* sendMail(wire), /^250 /)
        yield* eventually(Effect.map(gateway.metric(DROPPED), (dropped) => dropped > 0))
        yield* beginMail(wire)
        yield* wire.send("Subject: last\r\n\r\nbye\r\n.\r\n")
        assert.strictEqual((yield* wire.reply).code, 250)
        yield* gateway.signal("SIGTERM")
        assert.strictEqual(yield* gateway.ended, 0)
        assert.strictEqual(yield* gateway.complaints, "")
      })
    )
  )
})
