import { Effect, Layer } from "effect"
import type { GatewayConfig } from "../../services/GatewayConfig.ts"
import type { Metrics } from "../../services/Metrics.ts"
import { ReceiptStore } from "../../services/ReceiptStore.ts"
import { RecentSubmissions } from "../../services/RecentSubmissions.ts"
import { ReceiptStoreMemory } from "./ReceiptStoreMemory.ts"
import { makeRecentSubmissions } from "./submitOnce.ts"

export const RecentSubmissionsOverStore: Layer.Layer<RecentSubmissions, never, Metrics | ReceiptStore> = Layer.effect(
  RecentSubmissions,
  Effect.flatMap(ReceiptStore, makeRecentSubmissions)
)

export const RecentSubmissionsMemory: Layer.Layer<RecentSubmissions, never, GatewayConfig | Metrics> = Layer.provide(
  RecentSubmissionsOverStore,
  ReceiptStoreMemory
)
