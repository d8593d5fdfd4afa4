import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Scheduler } from "effect"
import { atStage, callbackAtStage } from "../../../src/layers/scheduling/atStage.ts"
import { StagedScheduler } from "../../../src/layers/scheduling/StagedScheduler.ts"

const staged = <A, E>(effect: Effect.Effect<A, E>) => Effect.provide(effect, StagedScheduler.layer)

/** A turn of the event loop, seen from outside of the scheduler. */
const loopTurn = Effect.callback<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

describe("without a StagedScheduler", () => {
  it.effect("there are no stages: nothing is waited for", () =>
    Effect.gen(function* () {
      let reached = false
      yield* Effect.forkChild(
        Effect.andThen(
          atStage.call,
          Effect.sync(() => void (reached = true))
        ),
        {
          startImmediately: true
        }
      )
      assert.isTrue(reached)
    })
  )

  it.effect("a callback resumes its fiber at once", () =>
    Effect.gen(function* () {
      const { fiber, resume } = yield* waitingForCallback
      resume()
      assert.isDefined(fiber.pollUnsafe())
    })
  )
})

/** A fiber that waits for `resume`, which lets it go on at the stage `reply`. */
const waitingForCallback = Effect.gen(function* () {
  let cleanedUp = false
  let resume = () => {}
  const fiber = yield* Effect.forkChild(
    callbackAtStage<string>((go) => {
      resume = () => go("reply", Effect.succeed("resumed"))
      return Effect.sync(() => void (cleanedUp = true))
    }),
    { startImmediately: true }
  )
  return { fiber, resume, isCleanedUp: () => cleanedUp }
})

describe("StagedScheduler", () => {
  it.live("does what several fibers do alike one after another, in the order of the stages", () =>
    staged(
      Effect.gen(function* () {
        const order: Array<string> = []
        const mail = (name: string) =>
          Effect.gen(function* () {
            yield* atStage.parse
            order.push(`${name} parse`)
            yield* atStage.prepare
            order.push(`${name} prepare`)
            yield* atStage.call
            order.push(`${name} call`)
          })
        yield* Effect.all([mail("a"), mail("b"), mail("c")], { concurrency: "unbounded" })
        assert.deepStrictEqual(order, [
          "a parse",
          "b parse",
          "c parse",
          "a prepare",
          "b prepare",
          "c prepare",
          "a call",
          "b call",
          "c call"
        ])
      })
    )
  )

  it.live("takes an earlier stage first, whoever has yielded first", () =>
    staged(
      Effect.gen(function* () {
        const order: Array<string> = []
        const step = (name: keyof typeof atStage) => Effect.map(atStage[name], () => void order.push(name))
        yield* Effect.all([step("call"), step("rcptTo"), step("reply"), step("answer"), step("mailFrom")], {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(order, ["answer", "reply", "mailFrom", "rcptTo", "call"])
      })
    )
  )

  it.live("comes to a later stage within the turn, and to the same or an earlier one in another", () =>
    staged(
      Effect.gen(function* () {
        let turn = 0
        const counting = yield* Effect.forkChild(
          Effect.forever(
            Effect.andThen(
              loopTurn,
              Effect.sync(() => turn++)
            )
          ),
          {
            startImmediately: true
          }
        )
        yield* atStage.parse
        const first = turn
        yield* atStage.prepare
        yield* atStage.call
        assert.strictEqual(turn, first)
        yield* atStage.call
        assert.isAbove(turn, first)
        const second = turn
        yield* atStage.parse
        assert.isAbove(turn, second)
        yield* Fiber.interrupt(counting)
      })
    )
  )

  it.live("lets sockets and timers have their turn while a fiber computes without an end", () =>
    staged(
      Effect.gen(function* () {
        const busy = yield* Effect.forkChild(Effect.forever(Effect.void))
        for (let turns = 0; turns < 10; turns++) yield* loopTurn
        yield* Effect.sleep(1)
        yield* Fiber.interrupt(busy)
      })
    )
  )

  it.live("ends a fiber that is interrupted while it waits for its stage", () =>
    staged(
      Effect.gen(function* () {
        let reached = false
        const waiting = yield* Effect.forkChild(
          Effect.andThen(
            atStage.call,
            Effect.sync(() => void (reached = true))
          ),
          { startImmediately: true }
        )
        yield* Fiber.interrupt(waiting)
        yield* loopTurn
        assert.isFalse(reached)
      })
    )
  )

  it.live("resumes a fiber from a callback at its stage, and not before", () =>
    staged(
      Effect.gen(function* () {
        const { fiber, isCleanedUp, resume } = yield* waitingForCallback
        resume()
        assert.isUndefined(fiber.pollUnsafe())
        yield* atStage.command
        assert.isDefined(fiber.pollUnsafe())
        assert.strictEqual(yield* Fiber.join(fiber), "resumed")
        assert.isFalse(isCleanedUp())
      })
    )
  )

  it.live("ends a fiber that is interrupted between the callback and its stage, and cleans up behind it", () =>
    staged(
      Effect.gen(function* () {
        const { fiber, isCleanedUp, resume } = yield* waitingForCallback
        resume()
        yield* Fiber.interrupt(fiber)
        assert.isTrue(isCleanedUp())
        yield* atStage.command
        assert.strictEqual((yield* Fiber.await(fiber))._tag, "Failure")
      })
    )
  )

  describe("its dispatcher", () => {
    const dispatcher = Effect.map(Effect.service(Scheduler.Scheduler), (scheduler) => scheduler.makeDispatcher())

    it.effect("does all that waits when it is flushed, what is added meanwhile too", () =>
      staged(
        Effect.gen(function* () {
          const tasks = yield* dispatcher
          const order: Array<string> = []
          tasks.scheduleTask(() => {
            order.push("second")
            tasks.scheduleTask(() => order.push("third"), 0)
          }, 1)
          tasks.scheduleTask(() => order.push("first"), -1)
          tasks.flush()
          assert.deepStrictEqual(order, ["first", "second", "third"])
        })
      )
    )

    it.effect("loses no task to one that throws", () =>
      staged(
        Effect.gen(function* () {
          const tasks = yield* dispatcher
          const order: Array<string> = []
          tasks.scheduleTask(() => {
            throw new Error("a task that throws")
          }, 1)
          tasks.scheduleTask(() => order.push("beside it"), 1)
          tasks.scheduleTask(() => order.push("after it"), 2)
          assert.throws(() => tasks.flush(), "a task that throws")
          tasks.flush()
          assert.deepStrictEqual(order, ["beside it", "after it"])
        })
      )
    )
  })
})
