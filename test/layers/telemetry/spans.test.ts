import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { annotateSpan, inSpan, spanEvent } from "../../../src/layers/telemetry/spans.ts"
import { makeSpanRecorder } from "../../kit/SpanRecorder.ts"

const work = Effect.gen(function* () {
  let workedOut = 0
  const attributes = () => {
    workedOut++
    return { "a.b": 1 }
  }
  yield* inSpan("child", "client", Effect.andThen(annotateSpan(attributes), spanEvent("happened", attributes)))
  return workedOut
})

describe("a span below another", () => {
  it.effect("is there when that is sampled, with what is said of it", () =>
    Effect.gen(function* () {
      const { layer, spans } = makeSpanRecorder()
      assert.strictEqual(yield* work.pipe(Effect.withSpan("parent"), Effect.provide(layer)), 2)
      const [child, parent] = spans
      assert.deepStrictEqual([child?.name, child?.kind, parent?.name], ["child", "client", "parent"])
      assert.strictEqual(child?.parentSpanId, parent?.spanId)
      assert.deepStrictEqual(child?.attributes, { "a.b": 1 })
      assert.deepStrictEqual(child?.events, ["happened"])
    })
  )

  it.effect("is not there when that is not, and nothing is worked out for it", () =>
    Effect.gen(function* () {
      const { layer, spans } = makeSpanRecorder()
      assert.strictEqual(yield* work.pipe(Effect.withSpan("parent", { sampled: false }), Effect.provide(layer)), 0)
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["parent"]
      )
    })
  )

  it.effect("is not there when there is none above it", () =>
    Effect.gen(function* () {
      const { layer, spans } = makeSpanRecorder()
      assert.strictEqual(yield* Effect.provide(work, layer), 0)
      assert.deepStrictEqual(spans, [])
    })
  )

  it.effect("ends as its effect does", () =>
    Effect.gen(function* () {
      const { layer, spans } = makeSpanRecorder()
      const failing = inSpan("child", "internal", Effect.fail("no"))
      yield* failing.pipe(Effect.withSpan("parent"), Effect.provide(layer), Effect.exit)
      const [child] = spans
      assert.isDefined(child)
      assert.deepStrictEqual(Exit.findErrorOption(child.exit), Option.some("no"))
    })
  )
})
