/** Traces, if a collector is configured. Without one nothing is loaded, and no span is made. */
import { Effect, Layer, References } from "effect"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import type { Metrics } from "../../services/Metrics.ts"

/** Without an exporter nobody would see a span, and log lines would carry ids of traces that are nowhere. */
export const TracingOff = Layer.succeed(References.TracerEnabled, false)

export const TracingLive: Layer.Layer<never, never, GatewayConfig | Metrics> = Layer.unwrap(
  Effect.gen(function* () {
    const { endpoint } = (yield* GatewayConfig).tracing
    if (endpoint === undefined) return TracingOff
    const { tracingOtlp } = yield* Effect.promise(() => import("./TracingOtlp.ts"))
    return tracingOtlp(endpoint)
  })
).pipe(
  // Mail flows whether or not it can be traced.
  Layer.catchCause((cause) =>
    Layer.merge(TracingOff, Layer.effectDiscard(Effect.logError("tracing_unavailable", cause)))
  )
)
