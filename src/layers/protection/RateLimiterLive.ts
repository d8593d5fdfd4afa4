import { createHmac, randomBytes } from "node:crypto"
import { Duration, Effect, Layer, Redacted, type Scope } from "effect"
import { AddressBlocked, LoginSuspended, MessageRateExceeded, TooManyConnections } from "../../domain/GatewayError.ts"
import { type Credentials, shownUserName } from "../../domain/Identity.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { RateLimiter } from "../../services/RateLimiter.ts"
import {
  type MailQuota,
  type QuotaRefusal,
  RateLimiterStore,
  type StrikeRule
} from "../../services/RateLimiterStore.ts"
import { makeClientNetworks } from "./ClientNetwork.ts"
import { KeyedCount } from "./KeyedCount.ts"
import { RateLimiterStoreMemory } from "./RateLimiterStoreMemory.ts"

/** Milliseconds over which mails are counted (rulings 8). */
const RATE_WINDOW = 60_000

/** Longer names are remembered by their hash, so that nobody fills the memory with a few of them. */
const MAX_NAME_LENGTH = 64

/** Connections are counted in this process, everything else in the store. */
export const RateLimiterOverStore: Layer.Layer<RateLimiter, never, GatewayConfig | Metrics | RateLimiterStore> =
  Layer.effect(
    RateLimiter,
    Effect.gen(function* () {
      const { limits, smtp, trustedNetworks } = yield* GatewayConfig
      const store = yield* RateLimiterStore
      const metrics = yield* Metrics
      const limited = metrics.counter({
        name: "smtp_rate_limited_total",
        help: "What was refused because of a limit, by the limit",
        labels: {
          limit: [
            "process_connections",
            "address_connections",
            "address_blocked",
            "address_messages",
            "account_messages",
            "login_name"
          ]
        }
      })
      metrics.gauge({
        name: "smtp_connection_limit",
        help: "Connections that may be open, as MAX_CONNECTIONS_PER_POD says",
        labels: {},
        collect: () => smtp.maxConnections
      })
      const networkOf = makeClientNetworks(trustedNetworks)
      const secret = randomBytes(32)
      const perAccount = limits.ratePerAccount
      const window = Duration.toMillis(limits.authFailureWindow)
      const blockFor = Duration.toMillis(limits.authBlockDuration)
      const addressRule: StrikeRule = { limit: limits.authFailureLimit, window, blockFor }
      // Anybody can have anybody's name suspended: it is not for longer than guessing has to be slowed down.
      const nameRule: StrikeRule = { limit: limits.authFailureLimit, window, blockFor: window }

      let connections = 0
      const connectionsByNetwork = new KeyedCount()

      /** `key` is undefined for an address that is not counted. */
      const slot = (key: string | undefined): Effect.Effect<void, TooManyConnections, Scope.Scope> =>
        Effect.acquireRelease(
          Effect.suspend(() => {
            if (connections >= smtp.maxConnections) {
              limited.increment({ limit: "process_connections" })
              return Effect.fail(new TooManyConnections({ limit: "process" }))
            }
            if (key !== undefined) {
              if (connectionsByNetwork.of(key) >= limits.maxConnectionsPerAddress) {
                limited.increment({ limit: "address_connections" })
                return Effect.fail(new TooManyConnections({ limit: "address" }))
              }
              connectionsByNetwork.add(key)
            }
            connections++
            return Effect.void
          }),
          () =>
            Effect.sync(() => {
              connections--
              if (key !== undefined) connectionsByNetwork.remove(key)
            })
        )

      const notBlocked = (key: string): Effect.Effect<void, AddressBlocked> =>
        Effect.flatMap(store.blockedFor("address", key), (remaining) => {
          if (remaining === 0) return Effect.void
          limited.increment({ limit: "address_blocked" })
          return Effect.fail(new AddressBlocked())
        })

      const address = (client: string) =>
        Effect.suspend(() => {
          const { key, trusted } = networkOf(client)
          return trusted ? Effect.void : notBlocked(key)
        })

      const connection = (client: string) =>
        Effect.suspend(() => {
          const { key, trusted } = networkOf(client)
          return trusted ? slot(undefined) : Effect.andThen(notBlocked(key), slot(key))
        })

      const refusedMail = ({ of, wait }: QuotaRefusal) => {
        limited.increment({ limit: MAIL_LIMIT[of] })
        return Effect.fail(new MessageRateExceeded({ limit: of, retryAfter: Math.ceil(wait / 1000) }))
      }

      const message = (address: string, account: string) =>
        Effect.suspend(() => {
          const { key, trusted } = networkOf(address)
          const quotas: Array<MailQuota> = []
          if (!trusted) quotas.push({ of: "address", key, limit: limits.ratePerAddress })
          if (perAccount !== undefined) quotas.push({ of: "account", key: nameKey(secret, account), limit: perAccount })
          if (quotas.length === 0) return Effect.void
          return Effect.flatMap(store.take(quotas, RATE_WINDOW), (refusal) =>
            refusal === undefined ? Effect.void : refusedMail(refusal)
          )
        })

      const loginsUnderWay = new KeyedCount()

      const login = Effect.fnUntraced(function* (username: string) {
        const name = nameKey(secret, username)
        const blocked = (yield* store.blockedFor("name", name)) > 0
        const struck = yield* store.strikes("name", name, nameRule.window)
        if (blocked || struck + loginsUnderWay.of(name) >= nameRule.limit) {
          limited.increment({ limit: "login_name" })
          return yield* new LoginSuspended()
        }
        yield* Effect.acquireRelease(
          Effect.sync(() => loginsUnderWay.add(name)),
          () => Effect.sync(() => loginsUnderWay.remove(name))
        )
      })

      const loginFailed = Effect.fnUntraced(function* (address: string, credentials: Credentials) {
        const { key, trusted } = networkOf(address)
        const name = nameKey(secret, credentials.username)
        const mark = markOf(secret, name, credentials)
        if (!trusted && (yield* store.strike("address", key, mark, addressRule))) {
          yield* Effect.logWarning("address_blocked", {
            network: key,
            failed_logins: addressRule.limit,
            blocked_ms: addressRule.blockFor
          })
        }
        if (yield* store.strike("name", name, mark, nameRule)) {
          yield* Effect.logWarning("login_suspended", {
            authenticated_user: shownUserName(name),
            failed_logins: nameRule.limit,
            suspended_ms: nameRule.blockFor
          })
        }
      })

      return RateLimiter.of({ address, connection, message, login, loginFailed })
    })
  )

export const RateLimiterLive: Layer.Layer<RateLimiter, never, GatewayConfig | Metrics> = Layer.provide(
  RateLimiterOverStore,
  RateLimiterStoreMemory
)

const MAIL_LIMIT = { address: "address_messages", account: "account_messages" } as const

/** Equal for spellings that an API may take for the same login. */
const nameKey = (secret: Buffer, name: string): string => {
  const folded = name.trim().toLowerCase()
  return folded.length <= MAX_NAME_LENGTH ? folded : createHmac("sha256", secret).update(folded).digest("base64url")
}

/**
 * Tells wrong passwords apart without keeping any. It is taken together with the name: whoever tries one password on many
 * names makes as many attempts.
 */
const markOf = (secret: Buffer, name: string, { password }: Credentials): number =>
  createHmac("sha256", secret).update(`${name}\0`).update(Redacted.value(password)).digest().readUIntBE(0, 6)
