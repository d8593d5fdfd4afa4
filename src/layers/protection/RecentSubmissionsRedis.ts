/**
 * Receipts in Redis, so that the processes behind one balancer share them, and in front of it the memory of this
 * process, which answers faster and goes on alone while Redis is away.
 */
import { randomUUID } from "node:crypto"
import { Duration, Effect, Layer, Option, type Redacted, Schema } from "effect"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { type Claim, GRANTED, ReceiptStore } from "../../services/ReceiptStore.ts"
import { RecentSubmissions } from "../../services/RecentSubmissions.ts"
import { makeReceiptMemory } from "./ReceiptMemory.ts"
import { ReceiptStoreMemory } from "./ReceiptStoreMemory.ts"
import { RecentSubmissionsOverStore } from "./RecentSubmissionsOverStore.ts"
import { connectRedis } from "./RedisConnection.ts"
import { makeRecentSubmissions } from "./submitOnce.ts"

/** In Redis when REDIS_URL is set, in the store otherwise. */
export const recentSubmissionsOver = (
  store: Layer.Layer<ReceiptStore, never, GatewayConfig>
): Layer.Layer<RecentSubmissions, never, GatewayConfig | Metrics> =>
  Layer.unwrap(
    Effect.map(GatewayConfig, ({ recentSubmissions: { redisUrl } }) =>
      redisUrl === undefined ? Layer.provide(RecentSubmissionsOverStore, store) : layerRecentSubmissionsRedis(redisUrl)
    )
  )

/** In Redis when REDIS_URL is set, in memory otherwise. */
export const RecentSubmissionsLive = recentSubmissionsOver(ReceiptStoreMemory)

/** A command that Redis has not replied to within `replyTimeout`, 200 ms unless given, is gone on without. */
export const layerRecentSubmissionsRedis = (
  url: Redacted.Redacted,
  replyTimeout?: Duration.Duration
): Layer.Layer<RecentSubmissions, never, GatewayConfig | Metrics> =>
  Layer.effect(
    RecentSubmissions,
    Effect.gen(function* () {
      const { api, recentSubmissions } = yield* GatewayConfig
      const memory = yield* makeReceiptMemory
      const window = `${Duration.toMillis(recentSubmissions.window)}`
      const lease = `${Duration.toMillis(Duration.sum(api.submitDeadline, LEASE_MARGIN))}`
      const claimed = CLAIMED + randomUUID()
      const claimCommand = (key: string) => ["EVAL", CLAIM, "1", PREFIX + key, claimed, lease]
      const releaseCommand = (key: string) => ["EVAL", RELEASE, "1", PREFIX + key, claimed]
      const redis = yield* connectRedis(url, claimCommand("probe"), replyTimeout)
      const metrics = yield* Metrics
      metrics.gauge({
        name: "smtp_redis_connected",
        help: "1 while the Redis of REDIS_URL answers, 0 while each process remembers for itself",
        labels: {},
        across: "min",
        collect: () => (redis.isConnected() ? 1 : 0)
      })

      /** Looks again until the other process has ended its submission or its lease is over. */
      const outcome = (key: string): Effect.Effect<string | undefined> =>
        Effect.sleep(POLL_INTERVAL).pipe(
          Effect.andThen(redis.send(["GET", PREFIX + key])),
          Effect.map(read),
          Effect.flatMap((held) => {
            if (held === undefined) return Effect.undefined
            return held.startsWith(ACCEPTED) ? Effect.succeed(held.slice(ACCEPTED.length)) : outcome(key)
          })
        )

      const toClaim = (key: string, held: string | undefined): Claim => {
        if (held === undefined) return GRANTED
        if (held.startsWith(ACCEPTED)) return { _tag: "Remembered", receipt: held.slice(ACCEPTED.length) }
        return { _tag: "Elsewhere", outcome: outcome(key) }
      }

      const store = ReceiptStore.of({
        claim: (key) =>
          Effect.suspend(() => {
            const receipt = memory.receipt(key)
            if (receipt !== undefined) return Effect.succeed<Claim>({ _tag: "Remembered", receipt })
            return Effect.map(redis.send(claimCommand(key)), (reply) => toClaim(key, read(reply)))
          }),
        keep: (key, receipt) =>
          Effect.suspend(() => {
            memory.keep(key, receipt)
            return Effect.asVoid(redis.send(["SET", PREFIX + key, ACCEPTED + receipt, "PX", window]))
          }),
        release: (key) => Effect.asVoid(redis.send(releaseCommand(key)))
      })
      return yield* makeRecentSubmissions(store)
    })
  )

const PREFIX = "cakemail-smtp-gateway:submission:"

/** How a value begins that holds the receipt of an accepted submission. */
const ACCEPTED = "accepted:"

/** How a value begins that holds the process that is submitting. */
const CLAIMED = "claimed:"

/** A submission ends by its deadline; a process that was killed cannot say so. */
const LEASE_MARGIN = Duration.seconds(5)

const POLL_INTERVAL = Duration.millis(250)

/** A claim that this very process holds is one that it could not release: within it, equal submissions are one. */
const CLAIM = `local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false`

const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`

/** What a key holds; `undefined` when it holds nothing, or what only another program can have put there. */
const read = (reply: Option.Option<unknown>): string | undefined =>
  Option.getOrUndefined(Option.flatMap(reply, decodeValue))

const decodeValue = Schema.decodeUnknownOption(Schema.String.check(Schema.isPattern(/^(accepted|claimed):./)))
