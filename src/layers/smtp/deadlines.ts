import { Clock, Duration, Effect, Schedule } from "effect"
import { DataTooSlow, type GatewayError, IdleTimeout, type ReceiveError } from "../../domain/GatewayError.ts"
import type { GatewaySettings } from "../../services/GatewayConfig.ts"
import type { Activity, Receiving } from "./activity.ts"

/** A connection as far as deadlines go. */
export interface WatchedConnection {
  readonly activity: () => Activity
  readonly refuse: (error: GatewayError) => void
  readonly abort: () => void
  readonly abortData: (error: ReceiveError) => void
}

export interface WatchedServer {
  readonly submissions: Iterable<WatchedConnection>
}

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
  server: WatchedServer,
  proxyHeaders: { readonly expire: () => void },
  limits: Pick<GatewaySettings["smtp"], "connectionTimeout" | "dataTimeout" | "minDataRate">
) {
  const clock = yield* Clock.Clock
  const idleTimeout = Duration.toMillis(limits.connectionTimeout)
  const dataTimeout = Duration.toMillis(limits.dataTimeout)
  /** Where each DATA stood when its window began. */
  const windows = new WeakMap<
    WatchedConnection,
    { readonly message: number; readonly at: number; readonly octets: number }
  >()

  const trickles = (connection: WatchedConnection, receiving: Receiving, now: number): boolean => {
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
  })
  yield* sweep.pipe(
    Effect.schedule(Schedule.spaced(SWEEP_INTERVAL)),
    Effect.tapCause((cause) => Effect.logError("deadlines_ended", cause)),
    Effect.forkScoped
  )
})
