import { createHmac } from "node:crypto"
import { Duration, Effect, Layer, Redacted } from "effect"
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
import { RateLimiterStoreMemory } from "./RateLimiterStoreMemory.ts"

/** Milliseconds over which mails are counted (rulings 8). */
const RATE_WINDOW = 60_000

/** Longer names are remembered by their hash, so that nobody fills the memory with a few of them. */
const MAX_NAME_LENGTH = 64

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
        across: "max",
        collect: () => smtp.maxConnections
      })
      const networkOf = makeClientNetworks(trustedNetworks)
      const { secret } = store
      const perAccount = limits.ratePerAccount
      const window = Duration.toMillis(limits.authFailureWindow)
      const blockFor = Duration.toMillis(limits.authBlockDuration)
      const connectionRule = { limit: smtp.maxConnections, limitOfKey: limits.maxConnectionsPerAddress }
      const addressRule: StrikeRule = { limit: limits.authFailureLimit, window, blockFor }
      // Anybody can have anybody's name suspended: it is not for longer than guessing has to be slowed down.
      const nameRule: StrikeRule = { limit: limits.authFailureLimit, window, blockFor: window }

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

      const connection = Effect.fnUntraced(function* (client: string) {
        const { key, trusted } = networkOf(client)
        const refusal = yield* store.connect(trusted ? undefined : key, connectionRule)
        if (refusal === undefined) return
        limited.increment({ limit: CONNECTION_LIMIT[refusal] })
        if (refusal === "blocked") return yield* new AddressBlocked()
        return yield* new TooManyConnections({ limit: refusal === "limit" ? "process" : "address" })
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

      const login = Effect.fnUntraced(function* (credentials: Credentials) {
        const name = nameKey(secret, credentials.username)
        if (yield* store.guess(name, markOf(secret, name, credentials), nameRule)) return
        limited.increment({ limit: "login_name" })
        return yield* new LoginSuspended()
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

const CONNECTION_LIMIT = {
  blocked: "address_blocked",
  limit: "process_connections",
  limit_of_key: "address_connections"
} as const

const MAIL_LIMIT = { address: "address_messages", account: "account_messages" } as const

/** Equal for spellings that an API may take for the same login. */
const nameKey = (secret: Uint8Array, name: string): string => {
  const folded = name.trim().toLowerCase()
  return folded.length <= MAX_NAME_LENGTH ? folded : createHmac("sha256", secret).update(folded).digest("base64url")
}

/**
 * Tells wrong passwords apart without keeping any. It is taken together with the name: whoever tries one password on many
 * names makes as many attempts.
 */
const markOf = (secret: Uint8Array, name: string, { password }: Credentials): number =>
  createHmac("sha256", secret).update(`${name}\0`).update(Redacted.value(password)).digest().readUIntBE(0, 6)
