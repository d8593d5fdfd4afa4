import { Effect, Layer, Ref } from "effect"
import { Readiness, type UnreadyReason } from "../../services/Readiness.ts"

export const ReadinessLive = Layer.effect(
  Readiness,
  Effect.gen(function* () {
    const reasons = yield* Ref.make<ReadonlySet<UnreadyReason>>(new Set(["not listening", "no certificate"]))
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
