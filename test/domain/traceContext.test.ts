import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Tracer } from "effect"
import { remoteSpan, traceHeaders, TraceState } from "../../src/domain/traceContext.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const SPAN = "b7ad6b7169203331"
const VALID = `00-${TRACE}-${SPAN}-01`

const read = (traceparent: ReadonlyArray<string>, tracestate: ReadonlyArray<string> = []) =>
  remoteSpan({ traceparent, tracestate })

const stateOf = (...tracestate: ReadonlyArray<string>) => {
  const span = read([VALID], tracestate)
  assert.isDefined(span)
  return Context.getOrUndefined(span.annotations, TraceState)
}

describe("traceparent", () => {
  it("names a span and whether it is sampled", () => {
    const span = read([VALID])
    assert.deepStrictEqual([span?.traceId, span?.spanId, span?.sampled], [TRACE, SPAN, true])
    assert.isFalse(read([`00-${TRACE}-${SPAN}-00`])?.sampled)
    assert.isTrue(read([`00-${TRACE}-${SPAN}-03`])?.sampled, "other flags mean nothing")
    assert.isFalse(read([`00-${TRACE}-${SPAN}-02`])?.sampled)
  })

  it("of a later version is read as far as it is known", () => {
    assert.strictEqual(read([`01-${TRACE}-${SPAN}-01`])?.spanId, SPAN)
    assert.strictEqual(read([`cc-${TRACE}-${SPAN}-01-what-the-future-brings`])?.spanId, SPAN)
  })

  const invalid: ReadonlyArray<readonly [what: string, ...values: ReadonlyArray<string>]> = [
    ["none"],
    ["two", VALID, VALID],
    ["empty", ""],
    ["version ff", `ff-${TRACE}-${SPAN}-01`],
    ["more than version 00 has", `${VALID}-00`],
    ["a dash too many", `${VALID}-`],
    ["no dash before the rest", `01-${TRACE}-${SPAN}-01.more`],
    ["a trace of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["a span of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["capitals", VALID.toUpperCase()],
    ["a short trace id", `00-${TRACE.slice(1)}-${SPAN}-01`],
    ["a long span id", `00-${TRACE}-${SPAN}0-01`],
    ["no flags", `00-${TRACE}-${SPAN}`],
    ["flags of one digit", `00-${TRACE}-${SPAN}-1`],
    ["no hexadecimal", `00-${TRACE.replace("0", "g")}-${SPAN}-01`],
    ["underscores", VALID.replaceAll("-", "_")]
  ]
  for (const [what, ...values] of invalid) it(`is ignored: ${what}`, () => assert.isUndefined(read(values)))
})

describe("tracestate", () => {
  it("is kept as it came, headers joined", () => {
    assert.strictEqual(stateOf("congo=t61rcWkgMzE"), "congo=t61rcWkgMzE")
    assert.strictEqual(stateOf("a=1, b=2 ,,c=3", "tenant@vendor=x y"), "a=1,b=2,c=3,tenant@vendor=x y")
    assert.strictEqual(stateOf("0digits_a-b*c/d=!~"), "0digits_a-b*c/d=!~")
  })

  const invalid: ReadonlyArray<readonly [what: string, value: string]> = [
    ["empty", " , "],
    ["no value", "a="],
    ["no key", "=a"],
    ["no pair", "a"],
    ["a capital", "A=1"],
    ["two of a key", "a=1,a=2"],
    ["an equals sign within a value", "a=b=c"],
    ["no ASCII", "a=ü"],
    ["a tab within a value", "a=b\tc"],
    ["33 members", Array.from({ length: 33 }, (_, index) => `k${index}=v`).join(",")],
    ["513 characters", `a=${"b".repeat(250)},c=${"d".repeat(250)},e=${"f".repeat(5)}`],
    ["a value of 257 characters", `a=${"b".repeat(257)}`]
  ]
  for (const [what, value] of invalid) {
    it(`is dropped, and the traceparent counts: ${what}`, () => assert.isUndefined(stateOf(value)))
  }

  it("may have 32 members and 512 characters", () => {
    const members = Array.from({ length: 32 }, (_, index) => `k${index}=v`).join(",")
    assert.strictEqual(stateOf(members), members)
    const long = `a=${"b".repeat(250)},c=${"d".repeat(250)},e=${"f".repeat(4)}`
    assert.strictEqual(long.length, 512)
    assert.strictEqual(stateOf(long), long)
  })
})

describe("the headers of a call", () => {
  it.effect("name the span that it is made in, and what came with the mail", () =>
    Effect.gen(function* () {
      const parent = read([VALID], ["congo=t61rcWkgMzE"])
      assert.isDefined(parent)
      const child = yield* Effect.makeSpan("child", { parent })
      const grandchild = yield* Effect.makeSpan("grandchild", { parent: child })
      assert.deepStrictEqual(traceHeaders(grandchild), [
        "traceparent",
        `00-${TRACE}-${grandchild.spanId}-01`,
        "tracestate",
        "congo=t61rcWkgMzE"
      ])
    })
  )

  it.effect("say that nobody keeps it", () =>
    Effect.gen(function* () {
      const span = yield* Effect.makeSpan("alone", { root: true, sampled: false })
      assert.deepStrictEqual(traceHeaders(span), ["traceparent", `00-${span.traceId}-${span.spanId}-00`])
      const external = Tracer.externalSpan({ traceId: TRACE, spanId: SPAN, sampled: true })
      assert.deepStrictEqual(traceHeaders(external), ["traceparent", VALID])
    })
  )
})
