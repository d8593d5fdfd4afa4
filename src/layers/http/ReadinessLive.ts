import { Effect, Layer, Ref } from "effect"
import { Metrics } from "../../services/Metrics.ts"
import { Readiness, type UnreadyReason } from "../../services/Readiness.ts"

/** Its value when several processes tell of it is that of the one which answers. */
export const declareReadiness = (isReady: () => boolean) =>
  Effect.map(Metrics, (metrics) =>
    metrics.gauge({
      name: "smtp_ready",
      help: "1 when /health/ready says 200, 0 when it says 503",
      labels: {},
      across: "first",
      collect: () => (isReady() ? 1 : 0)
    })
  )

export const ReadinessLive = Layer.effect(
  Readiness,
  Effect.gen(function* () {
    const reasons = yield* Ref.make<ReadonlySet<UnreadyReason>>(new Set(["not listening", "no certificate"]))
    yield* declareReadiness(() => Ref.getUnsafe(reasons).size === 0)
    return Readiness.of({
      reasons: Effect.map(Ref.get(reasons), (current) => [...current]),
      set: (reason, holds) =>
        Ref.update(reasons, (current) => {
          const next = new Set(current)
          if (holds) next.add(reason)
          else next.delete(reason)
          return next
        })
    })
  })
)
