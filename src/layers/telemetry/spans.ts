/**
 * Spans below the one of a message or a session. Nobody looks at a trace that is not sampled: below its spans, and while
 * tracing is off, there are none, and no attribute is worked out.
 */
import { Clock, Effect, type Fiber, Tracer } from "effect"
import type { SmtpReply } from "../../domain/SmtpReply.ts"

/** By the names of OpenTelemetry's semantic conventions, or those of docs/tracing.md. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | ReadonlyArray<string>>>

/** The span that the fiber is in, if anything that is said of it is going to be seen. */
export const sampledSpan = (fiber: Fiber.Fiber<unknown, unknown>): Tracer.Span | undefined => {
  const { span } = fiber.cache
  return span?._tag === "Span" && span.sampled ? span : undefined
}

/** `client` is for what waits for calls to the API. */
export const inSpan = <A, E, R>(
  name: string,
  kind: "internal" | "client",
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    sampledSpan(fiber) === undefined
      ? effect
      : Effect.useSpan(name, { kind }, (span) => Effect.provideService(effect, Tracer.ParentSpan, span))
  )

/** Adds to the current span. */
export const annotateSpan = (attributes: () => SpanAttributes): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const span = sampledSpan(fiber)
    if (span !== undefined) setAttributes(span, attributes())
    return Effect.void
  })

/** Something that happened once, and when, within the current span. A span keeps 128 of them at most. */
export const spanEvent = (name: string, attributes: () => SpanAttributes): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    sampledSpan(fiber)?.event(name, fiber.getRef(Clock.Clock).currentTimeNanosUnsafe(), attributes())
    return Effect.void
  })

/** Of the span of whatever was answered so. */
export const replyAttributes = ({ code, enhanced }: Pick<SmtpReply, "code" | "enhanced">): SpanAttributes => ({
  "smtp.reply.code": code,
  "smtp.reply.enhanced_code": enhanced
})

export const setAttributes = (span: Tracer.Span, attributes: SpanAttributes): void => {
  for (const name in attributes) span.attribute(name, attributes[name])
}
