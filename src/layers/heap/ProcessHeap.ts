import { performance } from "node:perf_hooks"
import { getHeapStatistics } from "node:v8"
import { Context, Effect } from "effect"

/** The memory of this process for JavaScript objects, and how busy it is: V8's own, unless another is provided. */
export const ProcessHeap = Context.Reference<{
  /** Share of the time since it was last asked for in which the event loop had work, 0..1. */
  readonly busyShare: Effect.Effect<number>
  /** Bytes of memory that are kept for objects, used or not. */
  readonly size: Effect.Effect<number>
  /**
   * Collects all garbage and gives back what is free then. The process stands still meanwhile: 0.1 s where 40 MB are used.
   * `undefined` when Node.js was not started with `--expose-gc`.
   */
  readonly shrink: Effect.Effect<void> | undefined
}>("gateway/layers/ProcessHeap", {
  defaultValue: () => {
    const collect = globalThis.gc
    let last = performance.eventLoopUtilization()
    return {
      busyShare: Effect.sync(() => {
        const now = performance.eventLoopUtilization()
        const { utilization } = performance.eventLoopUtilization(now, last)
        last = now
        return utilization
      }),
      size: Effect.sync(() => getHeapStatistics().total_heap_size),
      shrink:
        collect === undefined
          ? undefined
          : Effect.sync(() => collect({ type: "major", execution: "sync", flavor: "last-resort" }))
    }
  }
})
