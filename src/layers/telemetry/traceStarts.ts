/**
 * The first span of a trace. Whether the trace is kept is asked before the SDK makes that span, and one that nobody will
 * see is not the SDK's: of most mails it is the only span.
 */
import { ROOT_CONTEXT, SpanKind } from "@opentelemetry/api"
import { type IdGenerator, RandomIdGenerator, type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace-base"
import { Tracer } from "effect"

export interface TraceStarts {
  /** For the SDK: the trace keeps the id by which it was decided about. */
  readonly ids: IdGenerator
  /** The span, unless its trace is kept: then the SDK is to make it, at once. */
  readonly unseen: (options: SpanOptions) => Tracer.Span | undefined
}

type SpanOptions = Parameters<Tracer.Tracer["span"]>[0]

export const makeTraceStarts = (sampler: Sampler): TraceStarts => {
  const random = new RandomIdGenerator()
  let decidedFor: string | undefined
  return {
    ids: {
      generateTraceId: () => {
        const traceId = decidedFor ?? random.generateTraceId()
        decidedFor = undefined
        return traceId
      },
      generateSpanId: () => random.generateSpanId()
    },
    unseen: (options) => {
      const span = new Tracer.NativeSpan({ ...options, sampled: false })
      // What the samplers look at besides is given to a span after its start.
      const { decision } = sampler.shouldSample(ROOT_CONTEXT, span.traceId, span.name, SpanKind.INTERNAL, {}, [])
      if (decision !== SamplingDecision.RECORD_AND_SAMPLED) return span
      decidedFor = span.traceId
      return undefined
    }
  }
}
