/** The two spans from which all others hang: one of a session, and one of each message. What they say: docs/tracing.md. */
import { Clock, Context, Effect, Exit, Option, Tracer } from "effect"
import { correlationId } from "../domain/correlationId.ts"
import type { GatewayError } from "../domain/GatewayError.ts"
import * as SmtpReply from "../domain/SmtpReply.ts"
import type { Accepted } from "../domain/Submission.ts"
import { senderSpan } from "../layers/mime/traceHeaders.ts"
import { replyAttributes, type SpanAttributes, setAttributes } from "../layers/telemetry/spans.ts"
import type { Connection } from "../services/SmtpSession.ts"
import type { NumberedMessage } from "./sessionData.ts"

/** Later messages of a session are traces of their own: no viewer shows thousands of them as one. */
export const MESSAGES_IN_SESSION_TRACE = 100

export const inSessionSpan = <A, E, R>(
  connection: Connection,
  hostname: string,
  session: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    if (!fiber.cache.tracerEnabled) return session
    const attributes = endpointsOf(connection, hostname)
    return Effect.useSpan("SMTP session", { root: true, kind: "server", attributes }, (span) =>
      Effect.provideService(session, Tracer.ParentSpan, span)
    )
  })

/** A message from its DATA command on. */
export interface TracedMessage extends NumberedMessage {
  readonly connection: Connection
  /** SMTP_HOSTNAME, as which the client has reached us. */
  readonly hostname: string
  readonly recipients: number
  /** When DATA came, in nanoseconds of the epoch. */
  readonly startedAt: bigint
}

/** As far as the data had arrived whole. */
export interface ReceivedData {
  readonly raw: Uint8Array
  /** Nanoseconds of the epoch. */
  readonly receivedAt: bigint
}

/**
 * What becomes of a message, under a span that began with DATA. Its parent is the span that the mail names, or that of the
 * session.
 */
export const inMessageSpan = <E extends GatewayError>(
  message: TracedMessage,
  data: ReceivedData | undefined,
  outcome: Effect.Effect<Accepted, E>
): Effect.Effect<Accepted, E> =>
  Effect.withFiber((fiber) => {
    const session = fiber.cache.span
    if (!fiber.cache.tracerEnabled || session === undefined) return outcome
    const sender = data === undefined ? undefined : senderSpan(data.raw)
    const parent = sender ?? (message.number > MESSAGES_IN_SESSION_TRACE ? undefined : session)
    // The decision was made for the whole session, and the mail does not say otherwise.
    if (parent === session && !session.sampled) return outcome
    const clock = fiber.getRef(Clock.Clock)
    const span = fiber.getRef(Tracer.Tracer).span({
      name: "SMTP message",
      kind: "consumer",
      parent: Option.fromUndefinedOr(parent),
      root: parent === undefined,
      links: parent !== session && session.sampled ? [{ span: session, attributes: {} }] : [],
      annotations: Context.empty(),
      startTime: message.startedAt,
      sampled: true
    })
    // Nobody will see it, and the API is told so by any span that nobody sees; but a trace that the mail named goes on.
    if (!span.sampled && !session.sampled && sender === undefined) return outcome
    if (span.sampled) describe(span, message, data)
    return outcome.pipe(
      Effect.provideService(Tracer.ParentSpan, span),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (span.sampled) describeReply(span, exit)
          span.end(clock.currentTimeNanosUnsafe(), exit)
        })
      )
    )
  })

/** Who speaks with whom. A message may be in another trace than its session, so both tell. */
const endpointsOf = ({ clientAddress, id, serverPort }: Connection, hostname: string): SpanAttributes => ({
  correlation_id: correlationId(id),
  "client.address": clientAddress,
  "server.address": hostname,
  "server.port": serverPort,
  "network.protocol.name": "smtp",
  "network.transport": "tcp"
})

const describe = (span: Tracer.Span, message: TracedMessage, data: ReceivedData | undefined): void => {
  setAttributes(span, {
    ...endpointsOf(message.connection, message.hostname),
    "smtp.reference": message.reference,
    "smtp.recipient.count": message.recipients,
    "messaging.system": "smtp",
    "messaging.operation.name": "DATA",
    "messaging.operation.type": "process"
  })
  if (data === undefined) return
  span.attribute("messaging.message.body.size", data.raw.byteLength)
  span.event("data received", data.receivedAt)
}

const describeReply = (span: Tracer.Span, exit: Exit.Exit<Accepted, GatewayError>): void => {
  const error = Exit.findErrorOption(exit)
  if (Exit.isFailure(exit) && Option.isNone(error)) return
  setAttributes(span, replyAttributes(Option.isSome(error) ? SmtpReply.fromError(error.value) : ACCEPTED))
}

const ACCEPTED = { code: 250, enhanced: "2.0.0" }
