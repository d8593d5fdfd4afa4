/** Logins remembered in the memory of this process, under keys from which no password can be read. */
import { hash, randomBytes } from "node:crypto"
import { Clock, Duration, Effect, Equal, Layer, Option, Redacted, Schedule } from "effect"
import type { AuthenticationError } from "../../domain/GatewayError.ts"
import type { Credentials, Identity } from "../../domain/Identity.ts"
import { AuthCache } from "../../services/AuthCache.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { makeSharedLookups } from "./SharedLookups.ts"

export const AuthCacheLive: Layer.Layer<AuthCache, never, GatewayConfig | Metrics> = Layer.effect(
  AuthCache,
  Effect.gen(function* () {
    const { authCache } = yield* GatewayConfig
    const metrics = yield* Metrics
    const keyOf = makeKeyOf(randomBytes(32).toString("base64"))
    const lookups = yield* makeSharedLookups<Remembered, AuthenticationError>({
      capacity: authCache.capacity,
      timeToLive: ({ timeToLive }) => timeToLive
    })

    metrics.gauge({
      name: "smtp_api_key_cache_size",
      help: "Logins remembered as good",
      labels: {},
      collect: lookups.sizeNow
    })
    const requests = metrics.counter({
      name: "smtp_auth_cache_requests_total",
      help: "Good logins by whether they were remembered, for AUTH and for each message",
      labels: { result: ["hit", "miss"] }
    })
    // Tokens that nobody asks for again would stay in memory until others push them out.
    yield* lookups.prune.pipe(
      Effect.repeat(Schedule.spaced(PRUNE_INTERVAL)),
      Effect.tapCause((cause) => Effect.logError("auth_cache_prune_ended", cause)),
      Effect.forkScoped
    )

    const remember = (identity: Identity): Effect.Effect<Remembered> =>
      Effect.map(Clock.currentTimeMillis, (now) => ({
        identity,
        timeToLive:
          identity.expiresAt === undefined
            ? authCache.timeToLive
            : Duration.min(
                authCache.timeToLive,
                Duration.millis(Math.max(identity.expiresAt - now - Duration.toMillis(EXPIRY_MARGIN), 0))
              )
      }))

    return AuthCache.of({
      getOrLogin: (credentials, login) =>
        Effect.suspend(() => {
          let result: "hit" | "miss" = "hit"
          const lookup = Effect.suspend(() => {
            result = "miss"
            return Effect.flatMap(login, remember)
          })
          return Effect.map(lookups.get(keyOf(credentials), lookup), ({ identity }) => {
            requests.increment({ result })
            return identity
          })
        }),
      invalidate: (credentials, stale) =>
        lookups.forget(keyOf(credentials), ({ identity }) => Equal.equals(identity.token, stale.token)),
      remembers: (credentials) => Effect.map(lookups.peek(keyOf(credentials)), Option.isSome),
      size: lookups.prune
    })
  })
)

/** A token is renewed this long before it ends, so that no mail meets an ended one. */
const EXPIRY_MARGIN = Duration.minutes(1)

const PRUNE_INTERVAL = Duration.minutes(1)

interface Remembered {
  readonly identity: Identity
  readonly timeToLive: Duration.Duration
}

/**
 * The length of the user name keeps `ab` + `c` apart from `a` + `bc`. A session asks with the same object for each of its
 * mails: its key is worked out once. Nobody gets to see a key and to add to what it was made of, which is what an HMAC
 * would be for; it would cost every connection ten times as much.
 */
const makeKeyOf = (secret: string): ((credentials: Credentials) => string) => {
  const known = new WeakMap<Credentials, string>()
  return (credentials) => {
    const before = known.get(credentials)
    if (before !== undefined) return before
    const { password, username } = credentials
    const key = hash("sha256", `${secret}${username.length}\0${username}\0${Redacted.value(password)}`, "base64")
    known.set(credentials, key)
    return key
  }
}
