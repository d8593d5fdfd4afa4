import { Context, type Effect } from "effect"

/** Why a pod should get no traffic; empty when it should. */
export type UnreadyReason = "not listening" | "draining" | "no certificate"

/** Collects what /health/ready needs to know. The API is not asked: see docs/decisions. */
export class Readiness extends Context.Service<
  Readiness,
  {
    readonly reasons: Effect.Effect<ReadonlyArray<UnreadyReason>>
    /** Sets or clears one reason. A process starts with `not listening` and `no certificate`. */
    readonly set: (reason: UnreadyReason, holds: boolean) => Effect.Effect<void>
  }
>()("gateway/services/Readiness") {}
