/** Readiness with the reasons that a test names. */
import { Effect, Layer } from "effect"
import { Readiness, type UnreadyReason } from "../../src/services/Readiness.ts"

export const layerReadiness = (...reasons: ReadonlyArray<UnreadyReason>): Layer.Layer<Readiness> =>
  Layer.sync(Readiness, () => {
    const held = new Set(reasons)
    return {
      reasons: Effect.sync(() => [...held]),
      set: (reason, holds) => Effect.sync(() => void (holds ? held.add(reason) : held.delete(reason)))
    }
  })
