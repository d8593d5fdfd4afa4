/** Rates and blocks in the memory of this process, which holds a bounded number of them. */
import { Clock, Effect, Layer } from "effect"
import { type Offender, type QuotaRefusal, RateLimiterStore } from "../../services/RateLimiterStore.ts"
import { type Expiring, ExpiringTable, type Ledger } from "./ExpiringTable.ts"
import { monotonicMillis } from "./monotonicMillis.ts"
import { SlidingWindow } from "./SlidingWindow.ts"
import { Strikes } from "./Strikes.ts"

/** Room for 100,000 addresses that send and fail to log in; with them the process takes less than 64 MB more. */
const MAX_BYTES = 56 * 1024 * 1024

/**
 * Past `maxBytes` what would matter no more soonest is forgotten first; a block only when nothing else is left.
 */
export const rateLimiterStoreMemory = (maxBytes: number): Layer.Layer<RateLimiterStore> =>
  Layer.effect(
    RateLimiterStore,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const ledger: Ledger = { bytes: 0 }
      const windows = {
        address: new ExpiringTable<SlidingWindow>(ledger),
        account: new ExpiringTable<SlidingWindow>(ledger)
      }
      const strikes = { address: new ExpiringTable<Strikes>(ledger), name: new ExpiringTable<Strikes>(ledger) }
      const blocks = { address: new ExpiringTable<Block>(ledger), name: new ExpiringTable<Block>(ledger) }
      const counts = [windows.address, windows.account, strikes.address, strikes.name]
      const allBlocks = [blocks.address, blocks.name]

      const makeRoom = () => {
        while (ledger.bytes > maxBytes) {
          const table = soonestToExpire(counts) ?? soonestToExpire(allBlocks)
          if (table === undefined) return
          table.dropOldest()
        }
      }

      const blockedFor = (offender: Offender, key: string, now: number): number => {
        const block = blocks[offender].get(key, now)
        return block === undefined ? 0 : block.expiresAt - now
      }

      return RateLimiterStore.of({
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
              const sent = windows[of].get(key, now) ?? new SlidingWindow()
              sent.add(now)
              windows[of].put(key, sent, now + window, now)
            }
            makeRoom()
            return undefined
          }),
        strike: (offender, key, mark, rule) =>
          Effect.sync(() => {
            const now = monotonicMillis(clock)
            if (blockedFor(offender, key, now) > 0) return false
            const struck = strikes[offender].get(key, now) ?? new Strikes()
            const blocked = struck.add(mark, rule, now) >= rule.limit
            if (blocked) {
              strikes[offender].delete(key)
              blocks[offender].put(key, new Block(), now + rule.blockFor, now)
            } else {
              strikes[offender].put(key, struck, now + rule.window, now)
            }
            makeRoom()
            return blocked
          }),
        blockedFor: (offender, key) => Effect.sync(() => blockedFor(offender, key, monotonicMillis(clock)))
      })
    })
  )

export const RateLimiterStoreMemory: Layer.Layer<RateLimiterStore> = rateLimiterStoreMemory(MAX_BYTES)

class Block implements Expiring {
  expiresAt = 0
  charged = 0
  readonly bytes = 48
}

const soonestToExpire = (
  tables: ReadonlyArray<ExpiringTable<SlidingWindow> | ExpiringTable<Strikes> | ExpiringTable<Block>>
) => {
  let soonest: (typeof tables)[number] | undefined
  let expiry = Number.POSITIVE_INFINITY
  for (const table of tables) {
    if (table.nextExpiry < expiry) {
      soonest = table
      expiry = table.nextExpiry
    }
  }
  return soonest
}
