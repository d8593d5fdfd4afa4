import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { IdleHeapLive } from "../../../src/layers/heap/IdleHeapLive.ts"
import { ProcessHeap } from "../../../src/layers/heap/ProcessHeap.ts"
import { startGatewayProcess } from "../../kit/GatewayProcess.ts"
import { eventually, startSandbox } from "../../kit/SandboxKit.ts"

const readShrunk = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      event: Schema.Literal("heap_shrunk"),
      heap_bytes_before: Schema.Finite,
      heap_bytes: Schema.Finite,
      worker: Schema.optionalKey(Schema.Finite)
    })
  )
)

const MIB = 1024 * 1024

/** A process as busy, and a heap as large, as the test says. */
const heapOf = (state: { busy: number; size: number; shrunk: number }) =>
  Layer.succeed(ProcessHeap, {
    busyShare: Effect.sync(() => state.busy),
    size: Effect.sync(() => state.size),
    shrink: Effect.sync(() => {
      state.shrunk++
      state.size = 40 * MIB
    })
  })

const watched = Effect.fnUntraced(function* (state: { busy: number; size: number; shrunk: number }) {
  yield* Layer.build(IdleHeapLive.pipe(Layer.provide(heapOf(state))))
})

describe("the heap of an idle process", () => {
  it.effect("is made small once five seconds have passed in which next to nothing was done", () =>
    Effect.gen(function* () {
      const state = { busy: 0.9, size: 100 * MIB, shrunk: 0 }
      yield* watched(state)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(state.shrunk, 0)
      state.busy = 0.01
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(state.shrunk, 0)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(state.shrunk, 1)
    })
  )

  it.effect("is left alone until it has grown again by what makes it worth a pause", () =>
    Effect.gen(function* () {
      const state = { busy: 0, size: 100 * MIB, shrunk: 0 }
      yield* watched(state)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(state.shrunk, 1)
      state.size = 55 * MIB
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(state.shrunk, 1)
      state.size = 56 * MIB
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(state.shrunk, 2)
    })
  )

  it.effect("has grown since it was smallest, whoever made it so", () =>
    Effect.gen(function* () {
      const state = { busy: 0, size: 100 * MIB, shrunk: 0 }
      yield* watched(state)
      yield* TestClock.adjust("10 seconds")
      // V8 collects by itself, in the midst of work.
      state.busy = 0.9
      state.size = 30 * MIB
      yield* TestClock.adjust("10 seconds")
      state.size = 46 * MIB
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(state.shrunk, 1)
      state.busy = 0
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(state.shrunk, 2)
    })
  )

  it.effect("is not touched while somebody might wait, however short the pauses in between", () =>
    Effect.gen(function* () {
      const state = { busy: 0, size: 100 * MIB, shrunk: 0 }
      yield* watched(state)
      for (let round = 0; round < 20; round++) {
        state.busy = 0
        yield* TestClock.adjust("4 seconds")
        state.busy = 0.02
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(state.shrunk, 0)
    })
  )

  it.effect("stays as it is where Node.js was started without --expose-gc", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const without = Layer.succeed(ProcessHeap, {
        busyShare: Effect.sync(() => asked.push("busy") * 0),
        size: Effect.sync(() => asked.push("size") * MIB * 100),
        shrink: undefined
      })
      yield* Layer.build(IdleHeapLive.pipe(Layer.provide(without)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(asked, [])
    })
  )

  for (const { workers, processes } of [
    { workers: 1, processes: [undefined] },
    { workers: 2, processes: [1, 2, undefined] }
  ]) {
    it.live(`is made small by each process of npm run gateway, with WORKERS=${workers}`, () =>
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const environment = { LOG_LEVEL: "DEBUG", WORKERS: String(workers) }
        const gateway = yield* startGatewayProcess({ apiUrl: sandbox.url, environment })
        const shrunk = Effect.map(gateway.log, (lines) => lines.flatMap((line) => Option.toArray(readShrunk(line))))
        yield* eventually(
          Effect.map(shrunk, (events) => processes.every((process) => events.some(({ worker }) => worker === process)))
        )
        for (const { heap_bytes, heap_bytes_before } of yield* shrunk) assert.isBelow(heap_bytes, heap_bytes_before)
      })
    )
  }
})
