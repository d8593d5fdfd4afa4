/** A load as an effect. */
import { Data, Effect } from "effect"
import { Load, type LoadEvents } from "./Load.ts"
import type { LoadPlan } from "./LoadPlan.ts"
import type { LoadReport } from "./LoadReport.ts"

/** Nothing could be measured. */
export class LoadFailed extends Data.TaggedError("LoadFailed")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

/** Interruption ends its connections. */
export const runLoad = (plan: LoadPlan, phase: LoadEvents["phase"]): Effect.Effect<LoadReport, LoadFailed> =>
  Effect.callback((resume) => {
    const load = new Load(plan, {
      phase,
      done: (report) => resume(Effect.succeed(report)),
      failed: (reason) => resume(Effect.fail(new LoadFailed({ reason })))
    })
    load.start()
    return Effect.sync(() => load.abort())
  })
