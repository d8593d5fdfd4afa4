/**
 * A sandbox of its own for a test: an embedded Cakemail API on a free port of 127.0.0.1, with what was submitted, the
 * faults and the call counters at hand. Built inside `it.effect` it obeys the TestClock.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import * as HttpServer from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import { layerSandbox, type SandboxOptions } from "../../src/layers/sandbox/SandboxServer.ts"
import { Sandbox, type SandboxCall } from "../../src/services/Sandbox.ts"
import type { Fault } from "../../src/services/SandboxFaults.ts"
import type { CapturedMessage } from "../../src/services/SandboxMessages.ts"

export interface RunningSandboxKit {
  /** Without a slash at the end. */
  readonly url: string
  readonly sandbox: Sandbox["Service"]
  /** What was captured, oldest first. */
  readonly captured: Effect.Effect<ReadonlyArray<CapturedMessage>>
  /** Replaces the faults. */
  readonly inject: (...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
  /** How many calls were made since the start, or since `sandbox.calls.reset`. */
  readonly callsOf: (endpoint: SandboxCall["endpoint"]) => Effect.Effect<number>
}

export class SandboxKit extends Context.Service<SandboxKit, RunningSandboxKit>()("test/kit/SandboxKit") {}

export const startSandbox = (options: SandboxOptions = {}): Effect.Effect<RunningSandboxKit, ServeError, Scope.Scope> =>
  Effect.map(Layer.build(layerSandbox({ port: 0, ...options })), (context) => {
    const sandbox = Context.get(context, Sandbox)
    return {
      url: HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address),
      sandbox,
      captured: capturedBy(sandbox),
      inject: (...faults) => sandbox.faults.set(faults),
      callsOf: (endpoint) => Effect.map(sandbox.calls.summary, ({ endpoints }) => endpoints[endpoint]?.calls ?? 0)
    }
  })

export const layerSandboxKit = (options: SandboxOptions = {}): Layer.Layer<SandboxKit, ServeError> =>
  Layer.effect(SandboxKit, startSandbox(options))

/**
 * Asks again until the answer is yes. For what happens on the other side of a socket: no clock, real or test, tells
 * when. Between two looks the machine is left to whoever is looked at.
 */
export const eventually = <E, R>(holds: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(holds, (yes) => (yes ? Effect.void : Effect.andThen(pause, eventually(holds))))

/** Of the machine's time, also under the test clock. */
const pause = Effect.callback<void>((resume) => {
  const timer = setTimeout(() => resume(Effect.void), 5)
  return Effect.sync(() => clearTimeout(timer))
})

const capturedBy = ({ messages }: Sandbox["Service"]): Effect.Effect<ReadonlyArray<CapturedMessage>> =>
  Effect.map(messages.all, (all) => all.map(({ message }) => message).toReversed())
