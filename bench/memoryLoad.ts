/** The hostile load of `memory.ts`, which test/faults/memory.test.ts puts on in small. */
import { Cause, type Duration, Effect, Exit, Fiber, Schedule } from "effect"
import { startGatewayProcess } from "../test/kit/GatewayProcess.ts"
import { eventually, startSandbox } from "../test/kit/SandboxKit.ts"
import { openLoggedInWire, openWire, type Wire } from "../test/kit/SmtpWire.ts"

export interface HostileLoad {
  /** Connections that each send one message. */
  readonly senders: number
  /** Octets. */
  readonly messageSize: number
  /** Connections that never finish a command. */
  readonly trickling: number
  /** Octets that each sender writes at a time, and how long it waits in between. */
  readonly perStep: number
  readonly pause: Duration.Duration
  readonly environment: Readonly<Record<string, string>>
}

/** Starts a gateway of its own. Memory in bytes. */
export const measureMemory = Effect.fnUntraced(function* (load: HostileLoad) {
  const { url } = yield* startSandbox({ maxBytes: 1024 })
  const gateway = yield* startGatewayProcess({ apiUrl: url, environment: load.environment })
  const resting = (yield* gateway.memory).now

  const client = { accepted: 0, deferred: 0, lost: 0 }
  const phase = { over: false }
  const served = yield* Effect.gen(function* () {
    while (!phase.over) {
      const exit = yield* Effect.exit(Effect.scoped(sendOne(gateway.smtpPort)))
      if (Exit.isFailure(exit)) client.lost++
      else if (exit.value === 250) client.accepted++
      else if (exit.value < 500) client.deferred++
      else client.lost++
      yield* Effect.sleep("100 millis")
    }
  }).pipe(Effect.forkChild)

  let accepted = 0
  let refused = 0
  let lost = 0
  let held = 0
  yield* Effect.forEach(
    Array.from({ length: load.senders }),
    () =>
      sendSlowly(gateway.smtpPort, load).pipe(
        Effect.scoped,
        Effect.exit,
        Effect.map((exit) => {
          if (Exit.isSuccess(exit) && exit.value.code === 250) accepted++
          else if (Exit.isSuccess(exit) && exit.value.raw.startsWith("452 4.3.1")) refused++
          else {
            lost++
            if (lost < 4) console.log(Exit.isSuccess(exit) ? exit.value.raw : Cause.pretty(exit.cause))
          }
        })
      ),
    { concurrency: "unbounded", discard: true }
  )
  yield* eventually(Effect.map(gateway.metric("smtp_inflight_message_bytes"), (bytes) => bytes === 0))

  const trickled = yield* Effect.scoped(
    Effect.gen(function* () {
      const wires = yield* Effect.forEach(
        Array.from({ length: load.trickling }, (_, index) => index),
        (index) => openTrickle(gateway.smtpPort, index % 2 === 0),
        { concurrency: 50 }
      )
      yield* Effect.forEach(wires, (wire) => wire.send("x"), { discard: true }).pipe(
        Effect.repeat(Schedule.max([Schedule.spaced("200 millis"), Schedule.recurs(15)]))
      )
      held = yield* gateway.metric("smtp_active_connections")
      return wires.length
    })
  )
  phase.over = true
  yield* Fiber.join(served)
  const { now, peak } = yield* gateway.memory
  return { accepted, refused, lost, trickled: Math.min(trickled, held), client, resting, peak, settled: now }
})

const begin = Effect.fnUntraced(function* (wire: Wire) {
  yield* wire.ask("MAIL FROM:<demo@example.com>")
  yield* wire.ask("RCPT TO:<to@example.com>")
  return yield* wire.ask("DATA")
})

const sendOne = Effect.fnUntraced(function* (port: number) {
  const wire = yield* openLoggedInWire(port)
  const data = yield* begin(wire)
  if (data.code !== 354) return data.code
  return (yield* wire.ask("From: demo@example.com\r\nSubject: hello\r\n\r\nhello\r\n.")).code
})

const LINE = `${"x".repeat(76)}\r\n`

/** The reply to DATA if that is a refusal, else the one to the end of the data. */
const sendSlowly = Effect.fnUntraced(function* (port: number, load: HostileLoad) {
  const wire = yield* openLoggedInWire(port)
  const data = yield* begin(wire)
  if (data.code !== 354) return data
  yield* wire.send("From: demo@example.com\r\nSubject: slow\r\n\r\n")
  const step = Buffer.from(LINE.repeat(Math.ceil(load.perStep / LINE.length)))
  for (let sent = 0; sent + step.length <= load.messageSize; sent += step.length) {
    yield* wire.send(step)
    yield* Effect.sleep(load.pause)
  }
  return yield* wire.ask(".")
})

/** Every other in the middle of its first command; the rest have said EHLO. Nothing that comes later completes a command. */
const openTrickle = Effect.fnUntraced(function* (port: number, greeted: boolean) {
  const wire = yield* openWire(port)
  yield* wire.reply
  if (greeted) yield* wire.ask("EHLO client.example.com")
  yield* wire.send("NOOP ")
  return wire
})
