import { EventEmitter } from "node:events"
import { Writable } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { makeLineWriter, MAX_WAITING_LENGTH, streamSink } from "../../../src/layers/telemetry/LineWriter.ts"
import { MetricsPrometheus } from "../../../src/layers/telemetry/MetricsPrometheus.ts"
import { Metrics } from "../../../src/services/Metrics.ts"

/** A sink that holds each chunk until `release`. */
const slowSink = () => {
  const chunks: Array<string> = []
  let waiting: Array<(written: boolean) => void> = []
  return {
    chunks,
    sink: (chunk: string, done: (written: boolean) => void) => {
      chunks.push(chunk)
      waiting.push(done)
    },
    release: (written = true) => {
      const calls = waiting
      waiting = []
      for (const done of calls) done(written)
    }
  }
}

const notice = (lines: number): string => `lost ${lines}\n`

const turns = Effect.repeat(Effect.yieldNow, { times: 5 })

const droppedTotal = Effect.gen(function* () {
  const { body } = yield* (yield* Metrics).exposition
  return /^smtp_log_dropped_total (\d+)$/m.exec(body)?.[1]
})

describe("LineWriter", () => {
  it.effect("lines of one turn are one chunk, and no chunk follows before the sink is ready", () =>
    Effect.gen(function* () {
      const { chunks, release, sink } = slowSink()
      const writer = yield* makeLineWriter(sink, notice)
      yield* turns
      writer.write("a\n")
      writer.write("b\n")
      yield* turns
      assert.deepStrictEqual(chunks, ["a\nb\n"])
      writer.write("c\n")
      yield* turns
      writer.write("d\n")
      yield* turns
      assert.deepStrictEqual(chunks, ["a\nb\n"])
      release()
      yield* turns
      assert.deepStrictEqual(chunks, ["a\nb\n", "c\nd\n"])
      release()
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("what a slow sink cannot take is dropped and counted", () =>
    Effect.gen(function* () {
      const { chunks, release, sink } = slowSink()
      const writer = yield* makeLineWriter(sink, notice)
      const line = `${"x".repeat(MAX_WAITING_LENGTH / 4 - 1)}\n`
      writer.write("first\n")
      yield* turns
      for (let i = 0; i < 6; i++) writer.write(line)
      assert.strictEqual(yield* droppedTotal, "2")
      release()
      yield* turns
      assert.deepStrictEqual(
        chunks.map((chunk) => chunk.length),
        [6, MAX_WAITING_LENGTH + notice(2).length]
      )
      assert.isTrue(chunks.at(-1)?.endsWith(notice(2)), "told behind what had waited, before what comes later")
      release()
      writer.write("again\n")
      yield* turns
      assert.strictEqual(chunks.at(-1), "again\n")
      release()
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("chunks that a sink refuses are lost and counted, and told once it takes one", () =>
    Effect.gen(function* () {
      const { chunks, release, sink } = slowSink()
      const writer = yield* makeLineWriter(sink, notice)
      for (const line of ["a\n", "b\n"]) {
        writer.write(line)
        writer.write(line)
        yield* turns
        release(false)
        yield* turns
      }
      assert.strictEqual(yield* droppedTotal, "4")
      assert.deepStrictEqual(chunks, ["a\na\n", "b\nb\n"], "a sink that refuses is not asked again for nothing")
      writer.write("c\n")
      yield* turns
      release()
      yield* turns
      assert.deepStrictEqual(chunks.slice(2), ["c\n", notice(4)])
      release()
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("what waits is written when the scope closes, later lines at once", () =>
    Effect.gen(function* () {
      let output = ""
      const scope = yield* Scope.make()
      const writer = yield* makeLineWriter((chunk, done) => {
        output += chunk
        done(true)
      }, notice).pipe(Scope.provide(scope))
      writer.write("last\n")
      assert.strictEqual(output, "")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(output, "last\n")
      writer.write("late\n")
      assert.strictEqual(output, "last\nlate\n")
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("a sink that never answers holds the end up for a second, not for ever", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const writer = yield* makeLineWriter(() => {}, notice).pipe(Scope.provide(scope))
      writer.write("lost\n")
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* turns
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("a sink that throws harms nobody", () =>
    Effect.gen(function* () {
      let calls = 0
      const writer = yield* makeLineWriter(() => {
        calls++
        throw new Error("broken")
      }, notice)
      writer.write("a\n")
      yield* turns
      writer.write("b\n")
      yield* turns
      assert.strictEqual(calls, 2)
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("a stream whose reader has gone emits errors that nobody sees", () =>
    Effect.gen(function* () {
      const stream = new Writable({
        write: (_chunk, _encoding, done) => done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }))
      })
      const closed = new Promise((resolve) => stream.once("close", resolve))
      const sink = streamSink(stream)
      streamSink(stream)
      assert.strictEqual(EventEmitter.listenerCount(stream, "error"), 1)
      const write = (chunk: string) =>
        Effect.callback<boolean>((resume) => sink(chunk, (written) => resume(Effect.succeed(written))))
      assert.isFalse(yield* write("a\n"))
      assert.isFalse(yield* write("b\n"))
      yield* Effect.promise(() => closed)
      assert.strictEqual(stream.errored?.message, "write EPIPE")
    })
  )
})
