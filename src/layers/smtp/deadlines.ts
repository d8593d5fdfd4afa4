import { Clock, Duration, Effect, Schedule } from "effect"
import { DataTooSlow, IdleTimeout } from "../../domain/GatewayError.ts"
import type { GatewaySettings } from "../../services/GatewayConfig.ts"
import type { ProxyHeaderReader } from "./ProxyHeaderReader.ts"
import type { Receiving, SubmissionConnection } from "./SubmissionConnection.ts"
import type { SubmissionServer } from "./SubmissionServer.ts"

/** One fiber looks at all connections this often: cheaper than a timer for each. */
const SWEEP_INTERVAL = Duration.millis(250)

/** For a TLS handshake, milliseconds. */
const HANDSHAKE_TIMEOUT = 10_000

/** MIN_DATA_RATE is measured over this long, milliseconds. */
const RATE_WINDOW = 30_000

/**
 * Ends what takes too long: a PROXY header, a connection without a command for CONNECTION_TIMEOUT (octets that complete no command do
 * not count), a handshake, a DATA as a whole or one that only trickles. A client that waits for us is never cut.
 */
export const makeDeadlines = Effect.fnUntraced(function* (
  servers: ReadonlyArray<SubmissionServer>,
  proxyHeaders: ProxyHeaderReader,
  limits: Pick<GatewaySettings["smtp"], "connectionTimeout" | "dataTimeout" | "minDataRate">
) {
  const clock = yield* Clock.Clock
  const idleTimeout = Duration.toMillis(limits.connectionTimeout)
  const dataTimeout = Duration.toMillis(limits.dataTimeout)
  /** Where each DATA stood when its window began. */
  const windows = new WeakMap<
    SubmissionConnection,
    { readonly message: number; readonly at: number; readonly octets: number }
  >()

  const trickles = (connection: SubmissionConnection, receiving: Receiving, now: number): boolean => {
    const window = windows.get(connection)
    if (window === undefined || window.message !== receiving.since) {
      windows.set(connection, { message: receiving.since, at: receiving.since, octets: 0 })
      return false
    }
    if (now - window.at < RATE_WINDOW) return false
    const rate = ((receiving.octets - window.octets) * 1000) / (now - window.at)
    windows.set(connection, { message: receiving.since, at: now, octets: receiving.octets })
    return rate < limits.minDataRate
  }

  const sweep = Effect.sync(() => {
    const now = clock.currentTimeMillisUnsafe()
    proxyHeaders.expire()
    for (const server of servers) {
      for (const [socket, since] of server.handshakes) if (now - since >= HANDSHAKE_TIMEOUT) socket.destroy()
      for (const connection of server.submissions) {
        const activity = connection.activity()
        switch (activity._tag) {
          case "Idle":
            if (now - activity.since >= idleTimeout) connection.refuse(new IdleTimeout())
            break
          case "Handshake":
            if (now - activity.since >= HANDSHAKE_TIMEOUT) connection.abort()
            break
          case "Receiving":
            if (now - activity.since >= dataTimeout || trickles(connection, activity, now)) {
              connection.abortData(new DataTooSlow())
            }
            break
        }
      }
    }
  })
  yield* sweep.pipe(
    Effect.schedule(Schedule.spaced(SWEEP_INTERVAL)),
    Effect.tapCause((cause) => Effect.logError("deadlines_ended", cause)),
    Effect.forkScoped
  )
})
