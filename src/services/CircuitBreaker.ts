import { Context, type Effect, type Stream } from "effect"
import type { CircuitOpen } from "../domain/GatewayError.ts"

/** Closed: calls pass. Open: none does. Half-open: a few at a time do, to find out. */
export type CircuitState = "closed" | "open" | "half-open"

export interface CircuitTransition {
  readonly from: CircuitState
  readonly to: CircuitState
  /** The finished calls that decided it: those of the window, or the probes. */
  readonly calls: number
  readonly failures: number
}

/** Spares a service that fails, and those who wait for it. One for the API of the process (requirement A11). */
export class CircuitBreaker extends Context.Service<
  CircuitBreaker,
  {
    /**
     * Runs the call, or fails with `CircuitOpen` and does not. `isFailure` says which errors speak against the service;
     * other errors are answers and count as success. Defects count as nothing, and so does interruption unless it is
     * said to be a `failure`: of a call that is only ever broken off because it took too long.
     */
    readonly protect: <A, E, R>(
      call: Effect.Effect<A, E, R>,
      isFailure: (error: E) => boolean,
      interruption?: "nothing" | "failure"
    ) => Effect.Effect<A, E | CircuitOpen, R>
    /** An open circuit whose time is up is half-open, whether or not a call has come since. */
    readonly state: Effect.Effect<CircuitState>
    /**
     * Those that happen while it is listened to. The one to half-open comes with the first call that is let through; who
     * is slow to take them loses the oldest.
     */
    readonly transitions: Stream.Stream<CircuitTransition>
  }
>()("gateway/services/CircuitBreaker") {}
