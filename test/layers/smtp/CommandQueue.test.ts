import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { atStage } from "../../../src/layers/scheduling/atStage.ts"
import { StagedScheduler } from "../../../src/layers/scheduling/StagedScheduler.ts"
import { CommandQueue } from "../../../src/layers/smtp/CommandQueue.ts"
import type { Command } from "../../../src/services/SmtpSession.ts"

const recipient = (number: number): Command => ({
  _tag: "RcptTo",
  recipient: `${number}@example.com`,
  reply: () => {}
})

const [first, second, third] = [recipient(1), recipient(2), recipient(3)]

/** A session that does something with each. */
const eachOf = (queue: CommandQueue, act: (command: Command) => void) =>
  Effect.forkChild(
    Effect.gen(function* () {
      for (;;) act(yield* queue.take)
    }),
    { startImmediately: true }
  )

describe("the commands of a connection", () => {
  it.effect("come in their order, those that were posted before the session asks included", () =>
    Effect.gen(function* () {
      const queue = new CommandQueue()
      queue.post(first)
      queue.post(second)
      assert.strictEqual(yield* queue.take, first)
      queue.post(third)
      assert.strictEqual(yield* queue.take, second)
      assert.strictEqual(yield* queue.take, third)
    })
  )

  it.effect("reach a session that waits before `post` returns", () =>
    Effect.gen(function* () {
      const queue = new CommandQueue()
      const taken: Array<Command> = []
      yield* eachOf(queue, (command) => taken.push(command))
      queue.post(first)
      assert.deepStrictEqual(taken, [first])
      queue.post(second)
      assert.deepStrictEqual(taken, [first, second])
    })
  )

  it.effect("that a session posts to itself, by what it answers, come after the one that it is at", () =>
    Effect.gen(function* () {
      const queue = new CommandQueue()
      const story: Array<string> = []
      yield* eachOf(queue, (command) => {
        story.push(`begins ${command._tag}`)
        if (command._tag === "MailFrom") queue.post({ _tag: "Reset" })
        story.push(`ends ${command._tag}`)
      })
      queue.post({ _tag: "MailFrom", sender: "a@example.com", reply: () => {} })
      assert.deepStrictEqual(story, ["begins MailFrom", "ends MailFrom", "begins Reset", "ends Reset"])
    })
  )

  it.effect("are not lost to a session that has stopped waiting", () =>
    Effect.gen(function* () {
      const queue = new CommandQueue()
      const gone = yield* Effect.forkChild(queue.take, { startImmediately: true })
      yield* Fiber.interrupt(gone)
      queue.post(first)
      assert.strictEqual(yield* queue.take, first)
    })
  )

  it.effect("go to the last that waits, also when the one before stops waiting", () =>
    Effect.gen(function* () {
      const queue = new CommandQueue()
      const before = yield* Effect.forkChild(queue.take, { startImmediately: true })
      const last = yield* Effect.forkChild(queue.take, { startImmediately: true })
      yield* Fiber.interrupt(before)
      queue.post(first)
      assert.strictEqual(yield* Fiber.join(last), first)
    })
  )

  it.effect("take as many turns as there are, however many come at once", () =>
    Effect.gen(function* () {
      const queue = new CommandQueue()
      const COUNT = 10_000
      for (let number = 0; number < COUNT; number++) queue.post(recipient(number))
      let taken = 0
      yield* Effect.repeat(
        Effect.tap(queue.take, () => Effect.sync(() => taken++)),
        { times: COUNT - 1 }
      )
      assert.strictEqual(taken, COUNT)
    })
  )

  describe("with stages", () => {
    it.live("reach a session that waits when their stage comes", () =>
      Effect.gen(function* () {
        const queue = new CommandQueue()
        const taken: Array<Command> = []
        yield* eachOf(queue, (command) => taken.push(command))
        queue.post(first)
        assert.deepStrictEqual(taken, [])
        yield* atStage.mailFrom
        assert.deepStrictEqual(taken, [])
        yield* atStage.data
        assert.deepStrictEqual(taken, [first])
      }).pipe(Effect.provide(StagedScheduler.layer))
    )

    it.live(
      "reach it at once when they have been posted before it asks, as by a client that sends them in one piece",
      () =>
        Effect.gen(function* () {
          const queue = new CommandQueue()
          const taken: Array<Command> = []
          for (const command of [first, second, third]) queue.post(command)
          yield* eachOf(queue, (command) => taken.push(command))
          assert.deepStrictEqual(taken, [first, second, third])
        }).pipe(Effect.provide(StagedScheduler.layer))
    )
  })
})
