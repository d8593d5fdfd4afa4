import { Clock, Duration, Effect } from "effect"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { monotonicMillis } from "./monotonicMillis.ts"

/** Receipts by key, each for DUPLICATE_WINDOW; past DUPLICATE_CAPACITY the oldest is forgotten. */
export interface ReceiptMemory {
  readonly receipt: (key: string) => string | undefined
  readonly keep: (key: string, receipt: string) => void
}

export const makeReceiptMemory: Effect.Effect<ReceiptMemory, never, GatewayConfig> = Effect.gen(function* () {
  const { capacity, window } = (yield* GatewayConfig).recentSubmissions
  const clock = yield* Clock.Clock
  const lifetime = Duration.toMillis(window)
  const kept = new Map<string, Kept>()
  // All live equally long, so the oldest end first. A Map knows that order too, but finds its first entry only past
  // the places of all that were deleted before it.
  let order: Array<Kept> = []
  let head = 0

  const forgetOldest = (now: number): void => {
    for (let oldest = order[head]; oldest !== undefined; oldest = order[head]) {
      if (oldest.expiresAt > now && kept.size <= capacity) break
      // Kept once more meanwhile, the key has a younger receipt.
      if (kept.get(oldest.key) === oldest) kept.delete(oldest.key)
      head++
    }
    if (head > COMPACTED_AT && head * 4 > order.length) {
      order = order.slice(head)
      head = 0
    }
  }

  return {
    receipt: (key) => {
      const found = kept.get(key)
      return found !== undefined && found.expiresAt > monotonicMillis(clock) ? found.receipt : undefined
    },
    keep: (key, receipt) => {
      const now = monotonicMillis(clock)
      const youngest = { key, receipt, expiresAt: now + lifetime }
      kept.set(key, youngest)
      order.push(youngest)
      forgetOldest(now)
    }
  }
})

/** Forgotten receipts at the front of the order that are worth a copy of the rest. */
const COMPACTED_AT = 1_024

interface Kept {
  readonly key: string
  readonly receipt: string
  /** Milliseconds of the monotonic clock. */
  readonly expiresAt: number
}
