/** Spans through the SDK of OpenTelemetry to a collector. Loaded when tracing is on and not before: it takes its time. */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as OtelTracer from "@effect/opentelemetry/OtelTracer"
import * as Resource from "@effect/opentelemetry/Resource"
import { SpanStatusCode, type Tracer as SdkTracer } from "@opentelemetry/api"
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler
} from "@opentelemetry/sdk-trace-base"
import { Context, Duration, Effect, Exit, Layer, Option, References, Tracer } from "effect"
import { randomUUID } from "node:crypto"
import { TraceState } from "../../domain/traceContext.ts"
import { GatewayConfig, type GatewaySettings } from "../../services/GatewayConfig.ts"
import type { Metrics } from "../../services/Metrics.ts"
import { collectorAccess } from "./collectorAccess.ts"
import { publicFailure } from "./spanOutcome.ts"
import { replyAttributes, setAttributes } from "./spans.ts"
import { makeTraceStarts, type TraceStarts } from "./traceStarts.ts"
import { LAST_FLUSH, makeTracingQueue } from "./TracingQueue.ts"

/** Kept equal to package.json by a test. */
export const VERSION = "0.1.0"

/** Characters of one attribute: Message-IDs come from strangers. */
const MAX_ATTRIBUTE_LENGTH = 1_000

type TracingSettings = GatewaySettings["tracing"]

/** Installs the tracer; `endpoint` is that of the settings. Sends what is left when its scope closes. */
export const tracingOtlp = (endpoint: string): Layer.Layer<never, never, GatewayConfig | Metrics> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { shutdown, tracing } = yield* GatewayConfig
      const exporter = yield* makeExporter(endpoint, tracing)
      const lastFlush = Duration.min(Duration.fromInputUnsafe(LAST_FLUSH), shutdown.timeout)
      const queue = yield* makeTracingQueue(exporter, { ...tracing, lastFlush })
      const sampler = makeSampler(tracing)
      const starts = makeTraceStarts(sampler)
      const provider = NodeSdk.layerTracerProvider(queue, {
        sampler,
        idGenerator: starts.ids,
        spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE_LENGTH }
      })
      yield* Effect.logInfo("tracing_started", {
        endpoint,
        protocol: tracing.protocol,
        sampler: tracing.sampler
      })
      return Layer.effect(
        Tracer.Tracer,
        Effect.map(OtelTracer.make, (tracer) => discreet(tracer, starts))
      ).pipe(
        Layer.provide(SpansOfOurs),
        Layer.provide(provider),
        Layer.provide(resource(tracing)),
        Layer.merge(Layer.succeed(References.TracerEnabled, true))
      )
    })
  )

/** The instrumentation that spans say they come from. */
const SCOPE = "cakemail-smtp-gateway"

const SpansOfOurs = Layer.effect(
  OtelTracer.OtelTracer,
  Effect.map(OtelTracer.OtelTracerProvider, (provider) => silentOnSuccess(provider.getTracer(SCOPE, VERSION)))
)

/** To call a span a success is up to the operator, say the conventions: what did not fail leaves its status unset. */
const silentOnSuccess = (tracer: SdkTracer): SdkTracer => {
  const startSpan = tracer.startSpan.bind(tracer)
  tracer.startSpan = (...given) => {
    const span = startSpan(...given)
    const setStatus = span.setStatus.bind(span)
    span.setStatus = (status) => (status.code === SpanStatusCode.OK ? span : setStatus(status))
    return span
  }
  return tracer
}

/** What the other protocol needs is not loaded. */
const makeExporter = (endpoint: string, tracing: TracingSettings): Effect.Effect<SpanExporter> =>
  Effect.gen(function* () {
    const access = yield* Effect.sync(() => collectorAccess(endpoint, tracing))
    if (tracing.protocol === "grpc") return (yield* Effect.promise(() => import("./otlpGrpc.ts"))).grpcExporter(access)
    return (yield* Effect.promise(() => import("./otlpHttp.ts"))).httpExporter(access)
  })

const makeSampler = ({ sampledShare, sampler }: TracingSettings): Sampler => {
  switch (sampler) {
    case "always_on":
      return new AlwaysOnSampler()
    case "always_off":
      return new AlwaysOffSampler()
    case "traceidratio":
      return new TraceIdRatioBasedSampler(sampledShare)
    case "parentbased_always_on":
      return new ParentBasedSampler({ root: new AlwaysOnSampler() })
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() })
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampledShare) })
  }
}

const resource = ({ resourceAttributes, serviceName }: TracingSettings) =>
  Resource.layer({
    serviceName,
    attributes: { "service.version": VERSION, "service.instance.id": randomUUID(), ...resourceAttributes }
  })

/**
 * Without the hook by which OpenTelemetry's own instrumentations would know the current span: there are none here, and it
 * runs at each step of each fiber. Without the SDK where a trace is not kept. And no span ends with more than
 * `publicFailure` of what went wrong.
 */
const discreet = (tracer: Tracer.Tracer, starts: TraceStarts): Tracer.Tracer =>
  Tracer.make({
    span: (options) => {
      const unseen = Option.isNone(options.parent) ? starts.unseen(options) : undefined
      if (unseen !== undefined) return unseen
      const span = tracer.span({ ...options, parent: Option.map(options.parent, withTraceState) })
      const end = span.end.bind(span)
      span.end = (endTime, exit) => {
        const failure = span.sampled ? publicFailure(exit, span.kind) : undefined
        if (failure === undefined) return end(endTime, Exit.void)
        span.attribute("error.type", failure.name)
        if (failure.reply !== undefined) setAttributes(span, replyAttributes(failure.reply))
        end(endTime, Exit.fail(failure))
      }
      return span
    }
  })

/** What the mail said of its trace, in the form that the SDK passes on, too. */
const withTraceState = (span: Tracer.AnySpan): Tracer.AnySpan => {
  const traceState = Context.getOrUndefined(span.annotations, TraceState)
  if (traceState === undefined || span._tag === "Span") return span
  const { sampled, spanId, traceId } = span
  const external = OtelTracer.makeExternalSpan({ spanId, traceId, traceState, traceFlags: sampled ? 1 : 0 })
  return { ...external, annotations: Context.add(external.annotations, TraceState, traceState) }
}
