import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect } from "effect"
import { CliError } from "effect/cli"
import { BenchFailed } from "./processes.ts"

/** A bench as the whole of a process. Why it failed is said in its own words; what nobody foresaw with its cause. */
export const runMain = <E>(bench: Effect.Effect<void, E, NodeServices.NodeServices>): void =>
  bench.pipe(
    Effect.tapCause(explain),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({ disableErrorReporting: true })
  )

const explain = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  if (error instanceof BenchFailed) return Console.error(error.message)
  // The command line has said itself what is wrong with it.
  return CliError.isCliError(error) ? Effect.void : Console.error(Cause.pretty(cause))
}
