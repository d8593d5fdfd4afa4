/** Rates and blocks in the memory of this process, which holds a bounded number of them. */
import { randomBytes } from "node:crypto"
import { Clock, Effect, Layer } from "effect"
import {
  type ConnectionRefusal,
  type ConnectionRule,
  type Offender,
  type QuotaRefusal,
  RateLimiterStore
} from "../../services/RateLimiterStore.ts"
import { Expiring, ExpiringTable, type Ledger } from "./ExpiringTable.ts"
import { KeyedCount } from "./KeyedCount.ts"
import { monotonicMillis } from "./monotonicMillis.ts"
import { SlidingWindow } from "./SlidingWindow.ts"
import { Strikes } from "./Strikes.ts"
import { UnderWay } from "./UnderWay.ts"

/**
 * Room for 100,000 addresses that send, half of which fail to log in as well. However many come, the process does not take
 * 64 MB more for them.
 */
const MAX_BYTES = 52 * 1024 * 1024

/** Were blocks to take all the room, nothing would be counted any more: no rate would hold and no one else be blocked. */
const BLOCKS_SHARE = 7 / 8

/** Past `maxBytes` what expires soonest is forgotten first; a block only when blocks take up nearly everything. */
export const rateLimiterStoreMemory = (maxBytes: number): Layer.Layer<RateLimiterStore> =>
  Layer.effect(
    RateLimiterStore,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const counts: Ledger = { bytes: 0 }
      const windows = {
        address: new ExpiringTable<SlidingWindow>(counts),
        account: new ExpiringTable<SlidingWindow>(counts)
      }
      const strikes = { address: new ExpiringTable<Strikes>(counts), name: new ExpiringTable<Strikes>(counts) }
      const counting = [windows.address, windows.account, strikes.address, strikes.name]
      const blocked: Ledger = { bytes: 0 }
      const blocks = { address: new ExpiringTable<Block>(blocked), name: new ExpiringTable<Block>(blocked) }
      const blocking = [blocks.address, blocks.name]

      const makeRoom = () => {
        while (counts.bytes + blocked.bytes > maxBytes) {
          const table = soonestToExpire(blocked.bytes > maxBytes * BLOCKS_SHARE ? blocking : counting)
          if (table === undefined) return
          table.dropOldest()
        }
      }

      const blockedFor = (offender: Offender, key: string, now: number): number => {
        const block = blocks[offender].get(key, now)
        return block === undefined ? 0 : block.expiresAt - now
      }

      let connections = 0
      const connectionsByKey = new KeyedCount()
      const guesses = new UnderWay()

      const connectionRefusal = (
        key: string | undefined,
        { limit, limitOfKey }: ConnectionRule
      ): ConnectionRefusal | undefined => {
        if (key !== undefined && blockedFor("address", key, monotonicMillis(clock)) > 0) return "blocked"
        if (connections >= limit) return "limit"
        return key !== undefined && connectionsByKey.of(key) >= limitOfKey ? "limit_of_key" : undefined
      }

      return RateLimiterStore.of({
        secret: randomBytes(32),
        connect: (key, rule) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              const refusal = connectionRefusal(key, rule)
              if (refusal !== undefined) return refusal
              connections++
              if (key !== undefined) connectionsByKey.add(key)
              return undefined
            }),
            (refusal) =>
              Effect.sync(() => {
                if (refusal !== undefined) return
                connections--
                if (key !== undefined) connectionsByKey.remove(key)
              })
          ),
        guess: (key, mark, rule) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              const now = monotonicMillis(clock)
              if (blockedFor("name", key, now) > 0) return false
              const struck = strikes.name.get(key, now)?.count(rule.window, now) ?? 0
              return guesses.begin(key, mark, rule.limit - struck)
            }),
            (begun) =>
              Effect.sync(() => {
                if (begun) guesses.end(key, mark)
              })
          ),
        take: (quotas, window) =>
          Effect.sync(() => {
            const now = monotonicMillis(clock)
            let refusal: QuotaRefusal | undefined
            for (const { key, limit, of } of quotas) {
              const wait = windows[of].get(key, now)?.wait(limit, window, now) ?? 0
              if (wait > (refusal?.wait ?? 0)) refusal = { of, wait }
            }
            if (refusal !== undefined) return refusal
            for (const { key, of } of quotas) {
              const known = windows[of].get(key, now)
              const sent = known ?? new SlidingWindow()
              sent.add(now)
              if (known === undefined) windows[of].add(key, sent, now + window, now)
              else windows[of].renew(known, now + window)
            }
            makeRoom()
            return undefined
          }),
        strike: (offender, key, mark, rule) =>
          Effect.sync(() => {
            const now = monotonicMillis(clock)
            if (blockedFor(offender, key, now) > 0) return false
            const known = strikes[offender].get(key, now)
            const struck = known ?? new Strikes()
            const blocked = struck.add(mark, rule, now) >= rule.limit
            if (blocked) {
              strikes[offender].delete(key)
              blocks[offender].add(key, new Block(), now + rule.blockFor, now)
            } else if (known === undefined) {
              strikes[offender].add(key, struck, now + rule.window, now)
            } else {
              strikes[offender].renew(known, now + rule.window)
            }
            makeRoom()
            return blocked
          }),
        blockedFor: (offender, key) => Effect.sync(() => blockedFor(offender, key, monotonicMillis(clock)))
      })
    })
  )

export const RateLimiterStoreMemory: Layer.Layer<RateLimiterStore> = rateLimiterStoreMemory(MAX_BYTES)

class Block extends Expiring {
  override readonly bytes = 80
}

type AnyTable = Pick<ExpiringTable<Expiring>, "nextExpiry" | "dropOldest">

const soonestToExpire = (tables: ReadonlyArray<AnyTable>): AnyTable | undefined => {
  let soonest: AnyTable | undefined
  for (const table of tables) {
    if (table.nextExpiry < (soonest?.nextExpiry ?? Number.POSITIVE_INFINITY)) soonest = table
  }
  return soonest
}
