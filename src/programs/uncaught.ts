/** What is thrown where no fiber is: in a callback of a socket or a timer of a package. */
import { Cause, Data, Deferred, Effect } from "effect"
import { causeText } from "../layers/telemetry/causeText.ts"

/** Has been told on stderr when it comes out here. */
export class Uncaught extends Data.TaggedError("Uncaught") {}

/**
 * Ends the program at the first exception that nobody caught, since nobody knows what state it left behind; but in order,
 * as a signal does: messages under way are finished. Node.js alone would end at once, and print all that the error holds.
 */
export const endingAtUncaught = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E | Uncaught, R> =>
  Effect.gen(function* () {
    const first = yield* Deferred.make<never, Uncaught>()
    const onUncaught = (thrown: unknown): void => {
      process.stderr.write(`uncaught exception: ${causeText(Cause.die(thrown))}\n`)
      Deferred.doneUnsafe(first, Effect.fail(new Uncaught()))
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => process.on("uncaughtException", onUncaught)),
      () => Effect.sync(() => process.off("uncaughtException", onUncaught))
    )
    return yield* Effect.raceFirst(program, Deferred.await(first))
  }).pipe(Effect.scoped)
