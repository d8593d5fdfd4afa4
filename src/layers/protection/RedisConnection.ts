/**
 * One connection to a Redis that may be away: whoever asks gets an answer or none, in bounded time, and never an error.
 * The connection is made anew by a fiber of the scope; an outage is logged once, when it begins, and when it ends.
 */
import { Clock, Data, Deferred, Duration, Effect, Option, Redacted, type Scope } from "effect"
import { monotonicMillis } from "./monotonicMillis.ts"

export interface RedisConnection {
  /** The reply to the command; `None` when Redis is away, refuses, or has not replied in time. */
  readonly send: (command: ReadonlyArray<string>) => Effect.Effect<Option.Option<unknown>>
  readonly isConnected: () => boolean
}

const REPLY_TIMEOUT = Duration.millis(200)

/** With commands under way and no reply for so long, the connection is given up; milliseconds. */
const MAX_SILENCE = 1_000

const CONNECT_TIMEOUT = Duration.seconds(2)

const RECONNECT_DELAY = Duration.seconds(1)

/**
 * Returns when the first connection is there or has failed. `probe` is a command like those to come: only a Redis that
 * carries it out is one that is not away.
 */
export const connectRedis: (
  url: Redacted.Redacted,
  probe: ReadonlyArray<string>,
  replyTimeout?: Duration.Duration
) => Effect.Effect<RedisConnection, never, Scope.Scope> = Effect.fnUntraced(function* (
  url,
  probe,
  replyTimeout = REPLY_TIMEOUT
) {
  const clock = yield* Clock.Clock
  // Loaded here: most gateways have no Redis.
  const { createClient } = yield* Effect.promise(() => import("redis"))
  const tried = Deferred.makeUnsafe<void>()
  let current: Connected | undefined
  let away = false

  const connection = Effect.gen(function* () {
    const lost = Deferred.makeUnsafe<never, RedisAway>()
    const client = yield* Effect.acquireRelease(
      Effect.sync(() =>
        createClient({
          url: Redacted.value(url),
          disableOfflineQueue: true,
          socket: { reconnectStrategy: false, connectTimeout: Duration.toMillis(CONNECT_TIMEOUT) }
        })
      ),
      (client) => Effect.sync(() => client.destroy())
    )
    client.on("error", (cause) => Deferred.doneUnsafe(lost, Effect.fail(new RedisAway({ cause }))))
    client.on("end", () => Deferred.doneUnsafe(lost, Effect.fail(new RedisAway({ cause: "connection ended" }))))
    yield* attempt(() => client.connect()).pipe(
      Effect.andThen(attempt(() => client.sendCommand([...probe]))),
      Effect.timeoutOrElse({
        duration: CONNECT_TIMEOUT,
        orElse: () => Effect.fail(new RedisAway({ cause: "no reply" }))
      })
    )
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        current = { send: (command) => client.sendCommand([...command]), lost, silentSince: undefined }
      }),
      () =>
        Effect.sync(() => {
          current = undefined
        })
    )
    yield* Effect.logInfo(away ? "redis_back" : "redis_connected")
    away = false
    yield* Deferred.succeed(tried, undefined)
    return yield* Deferred.await(lost)
  }).pipe(
    Effect.scoped,
    Effect.catch(({ cause }) => {
      if (away) return Effect.void
      away = true
      return Effect.logWarning("redis_away", { cause: cause instanceof Error ? cause.message : cause })
    }),
    Effect.ensuring(Deferred.succeed(tried, undefined))
  )
  yield* connection.pipe(
    Effect.andThen(Effect.sleep(RECONNECT_DELAY)),
    Effect.forever,
    Effect.tapCause((cause) => Effect.logError("redis_connection_ended", cause)),
    Effect.forkScoped
  )
  yield* Deferred.await(tried)

  const send = (command: ReadonlyArray<string>): Effect.Effect<Option.Option<unknown>> =>
    Effect.suspend(() => {
      const connected = current
      if (connected === undefined) return NO_REPLY
      const sentAt = monotonicMillis(clock)
      const reply = Effect.match(
        attempt(() => connected.send(command)),
        {
          onSuccess: (value) => {
            connected.silentSince = undefined
            return Option.some(value)
          },
          // A command that is refused will be refused again, until the probe of a new connection is not.
          onFailure: (error) => {
            Deferred.doneUnsafe(connected.lost, Effect.fail(error))
            return Option.none()
          }
        }
      )
      return Effect.timeoutOrElse(Effect.interruptible(reply), {
        duration: replyTimeout,
        orElse: () => {
          connected.silentSince ??= sentAt
          // A busy event loop is late too: only silence that lasts tells of Redis.
          if (monotonicMillis(clock) - connected.silentSince >= MAX_SILENCE) {
            Deferred.doneUnsafe(connected.lost, Effect.fail(new RedisAway({ cause: "no reply" })))
          }
          return NO_REPLY
        }
      })
    })

  return { send, isConnected: () => current !== undefined }
})

class RedisAway extends Data.TaggedError("RedisAway")<{ readonly cause: unknown }> {}

interface Connected {
  readonly send: (command: ReadonlyArray<string>) => Promise<unknown>
  /** Fails when the connection is of no use any more. */
  readonly lost: Deferred.Deferred<never, RedisAway>
  /** When the oldest command was sent that has had no reply, in milliseconds of the monotonic clock. */
  silentSince: number | undefined
}

const NO_REPLY = Effect.succeedNone

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, RedisAway> =>
  Effect.tryPromise({ try: run, catch: (cause) => new RedisAway({ cause }) })
