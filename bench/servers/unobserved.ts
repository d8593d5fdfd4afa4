/** The gateway without logs and metrics, to see what they cost. Takes the settings of the gateway. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Logger, References } from "effect"
import { GatewayConfigLive } from "../../src/layers/config/GatewayConfigLive.ts"
import { environment } from "../../src/layers/config/source.ts"
import { HealthServerLive } from "../../src/layers/http/HealthServerLive.ts"
import { ReadinessLive } from "../../src/layers/http/ReadinessLive.ts"
import { RateLimiterLive } from "../../src/layers/protection/RateLimiterLive.ts"
import { ForwardingLive, SubmissionLive } from "../../src/programs/gateway.ts"
import { Metrics } from "../../src/services/Metrics.ts"

const NoLogs = Layer.merge(Logger.layer([]), Layer.succeed(References.MinimumLogLevel, "None"))

const NoMetrics = Layer.succeed(Metrics, {
  counter: () => ({ increment: () => {} }),
  gauge: () => ({ set: () => {}, add: () => {} }),
  histogram: () => ({ observe: () => {} }),
  exposition: Effect.succeed({ contentType: "text/plain", body: "" })
})

const Unobserved = SubmissionLive.pipe(
  Layer.provide(ForwardingLive),
  Layer.provide(RateLimiterLive),
  Layer.provideMerge(HealthServerLive),
  Layer.provide(ReadinessLive),
  Layer.provide([NoLogs, NoMetrics, Layer.succeed(References.TracerEnabled, false)]),
  Layer.provide(GatewayConfigLive),
  Layer.provide(environment())
)

Layer.launch(Unobserved).pipe(NodeRuntime.runMain)
