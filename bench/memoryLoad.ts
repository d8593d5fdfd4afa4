/** The hostile load of `memory.ts`, which test/faults/memory.test.ts puts on in small. */
import { Cause, Duration, Effect, Exit, Fiber, Schedule } from "effect"
import { type GatewayProcess, startGatewayProcess } from "../test/kit/GatewayProcess.ts"
import { eventually, startSandbox } from "../test/kit/SandboxKit.ts"
import { openLoggedInWire, type Wire } from "../test/kit/SmtpWire.ts"
import { SLOW_SHAPES } from "./slowClients.ts"

export interface HostileLoad {
  /** Connections that each send one message. */
  readonly senders: number
  /** Octets. */
  readonly messageSize: number
  /** Clients that send one small mail after another all the while. */
  readonly clients: number
  /** Connections that never finish what they say, of all shapes of `slowClients.ts` in turn. */
  readonly trickling: number
  /** How long they go on, in seconds; a handshake is given up after 10. */
  readonly tricklingFor: number
  /** Octets that each sender writes at a time, and how long it waits in between. */
  readonly perStep: number
  readonly pause: Duration.Duration
  readonly environment: Readonly<Record<string, string>>
}

/** How the mails of clients fared that mean no harm. */
export interface Served {
  readonly accepted: number
  /** Told 4xx. */
  readonly deferred: number
  /** Told anything else, or nothing. */
  readonly lost: number
}

/** Starts a gateway of its own. Memory in bytes. */
export const measureMemory = Effect.fnUntraced(function* (load: HostileLoad) {
  const { url } = yield* startSandbox({ maxBytes: 1024 })
  const gateway = yield* startGatewayProcess({ apiUrl: url, environment: load.environment })
  // What is loaded at first use belongs to the process at rest.
  yield* Effect.scoped(sendOne(gateway.smtpPort))
  const resting = (yield* gateway.memory).now

  const sending = yield* besideClients(gateway, load.clients, sendAll(gateway, load))
  const sent = yield* gateway.memory
  yield* eventually(Effect.map(gateway.metric("smtp_inflight_message_bytes"), (bytes) => bytes === 0))
  yield* gateway.forgetPeak
  const between = (yield* gateway.memory).now
  const trickling = yield* besideClients(gateway, load.clients, trickleAll(gateway, load))
  const { now, peak } = yield* gateway.memory
  return {
    resting,
    sending: { ...sending, peak: sent.peak },
    between,
    trickling: { ...trickling, peak },
    settled: now
  }
})

/** Runs the load while clients send a mail after another, and looks at what the gateway says that it holds. */
const besideClients = Effect.fnUntraced(function* <A, E, R>(
  gateway: GatewayProcess,
  clients: number,
  load: Effect.Effect<A, E, R>
): Effect.fn.Return<A & { readonly served: Served; readonly held: number }, E, R> {
  const served = { accepted: 0, deferred: 0, lost: 0 }
  let held = 0
  const mail = Effect.gen(function* () {
    const exit = yield* Effect.exit(Effect.scoped(sendOne(gateway.smtpPort)))
    if (Exit.isSuccess(exit) && exit.value === 250) served.accepted++
    else if (Exit.isSuccess(exit) && exit.value >= 400 && exit.value < 500) served.deferred++
    else served.lost++
  })
  const serving = yield* mail.pipe(
    Effect.andThen(Effect.sleep("50 millis")),
    Effect.forever,
    Effect.replicateEffect(clients, { concurrency: "unbounded" }),
    Effect.forkChild
  )
  const looking = yield* gateway.metric("smtp_inflight_message_bytes").pipe(
    Effect.map((bytes) => (held = Math.max(held, bytes))),
    Effect.andThen(Effect.sleep("50 millis")),
    Effect.forever,
    Effect.forkChild
  )
  const outcome = yield* load
  yield* Fiber.interruptAll([serving, looking])
  return { ...outcome, served, held }
})

const sendAll = Effect.fnUntraced(function* ({ smtpPort }: GatewayProcess, load: HostileLoad) {
  let accepted = 0
  let refused = 0
  let lost = 0
  yield* Effect.forEach(
    Array.from({ length: load.senders }),
    () =>
      sendSlowly(smtpPort, load).pipe(
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
  return { accepted, refused, lost }
})

/** Of so many that began, how many were still connected at the end. */
const trickleAll = Effect.fnUntraced(function* (gateway: GatewayProcess, load: HostileLoad) {
  const wires = yield* Effect.forEach(
    Array.from({ length: load.trickling }, (_, index) => SLOW_SHAPES[index % SLOW_SHAPES.length]),
    (shape) => (shape === undefined ? Effect.never : shape(gateway.smtpPort)),
    { concurrency: 50 }
  )
  yield* Effect.forEach(wires, ({ trickle }) => trickle, { discard: true }).pipe(
    Effect.repeat(Schedule.max([Schedule.spaced("200 millis"), Schedule.recurs(load.tricklingFor * 5)]))
  )
  // The client that is served may be among those that are counted.
  const connected = Math.min(wires.length, yield* gateway.metric("smtp_active_connections"))
  return { begun: wires.length, connected }
}, Effect.scoped)

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
