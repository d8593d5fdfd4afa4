/** Spans that a test can read back, without any SDK. */
import { type Exit, Layer, Option, Tracer } from "effect"

export interface RecordedSpan {
  readonly name: string
  readonly kind: Tracer.SpanKind
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly sampled: boolean
  /** Nanoseconds of the epoch. */
  readonly start: bigint
  readonly end: bigint
  readonly attributes: Readonly<Record<string, unknown>>
  /** Their names. */
  readonly events: ReadonlyArray<string>
  /** Ids of the spans that are linked to. */
  readonly links: ReadonlyArray<string>
  readonly exit: Exit.Exit<unknown, unknown>
}

/** `spans` fills up as spans end while effects run with `layer`. `keep` decides which are sampled where no parent does. */
export const makeSpanRecorder = (
  keep: (root: { readonly name: string }) => boolean = () => true
): { readonly spans: ReadonlyArray<RecordedSpan>; readonly layer: Layer.Layer<never> } => {
  const spans: Array<RecordedSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const sampled = options.sampled && (Option.isSome(options.parent) ? options.parent.value.sampled : keep(options))
      const span = Tracer.nativeTracer.span({ ...options, sampled })
      const events: Array<string> = []
      const end = span.end.bind(span)
      span.event = (name) => void events.push(name)
      span.end = (endTime, exit) => {
        end(endTime, exit)
        spans.push({
          name: span.name,
          kind: span.kind,
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: Option.getOrUndefined(span.parent)?.spanId,
          sampled,
          start: options.startTime,
          end: endTime,
          attributes: Object.fromEntries(span.attributes),
          events,
          links: span.links.map((link) => link.span.spanId),
          exit
        })
      }
      return span
    }
  })
  return { spans, layer: Layer.succeed(Tracer.Tracer, tracer) }
}
