import { Duration, Effect, Schedule } from "effect"
import type { Server } from "node:net"
import { ShuttingDown } from "../../domain/GatewayError.ts"
import type { GatewaySettings } from "../../services/GatewayConfig.ts"
import type { Readiness } from "../../services/Readiness.ts"
import type { SmtpSession } from "../../services/SmtpSession.ts"
import type { ProxyHeaderReader } from "./ProxyHeaderReader.ts"
import type { SubmissionServer } from "./SubmissionServer.ts"

const LOOK_AGAIN_AFTER = Duration.millis(50)

/** The end of SHUTDOWN_TIMEOUT is for the last replies to leave, and for the process to end in time. */
const RESERVE = Duration.millis(500)
const LAST_WORDS = Duration.millis(100)

/**
 * Readiness turns first, so that load balancers look away; then the listeners close, idle clients get 421 4.3.2, and
 * messages in DATA or at the API are finished (rulings 16).
 */
export const drain = Effect.fnUntraced(function* (parts: {
  readonly listeners: ReadonlyArray<Server>
  readonly proxyHeaders: ProxyHeaderReader
  readonly server: SubmissionServer
  readonly session: SmtpSession["Service"]
  /** Returns when every session has ended. */
  readonly ended: Effect.Effect<void>
  readonly readiness: Readiness["Service"]
  readonly shutdown: GatewaySettings["shutdown"]
}) {
  const { ended, listeners, proxyHeaders, readiness, server, session, shutdown } = parts
  yield* readiness.set("draining", true)
  yield* Effect.sleep(shutdown.delay)
  for (const listener of listeners) listener.close()
  yield* readiness.set("not listening", true)

  const open = () => [...server.submissions]
  yield* Effect.logInfo("shutdown_initiated", { connections: open().length })
  proxyHeaders.close()
  server.draining = true

  const sendIdleAway = Effect.sync(() => {
    const connections = open()
    for (const connection of connections) {
      const { _tag } = connection.activity()
      if (_tag === "Idle") connection.refuse(new ShuttingDown())
      if (_tag === "Handshake") connection.abort()
    }
    return connections.length
  })
  const finished = yield* sendIdleAway.pipe(
    Effect.repeat({ schedule: Schedule.spaced(LOOK_AGAIN_AFTER), until: (connections) => connections === 0 }),
    Effect.andThen(session.settled),
    Effect.as(true),
    Effect.timeoutOrElse({
      duration: Duration.max(Duration.subtract(shutdown.timeout, RESERVE), Duration.zero),
      orElse: () => Effect.succeed(false)
    })
  )
  if (!finished) {
    const left = open()
    yield* Effect.logWarning("shutdown_incomplete", { connections: left.length })
    for (const connection of left) {
      if (connection.activity()._tag === "Receiving") connection.abortData(new ShuttingDown())
      else connection.refuse(new ShuttingDown())
    }
    yield* Effect.sleep(LAST_WORDS)
    for (const connection of left) connection.abort()
    yield* session.breakOff
  }
  // A session ends a little later than its socket is closed, and tells of it.
  yield* Effect.timeoutOption(Effect.interruptible(ended), RESERVE)
  yield* Effect.logInfo("shutdown_complete")
})
