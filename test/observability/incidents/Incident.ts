import type { Effect, Scope } from "effect"
import type { Evidence } from "../../kit/Scene.ts"

/** Something that happens to a gateway of its own, told of in the evidence. */
export interface Incident {
  readonly name: string
  readonly happens: (evidence: Evidence) => Effect.Effect<void, unknown, Scope.Scope>
}
