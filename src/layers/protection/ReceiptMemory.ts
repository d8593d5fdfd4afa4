import { Clock, Duration, Effect } from "effect"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { monotonicMillis } from "./monotonicMillis.ts"

/** Receipts by key, each for DUPLICATE_WINDOW; past DUPLICATE_CAPACITY the oldest is forgotten. */
export interface ReceiptMemory {
  readonly messageId: (key: string) => string | undefined
  readonly keep: (key: string, messageId: string) => void
}

export const makeReceiptMemory: Effect.Effect<ReceiptMemory, never, GatewayConfig> = Effect.gen(function* () {
  const { capacity, window } = (yield* GatewayConfig).recentSubmissions
  const clock = yield* Clock.Clock
  const lifetime = Duration.toMillis(window)
  const receipts = new Map<string, Receipt>()
  // All live equally long, so the oldest end first. A Map knows that order too, but finds its first entry only past
  // the places of all that were deleted before it.
  let order: Array<Receipt> = []
  let head = 0

  const forgetOldest = (now: number): void => {
    for (let oldest = order[head]; oldest !== undefined; oldest = order[head]) {
      if (oldest.expiresAt > now && receipts.size <= capacity) break
      // Kept once more meanwhile, the key has a younger receipt.
      if (receipts.get(oldest.key) === oldest) receipts.delete(oldest.key)
      head++
    }
    if (head > COMPACTED_AT && head * 4 > order.length) {
      order = order.slice(head)
      head = 0
    }
  }

  return {
    messageId: (key) => {
      const receipt = receipts.get(key)
      return receipt !== undefined && receipt.expiresAt > monotonicMillis(clock) ? receipt.messageId : undefined
    },
    keep: (key, messageId) => {
      const now = monotonicMillis(clock)
      const receipt = { key, messageId, expiresAt: now + lifetime }
      receipts.set(key, receipt)
      order.push(receipt)
      forgetOldest(now)
    }
  }
})

/** Forgotten receipts at the front of the order that are worth a copy of the rest. */
const COMPACTED_AT = 1_024

interface Receipt {
  readonly key: string
  readonly messageId: string
  /** Milliseconds of the monotonic clock. */
  readonly expiresAt: number
}
