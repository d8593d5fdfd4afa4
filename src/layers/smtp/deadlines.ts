import { Clock, Duration, Effect, Schedule } from "effect"
import { DataTooSlow, type GatewayError, IdleTimeout, type ReceiveError } from "../../domain/GatewayError.ts"
import type { GatewaySettings } from "../../services/GatewayConfig.ts"
import { monotonicMillis } from "../protection/monotonicMillis.ts"
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

/** One fiber goes over all connections this often: cheaper than a timer for each. */
const SWEEP_INTERVAL = Duration.millis(250)

/** For a TLS handshake, milliseconds. */
const HANDSHAKE_TIMEOUT = 10_000

/** MIN_DATA_RATE is measured over this long, milliseconds. */
const RATE_WINDOW = 30_000

/** What the sweep knows of a connection: most are looked at once in many sweeps, so that idle ones cost nothing. */
interface Watch {
  /** Milliseconds of the monotonic clock. */
  nextLook: number
  /** Where the DATA stood when the window of MIN_DATA_RATE began. */
  window: { readonly message: number; readonly at: number; readonly octets: number } | undefined
}

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
  /** No deadline of what a connection begins next comes sooner. */
  const shortest = Math.min(idleTimeout, dataTimeout, HANDSHAKE_TIMEOUT, RATE_WINDOW)
  const watches = new WeakMap<WatchedConnection, Watch>()

  const trickles = (watch: Watch, receiving: Receiving, now: number): boolean => {
    const { window } = watch
    if (window === undefined || window.message !== receiving.since) {
      watch.window = { message: receiving.since, at: receiving.since, octets: 0 }
      return false
    }
    if (now - window.at < RATE_WINDOW) return false
    const rate = ((receiving.octets - window.octets) * 1000) / (now - window.at)
    watch.window = { message: receiving.since, at: now, octets: receiving.octets }
    return rate < limits.minDataRate
  }

  /** Ends what is overdue; returns when the next deadline is, of what the connection is busy with now. */
  const look = (connection: WatchedConnection, watch: Watch, now: number): number => {
    const activity = connection.activity()
    switch (activity._tag) {
      case "Idle":
        if (now - activity.since >= idleTimeout) connection.refuse(new IdleTimeout())
        return activity.since + idleTimeout
      case "Handshake":
        if (now - activity.since >= HANDSHAKE_TIMEOUT) connection.abort()
        return activity.since + HANDSHAKE_TIMEOUT
      case "Receiving":
        if (now - activity.since >= dataTimeout || trickles(watch, activity, now)) {
          connection.abortData(new DataTooSlow())
        }
        return Math.min(activity.since + dataTimeout, (watch.window?.at ?? activity.since) + RATE_WINDOW)
      case "Waiting":
      case "Closing":
        return Number.POSITIVE_INFINITY
    }
  }

  const sweep = Effect.sync(() => {
    const now = monotonicMillis(clock)
    proxyHeaders.expire()
    for (const connection of server.submissions) {
      let watch = watches.get(connection)
      if (watch === undefined) {
        watch = { nextLook: now, window: undefined }
        watches.set(connection, watch)
      }
      if (now < watch.nextLook) continue
      watch.nextLook = Math.min(look(connection, watch, now), now + shortest)
    }
  })
  yield* sweep.pipe(
    Effect.schedule(Schedule.spaced(SWEEP_INTERVAL)),
    Effect.tapCause((cause) => Effect.logError("deadlines_ended", cause)),
    Effect.forkScoped
  )
})
