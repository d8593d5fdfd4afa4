/** Receipts in the memory of this process: as much duplicate protection as one process can give. */
import { Effect, Layer } from "effect"
import type { GatewayConfig } from "../../services/GatewayConfig.ts"
import type { Metrics } from "../../services/Metrics.ts"
import { RecentSubmissions } from "../../services/RecentSubmissions.ts"
import { makeReceiptMemory } from "./ReceiptMemory.ts"
import { GRANTED, makeRecentSubmissions } from "./submitOnce.ts"

export const RecentSubmissionsMemory: Layer.Layer<RecentSubmissions, never, GatewayConfig | Metrics> = Layer.effect(
  RecentSubmissions,
  Effect.flatMap(makeReceiptMemory, (memory) =>
    makeRecentSubmissions({
      claim: (key) =>
        Effect.sync(() => {
          const receipt = memory.receipt(key)
          return receipt === undefined ? GRANTED : { _tag: "Remembered", receipt }
        }),
      keep: (key, receipt) => Effect.sync(() => memory.keep(key, receipt)),
      release: () => Effect.void
    })
  )
)
