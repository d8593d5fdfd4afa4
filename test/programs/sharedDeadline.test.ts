import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { makeSharedDeadline } from "../../src/programs/sharedDeadline.ts"

const late = () => Effect.succeed("late")

/** Ends after so many seconds, and says how. */
const lasting = (seconds: number, told: Array<string>, name = `${seconds} s`) =>
  Effect.sleep(Duration.seconds(seconds)).pipe(
    Effect.as("in time"),
    Effect.onInterrupt(() => Effect.sync(() => void told.push(`${name} interrupted`)))
  )

describe("a deadline of ten seconds", () => {
  const tenSeconds = makeSharedDeadline(Duration.seconds(10))

  it.effect("leaves alone what ends before", () =>
    Effect.gen(function* () {
      const within = yield* tenSeconds
      const told: Array<string> = []
      const fiber = yield* Effect.forkChild(within(late)(lasting(9, told)))
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "in time")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(told, [])
    })
  )

  it.effect("passes on what ends at once, and errors and defects", () =>
    Effect.gen(function* () {
      const within = yield* tenSeconds
      assert.strictEqual(yield* within(late)(Effect.succeed("at once")), "at once")
      const failing: Effect.Effect<string, string> = Effect.fail("no")
      assert.strictEqual(yield* Effect.flip(within((): typeof failing => late())(failing)), "no")
      const exit = yield* Effect.exit(within(late)(Effect.die("defect")))
      assert.strictEqual(exit._tag, "Failure")
    })
  )

  it.effect("interrupts what takes longer, waits for its end, and lets the other take its place", () =>
    Effect.gen(function* () {
      const within = yield* tenSeconds
      const told: Array<string> = []
      const slowToEnd = Effect.onInterrupt(Effect.never, () =>
        Effect.andThen(
          Effect.sleep("2 seconds"),
          Effect.sync(() => void told.push("cleaned up"))
        )
      )
      const fiber = yield* Effect.forkChild(within(late)(slowToEnd))
      yield* TestClock.adjust("9999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "late")
      assert.deepStrictEqual(told, ["cleaned up"])
    })
  )

  it.effect("counts for each from its own beginning, whatever others end before or are interrupted", () =>
    Effect.gen(function* () {
      const within = yield* tenSeconds
      const told: Array<string> = []
      const begin = (seconds: number, name: string) => Effect.forkChild(within(late)(lasting(seconds, told, name)))
      const first = yield* begin(60, "first")
      yield* TestClock.adjust("3 seconds")
      const second = yield* begin(5, "second")
      const third = yield* begin(60, "third")
      yield* TestClock.adjust("1 second")
      const fourth = yield* begin(60, "fourth")
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(yield* Fiber.join(first), "late")
      assert.strictEqual(yield* Fiber.join(second), "in time")
      assert.deepStrictEqual(told, ["first interrupted"])
      yield* Fiber.interrupt(third)
      assert.deepStrictEqual(told, ["first interrupted", "third interrupted"])
      yield* TestClock.adjust("3999 millis")
      assert.isUndefined(fourth.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fourth), "late")
      // And after a time without any.
      yield* TestClock.adjust("1 hour")
      const fifth = yield* begin(60, "fifth")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(fifth), "late")
    })
  )
})
