/** The supervisor over workers that a test plays, on the test clock. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { RateLimiterStoreMemory } from "../../src/layers/protection/RateLimiterStoreMemory.ts"
import { Fleet, FleetLive } from "../../src/layers/workers/Fleet.ts"
import { SharedReceiptsMemory } from "../../src/layers/workers/SharedReceipts.ts"
import { supervise } from "../../src/programs/supervisor.ts"
import { RateLimiterStore } from "../../src/services/RateLimiterStore.ts"
import { type FakeWorkers, makeFakeWorkers } from "../kit/FakeWorkers.ts"
import { makeLogRecorder } from "../kit/LogRecorder.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../kit/MetricsRecorder.ts"
import { configWith } from "../kit/SettingsKit.ts"

const READY = { _tag: "Readiness", reasons: [] } as const

const world = (fake: FakeWorkers, logs = makeLogRecorder()) =>
  Layer.mergeAll(FleetLive, RateLimiterStoreMemory, SharedReceiptsMemory, fake.layer, logs.layer).pipe(
    Layer.provideMerge(Layer.mergeAll(configWith({ workers: 2 }), layerMetricsRecorder))
  )

/** Lets what has been set off come to its end. */
const settle = Effect.repeat(TestClock.adjust("10 micros"), { times: 30 })

describe("a worker", () => {
  it.effect("is told what it has to know, with the settings as they were read, once it says that it hears", () => {
    const fake = makeFakeWorkers((worker) => worker.say({ _tag: "Hello" }, READY))
    return Effect.gen(function* () {
      yield* Effect.forkChild(supervise({ SMTP_PORT: "0" }))
      yield* settle
      assert.strictEqual(fake.started.length, 2)
      const begins = fake.started.map(({ told }) => told.filter(({ _tag }) => _tag === "Begin"))
      assert.deepStrictEqual(
        begins.flat().map(({ settings, worker, workers }) => ({ settings, worker, workers })),
        [1, 2].map((worker) => ({ settings: { SMTP_PORT: "0" }, worker, workers: 2 }))
      )
      assert.strictEqual((yield* Fleet).ready(), 2)
    }).pipe(Effect.provide(world(fake)))
  })

  it.effect("that never serves ends the whole, with what it said", () => {
    const fake = makeFakeWorkers((worker) =>
      Effect.andThen(worker.say({ _tag: "Failed", message: "cannot listen" }), worker.end("exit code 1"))
    )
    return Effect.gen(function* () {
      const exit = yield* Effect.exit(supervise({}))
      assert.isTrue(Exit.isFailure(exit))
      assert.include(JSON.stringify(exit), "cannot listen")
      assert.strictEqual(fake.started.length, 2)
    }).pipe(Effect.provide(world(fake)))
  })

  it.effect(
    "that ends is replaced: at once at first, then after pauses that grow, for as long as another serves",
    () => {
      const logs = makeLogRecorder()
      const fake = makeFakeWorkers((worker, number) => (number === 2 ? worker.say(READY) : worker.say(READY)))
      return Effect.gen(function* () {
        yield* Effect.forkChild(supervise({}))
        yield* settle
        const endNewest = Effect.suspend(() => fake.started.at(-1)?.end("SIGKILL") ?? Effect.void)
        yield* endNewest
        yield* settle
        assert.strictEqual(fake.started.length, 3)
        const pauses = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
        for (const [index, pause] of pauses.entries()) {
          yield* endNewest
          yield* TestClock.adjust(pause - 2)
          assert.strictEqual(fake.started.length, 3 + index, `too soon, pause ${pause}`)
          yield* TestClock.adjust(4)
          assert.strictEqual(fake.started.length, 4 + index, `too late, pause ${pause}`)
        }
        assert.strictEqual((yield* MetricsRecorder).value("smtp_worker_restarts_total"), 10)
        // After a steady life it is as if nothing had been.
        yield* TestClock.adjust("2 minutes")
        const before = fake.started.length
        yield* endNewest
        yield* settle
        assert.strictEqual(fake.started.length, before + 1)
        assert.strictEqual(logs.events.filter(({ event }) => event === "worker_ended").length, 11)
      }).pipe(Effect.provide(world(fake, logs)))
    }
  )

  it.effect("that ends again and again while nobody serves ends the whole", () => {
    const logs = makeLogRecorder()
    // The first two serve; whoever comes after them does not.
    const fake = makeFakeWorkers((worker, number) =>
      number <= 2
        ? worker.say(READY)
        : Effect.andThen(worker.say({ _tag: "Failed", message: "no memory" }), worker.end("1"))
    )
    return Effect.gen(function* () {
      const running = yield* Effect.forkChild(Effect.exit(supervise({})))
      yield* settle
      for (const worker of fake.started.slice(0, 2)) yield* worker.end("SIGKILL")
      yield* TestClock.adjust("5 minutes")
      const exit = yield* Fiber.join(running)
      assert.include(JSON.stringify(exit), "workers end as soon as they are started: no memory")
      assert.strictEqual(logs.events.filter(({ event }) => event === "workers_given_up").length, 1)
      assert.isAtMost(fake.started.length, 2 * 8)
    }).pipe(Effect.provide(world(fake, logs)))
  })

  it.effect("that says nothing for half a minute is killed and replaced", () => {
    const logs = makeLogRecorder()
    const fake = makeFakeWorkers((worker) => worker.say(READY), { mute: true })
    return Effect.gen(function* () {
      yield* Effect.forkChild(supervise({}))
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(fake.started.length, 2)
      yield* TestClock.adjust("2 seconds")
      yield* settle
      assert.strictEqual(fake.started.length, 4)
      assert.include(fake.started[0]?.signals ?? [], "SIGKILL")
      assert.strictEqual(logs.events.filter(({ event }) => event === "worker_hangs").length, 2)
    }).pipe(Effect.provide(world(fake, logs)))
  })

  it.effect("that says what cannot be read is killed and replaced", () => {
    const logs = makeLogRecorder()
    const fake = makeFakeWorkers((worker) => worker.say(READY))
    return Effect.gen(function* () {
      yield* Effect.forkChild(supervise({}))
      yield* settle
      yield* fake.started[0]?.babble ?? Effect.void
      yield* settle
      assert.strictEqual(fake.started.length, 3)
      assert.strictEqual(logs.events.filter(({ event }) => event === "worker_not_understood").length, 1)
    }).pipe(Effect.provide(world(fake, logs)))
  })

  it.effect("is drained at the end, and killed only when that takes too long", () => {
    const gentle = makeFakeWorkers((worker) => worker.say(READY))
    const deaf = makeFakeWorkers((worker) => worker.say(READY), { deaf: true })
    const end = (fake: FakeWorkers) =>
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(supervise({}))
        yield* settle
        const ending = yield* Effect.forkChild(Fiber.interrupt(running))
        yield* TestClock.adjust("4 seconds")
        const early = fake.started.map(({ signals }) => [...signals])
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(ending)
        return early
      }).pipe(Effect.provide(world(fake)))
    return Effect.gen(function* () {
      assert.deepStrictEqual(
        (yield* end(gentle)).map(([first]) => first),
        ["SIGTERM", "SIGTERM"]
      )
      assert.deepStrictEqual(yield* end(deaf), [["SIGTERM"], ["SIGTERM"]])
      for (const { signals } of deaf.started) assert.include(signals, "SIGKILL")
    })
  })

  it.effect("is answered while it drains, and what it holds is let go of when it is gone", () => {
    const rule = { limit: 1, limitOfKey: 1 }
    const fake = makeFakeWorkers((worker, number) =>
      number > 1
        ? worker.say(READY)
        : worker.say(READY, { _tag: "Asked", id: 7, ask: { _tag: "Connect", key: null, rule } })
    )
    return Effect.gen(function* () {
      yield* Effect.forkChild(supervise({}))
      yield* settle
      const store = yield* RateLimiterStore
      const refusal = Effect.scoped(store.connect(undefined, rule))
      const answers = () => fake.started[0]?.told.filter(({ _tag }) => _tag === "Answered")
      assert.deepStrictEqual(answers(), [{ _tag: "Answered", id: 7, answer: null }])
      assert.strictEqual(yield* refusal, "limit")
      yield* fake.started[0]?.end("SIGKILL") ?? Effect.void
      yield* settle
      assert.isUndefined(yield* refusal)
    }).pipe(Effect.provide(world(fake)))
  })
})
