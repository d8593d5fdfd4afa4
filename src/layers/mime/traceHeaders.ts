/** The trace that a mail says it belongs to, read before the message is parsed: parsing is part of that trace. */
import { Buffer } from "node:buffer"
import type { Tracer } from "effect"
import { remoteSpan } from "../../domain/traceContext.ts"
import { MAX_HEADER_BYTES, readHeaderBlock } from "./headerBlock.ts"
import { Warnings } from "./Warnings.ts"

/** The span that sent the mail, by its headers `traceparent` and `tracestate`. */
export const senderSpan = (raw: Uint8Array): Tracer.ExternalSpan | undefined => {
  const source = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
  const blank = source.indexOf("\r\n\r\n")
  const end = Math.min(blank < 0 ? source.length : blank, MAX_HEADER_BYTES)
  // Nearly no mail has one, and a look at the text is a tenth of the work of reading headers.
  if (!TRACEPARENT.test(source.toString("latin1", 0, end))) return undefined
  const { fields } = readHeaderBlock(source, 0, source.length, () => false, new Warnings())
  const valuesOf = (key: string) => fields.filter((field) => field.key === key).map(({ value }) => value)
  return remoteSpan({ traceparent: valuesOf("traceparent"), tracestate: valuesOf("tracestate") })
}

const TRACEPARENT = /^traceparent[ \t]*:/im
