import { Effect, Layer, Ref } from "effect"
import { Metrics } from "../../services/Metrics.ts"
import { Readiness, type UnreadyReason } from "../../services/Readiness.ts"

export const ReadinessLive = Layer.effect(
  Readiness,
  Effect.gen(function* () {
    const reasons = yield* Ref.make<ReadonlySet<UnreadyReason>>(new Set(["not listening", "no certificate"]))
    const metrics = yield* Metrics
    metrics.gauge({
      name: "smtp_ready",
      help: "1 when /health/ready says 200, 0 when it says 503",
      labels: {},
      collect: () => (Ref.getUnsafe(reasons).size === 0 ? 1 : 0)
    })
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
