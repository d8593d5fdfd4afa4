/** The circuit to the API. Its state is one value that calls compare and replace; there is no fiber and no timer. */
import { Cause, Clock, Duration, Effect, Exit, Layer, Option, PubSub, Stream } from "effect"
import { CircuitOpen } from "../../domain/GatewayError.ts"
import { CircuitBreaker, type CircuitState, type CircuitTransition } from "../../services/CircuitBreaker.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { CallWindow } from "./CallWindow.ts"
import { monotonicMillis } from "./monotonicMillis.ts"

/** Probes at a time while half-open, and the successes that close the circuit (rulings 2). */
const PROBES = 3

/** Transitions that a slow listener may be behind. */
const TRANSITIONS_KEPT = 64

export const CircuitBreakerLive: Layer.Layer<CircuitBreaker, never, GatewayConfig | Metrics> = Layer.effect(
  CircuitBreaker,
  Effect.gen(function* () {
    const { circuitBreaker } = yield* GatewayConfig
    const { minimumCalls, threshold } = circuitBreaker
    const windowMillis = Duration.toMillis(circuitBreaker.window)
    const openMillis = Duration.toMillis(circuitBreaker.openDuration)
    const clock = yield* Clock.Clock
    const metrics = yield* Metrics
    const transitions = yield* Effect.acquireRelease(
      PubSub.sliding<CircuitTransition>(TRANSITIONS_KEPT),
      PubSub.shutdown
    )
    const now = () => monotonicMillis(clock)
    const closed = (): Closed => ({ _tag: "closed", window: new CallWindow(windowMillis, now()) })

    /** An outcome counts only for the phase that its call began in. */
    let phase: Phase = closed()
    /** Of this phase and of earlier ones: a probe that hangs keeps its place. */
    let probing = 0

    const state = (): CircuitState => (phase._tag === "open" && now() >= phase.until ? "half-open" : phase._tag)
    metrics.gauge({
      name: "smtp_circuit_breaker_state",
      help: "Circuit to the Cakemail API: 0 closed, 1 open, 2 half-open",
      labels: {},
      across: "max",
      collect: () => GAUGE[state()]
    })

    /** Changes the phase at once; the effect that it returns only tells of it. */
    const become = (next: Phase, calls: number, failures: number): Effect.Effect<void> => {
      const from = phase._tag
      phase = next
      PubSub.publishUnsafe(transitions, { from, to: next._tag, calls, failures })
      switch (next._tag) {
        case "open":
          return Effect.logWarning("circuit_breaker_open", { from, calls, failures, open_ms: openMillis })
        case "half-open":
          return Effect.logInfo("circuit_breaker_half_open")
        case "closed":
          return Effect.logInfo("circuit_breaker_closed", { calls })
      }
    }
    const open = (calls: number, failures: number) =>
      become({ _tag: "open", until: now() + openMillis }, calls, failures)

    const finished = (during: Closed | HalfOpen, failed: boolean): Effect.Effect<void> | undefined => {
      if (phase !== during) return undefined
      if (during._tag === "half-open") {
        if (failed) return open(during.successes + 1, 1)
        during.successes++
        return during.successes >= PROBES ? become(closed(), during.successes, 0) : undefined
      }
      const { window } = during
      window.add(failed, now())
      const { calls, failures } = window
      return calls >= minimumCalls && failures / calls >= threshold ? open(calls, failures) : undefined
    }

    const watch = <A, E, R>(
      call: Effect.Effect<A, E, R>,
      isFailure: (error: E) => boolean,
      interruption: Interruption,
      during: Closed
    ): Effect.Effect<A, E, R> =>
      Effect.onExitPrimitive(call, (exit) => {
        const failed = verdict(exit, isFailure, interruption)
        return failed === undefined ? undefined : finished(during, failed)
      })

    /** The place is taken where nothing can come between taking it and being sure to give it back. */
    const probe = <A, E, R>(
      call: Effect.Effect<A, E, R>,
      isFailure: (error: E) => boolean,
      interruption: Interruption
    ): Effect.Effect<A, E | CircuitOpen, R> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend((): Effect.Effect<A, E | CircuitOpen, R> => {
          if (state() !== "half-open" || probing >= PROBES) return REFUSED
          let toldOf: Effect.Effect<void> | undefined
          let during = phase
          if (during._tag !== "half-open") {
            during = { _tag: "half-open", successes: 0 }
            toldOf = become(during, 0, 0)
          }
          const asked = during
          probing++
          return Effect.onExitPrimitive(restore(toldOf === undefined ? call : Effect.andThen(toldOf, call)), (exit) => {
            probing--
            const failed = verdict(exit, isFailure, interruption)
            return failed === undefined ? undefined : finished(asked, failed)
          })
        })
      )

    return CircuitBreaker.of({
      protect: (call, isFailure, interruption = "nothing") =>
        Effect.suspend(() => {
          const during = phase
          if (during._tag === "closed") return watch(call, isFailure, interruption, during)
          return state() === "open" ? REFUSED : probe(call, isFailure, interruption)
        }),
      state: Effect.sync(state),
      transitions: Stream.fromPubSub(transitions)
    })
  })
)

interface Closed {
  readonly _tag: "closed"
  readonly window: CallWindow
}

interface Open {
  readonly _tag: "open"
  /** Milliseconds of the monotonic clock. */
  readonly until: number
}

interface HalfOpen {
  readonly _tag: "half-open"
  successes: number
}

type Phase = Closed | Open | HalfOpen

type Interruption = "nothing" | "failure"

const GAUGE: { readonly [State in CircuitState]: number } = { closed: 0, open: 1, "half-open": 2 }

const REFUSED = Effect.fail(new CircuitOpen())

/** Whether the call speaks against the service; `undefined` when it says nothing, having been cut off or gone wrong here. */
const verdict = <A, E>(
  exit: Exit.Exit<A, E>,
  isFailure: (error: E) => boolean,
  interruption: Interruption
): boolean | undefined => {
  if (Exit.isSuccess(exit)) return false
  const error = Cause.findErrorOption(exit.cause)
  if (Option.isSome(error)) return isFailure(error.value)
  return interruption === "failure" && Cause.hasInterruptsOnly(exit.cause) ? true : undefined
}
