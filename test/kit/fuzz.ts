/** Properties that each run of the suite tries on values of its own, for a fixed time. */
import { Effect } from "effect"
import * as fc from "fast-check"
import { randomInt } from "node:crypto"
import { performance } from "node:perf_hooks"

/** For each property; FUZZ_SECONDS gives it more. */
const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 5)

/** Values of one seed. */
const RUNS_A_SEED = 25

/** Shrinking what failed included. A seed that takes longer has hung. */
const MILLISECONDS_A_SEED = 60_000

/**
 * Tries the property until its time is over, and on `least` values however long they take; tells on how many. What fails
 * is reported with its seed: FUZZ_SEED tries the values of that one first.
 */
export const fuzz = Effect.fnUntraced(function* <A>(options: {
  readonly name: string
  readonly values: fc.Arbitrary<A>
  readonly holds: (value: A) => Effect.Effect<unknown>
  readonly least: number
}) {
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  const property = fc.asyncProperty(options.values, (value) => run(Effect.asVoid(options.holds(value))))
  const first = Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31))
  const end = performance.now() + 1_000 * SECONDS
  let runs = 0
  for (let seed = first; runs < options.least || performance.now() < end; seed++) {
    yield* Effect.promise(() =>
      fc.assert(property, {
        seed,
        numRuns: RUNS_A_SEED,
        interruptAfterTimeLimit: MILLISECONDS_A_SEED,
        markInterruptAsFailure: true
      })
    )
    runs += RUNS_A_SEED
  }
  console.log(`${options.name}: ${runs} values, seeds from ${first} on`)
  return runs
})
