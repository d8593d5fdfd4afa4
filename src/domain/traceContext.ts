/** W3C Trace Context (https://www.w3.org/TR/trace-context/): whose trace a mail belongs to, and what the API is told of it. */
import { Context, Option, Tracer } from "effect"

/** The `tracestate` that came with a `traceparent`; it goes on to the API as it is. */
export class TraceState extends Context.Service<TraceState, string>()("gateway/domain/TraceState") {}

/** Headers of that name in the order they came, each value as it was sent. */
export interface TraceHeaders {
  readonly traceparent: ReadonlyArray<string>
  readonly tracestate: ReadonlyArray<string>
}

/** The span that the headers name. `undefined` unless there is exactly one `traceparent`, and a valid one (section 3.2). */
export const remoteSpan = ({ traceparent, tracestate }: TraceHeaders): Tracer.ExternalSpan | undefined => {
  const [only, ...others] = traceparent
  const match = only === undefined || others.length > 0 ? null : TRACEPARENT.exec(only)
  const [, version, traceId, spanId, flags, more] = match ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined || version === "ff") return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId) || (version === "00" && more !== undefined)) return undefined
  const state = validState(tracestate)
  return Tracer.externalSpan({
    traceId,
    spanId,
    sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0,
    annotations: state === undefined ? Context.empty() : Context.make(TraceState, state)
  })
}

/** Names and values in turn: what a request made within the span says of it. */
export const traceHeaders = (span: Tracer.AnySpan): ReadonlyArray<string> => {
  const state = stateOf(span)
  const parent = `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`
  return state === undefined ? ["traceparent", parent] : ["traceparent", parent, "tracestate", state]
}

/** Later versions may have more behind the flags (section 4.3). */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

const SAMPLED = 1

/** Section 3.3.1.3: as many members as a list may have. */
const MAX_MEMBERS = 32

/** Section 3.3.1.5: as much as everybody has to pass on. */
const MAX_STATE_LENGTH = 512

/** Section 3.3.1.3, with the keys of both versions of the recommendation. */
const MEMBER = /^[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/** All of it or nothing: whoever cannot read it must not change it (section 3.3.1.1). */
const validState = (values: ReadonlyArray<string>): string | undefined => {
  const members = values
    .join(",")
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "")
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf("="))))
  const state = members.join(",")
  const valid =
    members.length > 0 &&
    members.length <= MAX_MEMBERS &&
    keys.size === members.length &&
    state.length <= MAX_STATE_LENGTH &&
    members.every((member) => MEMBER.test(member))
  return valid ? state : undefined
}

/** Only the span that a mail named has one; those below it inherit it. */
const stateOf = (span: Tracer.AnySpan): string | undefined => {
  let at: Tracer.AnySpan | undefined = span
  while (at !== undefined && at._tag === "Span") at = Option.getOrUndefined(at.parent)
  return at === undefined ? undefined : Context.getOrUndefined(at.annotations, TraceState)
}
