import { assert, describe, it } from "@effect/vitest"
import { Context } from "effect"
import { TraceState } from "../../../src/domain/traceContext.ts"
import { senderSpan } from "../../../src/layers/mime/traceHeaders.ts"

const SPAN = "b7ad6b7169203331"
const TRACEPARENT = `00-0af7651916cd43dd8448eb211c80319c-${SPAN}-01`

const mail = (...headers: ReadonlyArray<string>): Buffer =>
  Buffer.from(["From: a@example.com", ...headers, "Subject: Hello", "", "It works.", ""].join("\r\n"))

describe("the span that sent a mail", () => {
  const found: ReadonlyArray<readonly [what: string, mail: Buffer]> = [
    ["is in its header", mail(`traceparent: ${TRACEPARENT}`)],
    ["whatever its case", mail(`TraceParent: ${TRACEPARENT}`)],
    ["with blanks around it", mail(`Traceparent \t:  ${TRACEPARENT}  `)],
    ["on a line of its own", mail("traceparent:", ` ${TRACEPARENT}`)],
    [
      "behind many headers",
      mail(...Array.from({ length: 500 }, () => `X-Filler: ${"x".repeat(60)}`), `traceparent: ${TRACEPARENT}`)
    ],
    ["in a mail without a body", Buffer.from(`traceparent: ${TRACEPARENT}`)],
    ["in a mail with bare line feeds", Buffer.from(`From: a\ntraceparent: ${TRACEPARENT}\n\nHello\r\n\r\n`)]
  ]
  for (const [what, raw] of found) it(what, () => assert.strictEqual(senderSpan(raw)?.spanId, SPAN))

  const missing: ReadonlyArray<readonly [what: string, mail: Buffer]> = [
    ["no header", mail()],
    ["two headers", mail(`traceparent: ${TRACEPARENT}`, `Traceparent: ${TRACEPARENT}`)],
    ["an invalid header", mail("traceparent: 00-1-2-01")],
    ["a header of another name", mail(`X-Traceparent: ${TRACEPARENT}`, `traceparents: ${TRACEPARENT}`)],
    ["a continuation of another header", mail("X-Long: a", ` traceparent: ${TRACEPARENT}`)],
    ["a line of the body", Buffer.concat([mail(), Buffer.from(`traceparent: ${TRACEPARENT}\r\n`)])],
    ["nothing at all", Buffer.alloc(0)]
  ]
  for (const [what, raw] of missing) it(`is unknown with ${what}`, () => assert.isUndefined(senderSpan(raw)))

  it("comes with its tracestate", () => {
    const span = senderSpan(mail(`traceparent: ${TRACEPARENT}`, "tracestate: a=1", "Tracestate: b=2"))
    assert.isDefined(span)
    assert.strictEqual(Context.getOrUndefined(span.annotations, TraceState), "a=1,b=2")
  })
})
