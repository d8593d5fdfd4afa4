/** Receipts in the memory of this process: as much duplicate protection as one process can give. */
import { Effect, Layer } from "effect"
import type { GatewayConfig } from "../../services/GatewayConfig.ts"
import { GRANTED, ReceiptStore } from "../../services/ReceiptStore.ts"
import { makeReceiptMemory } from "./ReceiptMemory.ts"

export const ReceiptStoreMemory: Layer.Layer<ReceiptStore, never, GatewayConfig> = Layer.effect(
  ReceiptStore,
  Effect.map(makeReceiptMemory, (memory) =>
    ReceiptStore.of({
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
