/**
 * A program: the gateway as `npm run gateway` runs it, which prints what it holds at each SIGUSR2. Needs
 * `node --expose-gc`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Metric } from "effect"
import { GatewayConfigLive } from "../../src/layers/config/GatewayConfigLive.ts"
import { environment } from "../../src/layers/config/source.ts"
import { GatewayLive } from "../../src/programs/gateway.ts"

/** Begun and not ended, also those that nobody can reach any more. */
let fibers = 0

const counted: Metric.FiberRuntimeMetricsService = {
  recordFiberStart: () => void fibers++,
  recordFiberEnd: () => void fibers--
}

process.on("SIGUSR2", () => {
  globalThis.gc?.()
  // What was weakly held is let go between two collections.
  setImmediate(() => {
    globalThis.gc?.()
    const { external, heapUsed } = process.memoryUsage()
    process.stdout.write(`${JSON.stringify({ fibers, bytes: heapUsed + external })}\n`)
  })
})

Layer.launch(GatewayLive.pipe(Layer.provide(GatewayConfigLive))).pipe(
  Effect.provide(environment()),
  Effect.provideService(Metric.FiberRuntimeMetrics, counted),
  NodeRuntime.runMain
)
