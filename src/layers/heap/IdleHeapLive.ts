import { Effect, Layer, Schedule } from "effect"
import { ProcessHeap } from "./ProcessHeap.ts"

const CHECK_INTERVAL = "1 second"

/** A process that was less busy than this, in so many checks one after another, keeps nobody waiting. */
const QUIET_SHARE = 0.02
const QUIET_CHECKS = 5

/** Bytes by which the heap must have grown since it was smallest, be it that V8 made it so. */
const WORTHWHILE = 16 * 1024 * 1024

/**
 * Makes the heap small again when a burst is over. V8 would do so itself, but takes no process of Node.js for idle
 * (docs/decisions/0034-room-for-small-objects.md).
 */
export const IdleHeapLive: Layer.Layer<never> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { busyShare, shrink, size } = yield* ProcessHeap
    if (shrink === undefined) return
    let quiet = 0
    // Of nothing, to begin with: what the start took is given back, too.
    let smallest = 0

    const check = Effect.gen(function* () {
      quiet = (yield* busyShare) < QUIET_SHARE ? quiet + 1 : 0
      const before = yield* size
      smallest = Math.min(smallest, before)
      if (quiet < QUIET_CHECKS || before - smallest < WORTHWHILE) return
      yield* shrink
      smallest = yield* size
      yield* Effect.logDebug("heap_shrunk", { heap_bytes_before: before, heap_bytes: smallest })
    })

    yield* check.pipe(
      Effect.schedule(Schedule.spaced(CHECK_INTERVAL)),
      Effect.tapCause((cause) => Effect.logError("heap_checks_ended", cause)),
      Effect.forkScoped
    )
  })
)
