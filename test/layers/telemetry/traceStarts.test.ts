import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler
} from "@opentelemetry/sdk-trace-base"
import { assert, describe, it } from "@effect/vitest"
import { Context, Option } from "effect"
import { makeTraceStarts } from "../../../src/layers/telemetry/traceStarts.ts"

const options = {
  name: "SMTP message",
  parent: Option.none(),
  annotations: Context.empty(),
  links: [],
  startTime: 0n,
  kind: "consumer",
  root: true,
  sampled: true
} as const

const start = (starts: ReturnType<typeof makeTraceStarts>) => starts.unseen({ ...options, links: [] })

describe("the first span of a trace", () => {
  it("is the SDK's when the trace is kept, and nobody's when it is not", () => {
    assert.isUndefined(start(makeTraceStarts(new AlwaysOnSampler())))
    assert.isFalse(start(makeTraceStarts(new AlwaysOffSampler()))?.sampled)
    assert.isUndefined(start(makeTraceStarts(new ParentBasedSampler({ root: new AlwaysOnSampler() }))))
  })

  it("has ids of its own", () => {
    const starts = makeTraceStarts(new AlwaysOffSampler())
    const spans = Array.from({ length: 100 }, () => start(starts))
    for (const span of spans) {
      assert.match(span?.traceId ?? "", /^(?!0+$)[0-9a-f]{32}$/)
      assert.match(span?.spanId ?? "", /^(?!0+$)[0-9a-f]{16}$/)
    }
    assert.strictEqual(new Set(spans.map((span) => span?.traceId)).size, spans.length)
  })

  it("is kept by the id that it then has", () => {
    const sampler = new TraceIdRatioBasedSampler(0.5)
    const starts = makeTraceStarts(sampler)
    const isKept = (traceId: string) => sampler.shouldSample(undefined, traceId).decision !== 0
    const kept: Array<string> = []
    for (let count = 0; count < 200; count++) {
      const unseen = start(starts)
      if (unseen === undefined) kept.push(starts.ids.generateTraceId())
      else assert.isFalse(isKept(unseen.traceId))
    }
    assert.isTrue(kept.every(isKept))
    assert.isAbove(kept.length, 50)
    assert.isBelow(kept.length, 150)
  })

  it("has that id when the SDK makes it", () => {
    const sampler = new TraceIdRatioBasedSampler(0.5)
    const starts = makeTraceStarts(sampler)
    const sdk = new BasicTracerProvider({ sampler, idGenerator: starts.ids }).getTracer("test")
    for (let count = 0; count < 100; count++) {
      if (start(starts) === undefined)
        assert.strictEqual(sdk.startSpan("root", { root: true }).spanContext().traceFlags, 1)
    }
  })

  it("leaves its id to no other trace", () => {
    const starts = makeTraceStarts(new AlwaysOnSampler())
    start(starts)
    assert.notStrictEqual(starts.ids.generateTraceId(), starts.ids.generateTraceId())
  })
})
