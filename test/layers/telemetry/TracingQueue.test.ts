import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import { makeTracingQueue } from "../../../src/layers/telemetry/TracingQueue.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"

type Done = Parameters<SpanExporter["export"]>[1]

const SUCCESS = { code: 0 }
const FAILED = { code: 1 }

/** The queue never looks into a span. */
const span = (name: string): ReadableSpan => ({ name }) as ReadableSpan

/** A queue of 10 spans, 3 a batch, in front of an exporter that does as the test says. */
const startQueue = Effect.fnUntraced(function* (exportBatch: (batch: ReadonlyArray<string>, done: Done) => void) {
  const log = makeLogRecorder()
  const scope = yield* Scope.make()
  const batches: Array<ReadonlyArray<string>> = []
  const exporter: SpanExporter = {
    export: (spans, done) => {
      const names = spans.map(({ name }) => name)
      batches.push(names)
      exportBatch(names, done)
    },
    shutdown: () => Promise.resolve()
  }
  const metrics = yield* MetricsRecorder
  const queue = yield* makeTracingQueue(exporter, {
    queueSize: 10,
    batchSize: 3,
    batchDelay: Duration.seconds(5),
    batchTimeout: Duration.seconds(30),
    lastFlush: "2 seconds"
  }).pipe(Scope.provide(scope), Effect.provide(log.layer))
  // The fibers of the queue get to where they wait.
  yield* TestClock.adjust(0)
  return {
    batches,
    end: (...names: ReadonlyArray<string>) =>
      Effect.andThen(
        Effect.sync(() => {
          for (const name of names) queue.onEnd(span(name))
        }),
        TestClock.adjust(0)
      ),
    close: Scope.close(scope, Exit.void).pipe(Effect.provide(log.layer)),
    lost: () => log.events.filter(({ event }) => event === "spans_lost").map(({ fields }) => fields),
    count: (result: string) => metrics.value("smtp_spans_total", { result }),
    waiting: () => metrics.value("smtp_spans_waiting")
  }
})

const queueTest = (
  name: string,
  test: Effect.Effect<void, never, MetricsRecorder | Effect.Services<ReturnType<typeof startQueue>>>
) => it.effect(name, () => Effect.provide(test, layerMetricsRecorder))

const numbered = (from: number, to: number): ReadonlyArray<string> =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`)

describe("spans that end", () => {
  queueTest(
    "wait for others, five seconds at most",
    Effect.gen(function* () {
      const { batches, count, end, waiting } = yield* startQueue((_batch, done) => done(SUCCESS))
      yield* end("a")
      yield* TestClock.adjust("4 seconds")
      yield* end("b")
      assert.deepStrictEqual(batches, [])
      assert.strictEqual(waiting(), 2)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(batches, [["a", "b"]])
      assert.strictEqual(count("exported"), 2)
      assert.strictEqual(waiting(), 0)
      yield* end("c")
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(batches[1], ["c"])
    })
  )

  queueTest(
    "go as soon as they are enough for a batch",
    Effect.gen(function* () {
      const { batches, end } = yield* startQueue((_batch, done) => done(SUCCESS))
      yield* end(...numbered(1, 7))
      assert.deepStrictEqual(batches, [numbered(1, 3), numbered(4, 6)])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(batches[2], ["7"])
    })
  )

  queueTest(
    "go one batch after the other, and are dropped where there is no room",
    Effect.gen(function* () {
      const answers: Array<Done> = []
      const { batches, count, end, lost, waiting } = yield* startQueue((_batch, done) => void answers.push(done))
      yield* end(...numbered(1, 25))
      assert.deepStrictEqual(batches, [numbered(1, 3)])
      assert.strictEqual(waiting(), 10)
      assert.strictEqual(count("dropped"), 15)
      assert.deepStrictEqual(lost()[0]?.["cause"], "the collector is too slow")
      answers[0]?.(SUCCESS)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(batches[1], numbered(4, 6))
      assert.strictEqual(waiting(), 7)
    })
  )
})

describe("a collector that fails", () => {
  queueTest(
    "costs the batch, and is told of once a minute",
    Effect.gen(function* () {
      const refused = { ...FAILED, error: Object.assign(new Error("Unavailable"), { code: 503 }) }
      const { count, end, lost } = yield* startQueue((_batch, done) => done(refused))
      yield* end(...numbered(1, 3))
      assert.deepStrictEqual(lost(), [{ spans: 3, cause: "503 Unavailable" }])
      yield* end(...numbered(4, 9))
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(lost().length, 1)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(lost()[1], { spans: 6, cause: "503 Unavailable" })
      assert.strictEqual(count("failed"), 9)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(lost().length, 2, "nothing more was lost")
    })
  )

  queueTest(
    "to answer is given up",
    Effect.gen(function* () {
      const { batches, count, end, lost } = yield* startQueue(() => {})
      yield* end(...numbered(1, 6))
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(lost(), [{ spans: 3, cause: "no answer in time" }])
      assert.strictEqual(count("failed"), 3)
      assert.deepStrictEqual(batches[1], numbered(4, 6))
    })
  )

  queueTest(
    "by a bug of the exporter does not end the sending",
    Effect.gen(function* () {
      let calls = 0
      const { batches, end, lost } = yield* startQueue((_batch, done) => {
        if (calls++ === 0) throw new TypeError("bug")
        done(SUCCESS)
      })
      yield* end(...numbered(1, 6))
      assert.deepStrictEqual(lost(), [{ spans: 3, cause: "not exported: TypeError" }])
      assert.deepStrictEqual(batches[1], numbered(4, 6))
    })
  )

  queueTest(
    "without a message is named by its code",
    Effect.gen(function* () {
      const error = Object.assign(new AggregateError([]), { code: "ECONNREFUSED" })
      const { end, lost } = yield* startQueue((_batch, done) => done({ ...FAILED, error }))
      yield* end(...numbered(1, 3))
      assert.deepStrictEqual(lost(), [{ spans: 3, cause: "ECONNREFUSED" }])
    })
  )
})

describe("at the end of the process", () => {
  queueTest(
    "what waits is sent",
    Effect.gen(function* () {
      const { batches, close, count, end, lost } = yield* startQueue((_batch, done) => done(SUCCESS))
      yield* end(...numbered(1, 2))
      yield* close
      assert.deepStrictEqual(batches, [numbered(1, 2)])
      assert.strictEqual(count("exported"), 2)
      assert.deepStrictEqual(lost(), [])
    })
  )

  queueTest(
    "nothing is sent when nothing waits",
    Effect.gen(function* () {
      const { batches, close } = yield* startQueue((_batch, done) => done(SUCCESS))
      yield* close
      assert.deepStrictEqual(batches, [])
    })
  )

  queueTest(
    "the batch under way is waited for, and the others follow",
    Effect.gen(function* () {
      const answers: Array<Done> = []
      const { batches, close, count, end } = yield* startQueue((_batch, done) => void answers.push(done))
      yield* end(...numbered(1, 5))
      const closing = yield* Effect.forkChild(close, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      answers[0]?.(SUCCESS)
      yield* TestClock.adjust(0)
      answers[1]?.(SUCCESS)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(closing.pollUnsafe(), Exit.void)
      assert.deepStrictEqual(batches, [numbered(1, 3), numbered(4, 5)])
      assert.strictEqual(count("exported"), 5)
    })
  )

  queueTest(
    "a collector that hangs is left after two seconds, and what it did not get is told",
    Effect.gen(function* () {
      const { close, count, end, lost } = yield* startQueue(() => {})
      yield* end(...numbered(1, 8))
      const closing = yield* Effect.forkChild(close, { startImmediately: true })
      yield* TestClock.adjust("1999 millis")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(closing.pollUnsafe(), Exit.void)
      assert.strictEqual(count("dropped"), 8)
      assert.deepStrictEqual(lost(), [{ spans: 8, cause: "the process ended" }])
    })
  )
})
