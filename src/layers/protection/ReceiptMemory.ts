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
  // All live equally long: the order of insertion is that of their ends.
  const receipts = new Map<string, Receipt>()

  return {
    messageId: (key) => {
      const receipt = receipts.get(key)
      return receipt !== undefined && receipt.expiresAt > monotonicMillis(clock) ? receipt.messageId : undefined
    },
    keep: (key, messageId) => {
      const now = monotonicMillis(clock)
      receipts.delete(key)
      receipts.set(key, { messageId, expiresAt: now + lifetime })
      for (const [oldest, { expiresAt }] of receipts) {
        if (expiresAt > now && receipts.size <= capacity) return
        receipts.delete(oldest)
      }
    }
  }
})

interface Receipt {
  readonly messageId: string
  /** Milliseconds of the monotonic clock. */
  readonly expiresAt: number
}
