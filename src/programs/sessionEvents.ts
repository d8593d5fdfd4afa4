/** What a session tells the operator: its log events and its metrics. */
import { type Cause, Clock, Context, Effect, type Scope } from "effect"
import { correlationId } from "../domain/correlationId.ts"
import { faultOf } from "../domain/Fault.ts"
import {
  type AuthenticationError,
  type GatewayError,
  type InternalError,
  ShuttingDown
} from "../domain/GatewayError.ts"
import { shownUserName } from "../domain/Identity.ts"
import * as SmtpReply from "../domain/SmtpReply.ts"
import { annotateSpan, replyAttributes, spanEvent } from "../layers/telemetry/spans.ts"
import { GatewayConfig } from "../services/GatewayConfig.ts"
import type { Command, Connection } from "../services/SmtpSession.ts"
import { makeDefects } from "./defects.ts"
import { makeSessionMetrics } from "./sessionMetrics.ts"
import { inSessionSpan } from "./sessionSpans.ts"

export type SessionEvents = Effect.Success<typeof makeSessionEvents>

export const makeSessionEvents = Effect.gen(function* () {
  const { hostname } = (yield* GatewayConfig).smtp
  const clock = yield* Clock.Clock
  const defects = yield* makeDefects
  const metrics = yield* makeSessionMetrics

  const errorOf = <E extends GatewayError>(cause: Cause.Cause<E>): Effect.Effect<E | InternalError> =>
    Effect.map(defects.errorOf(cause), (error) => {
      metrics.countError(error)
      return error
    })

  return {
    /** Everything that the session logs carries its ids; its end is logged and measured. */
    session: <A, E>(connection: Connection, run: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const started = clock.currentTimeMillisUnsafe()
        metrics.active.add({}, 1)
        return run.pipe(
          // Within the scope of the session, whose lines name the user that has logged in.
          Effect.ensuring(
            Effect.suspend(() => {
              const elapsed = clock.currentTimeMillisUnsafe() - started
              metrics.active.add({}, -1)
              metrics.connectionSeconds.observe({}, elapsed / 1000)
              return Effect.logInfo("connection_closed", { duration_ms: elapsed })
            })
          ),
          onFlatContext,
          Effect.scoped,
          (session) => inSessionSpan(connection, hostname, session),
          Effect.annotateLogs({
            correlation_id: correlationId(connection.id),
            session_id: connection.id,
            client_ip: connection.clientAddress
          })
        )
      }),

    connected: Effect.suspend(() => {
      metrics.connections.increment({ status: "accepted" })
      return Effect.logInfo("connection_opened")
    }),

    secured: (protocol: string, cipher: string) =>
      Effect.andThen(
        Effect.logDebug("tls_established", { protocol, cipher }),
        annotateSpan(() => ({ "tls.protocol.version": protocol.replace("TLSv", ""), "tls.cipher": cipher }))
      ),

    authenticated: (mechanism: string) =>
      Effect.suspend(() => {
        metrics.logins.increment({ result: "success" })
        return Effect.logInfo("auth_success", { mechanism })
      }),

    authenticationFailed: (mechanism: string, username: string, error: AuthenticationError) =>
      Effect.suspend(() => {
        metrics.logins.increment({ result: LOGIN_RESULT[error._tag] })
        metrics.loginFailures.increment({ reason: reasonOf(error) })
        return Effect.logWarning("auth_failed", {
          mechanism,
          authenticated_user: shownUserName(username),
          reason: reasonOf(error),
          reply: SmtpReply.loggedText(error),
          detail: "cause" in error && typeof error.cause === "string" ? error.cause : undefined
        })
      }),

    senderAccepted: (sender: string) => Effect.logDebug("mail_from_accepted", { from_address: sender }),

    recipientAccepted: (recipient: string) => Effect.logDebug("rcpt_to_accepted", { recipient }),

    received: (bytes: number): void => {
      metrics.emails.increment({})
      metrics.emailBytes.observe({}, bytes)
    },

    settled: (milliseconds: number): void => metrics.commandSeconds.observe({ command: "DATA" }, milliseconds / 1000),

    answered: (tag: Command["_tag"], milliseconds: number): void => {
      const command = COMMANDS[tag]
      if (command !== undefined) metrics.commandSeconds.observe({ command }, milliseconds / 1000)
    },

    /** Counts an error that the client is answered with. */
    failed: metrics.countError,

    /** The error that a command is answered with, counted, and told where no other event tells of it. */
    refused: <E extends GatewayError>(command: Command, cause: Cause.Cause<E>): Effect.Effect<E | InternalError> =>
      errorOf(cause).pipe(
        Effect.tap((error) => traceRefusal(command, error)),
        Effect.tap((error) => {
          if (command._tag === "Connect") metrics.connections.increment({ status: "rejected" })
          return error._tag === "InternalError" ? Effect.void : logRefusal(command, error)
        })
      ),

    /** Counts a message whose data had arrived and that the end of the process has broken off. */
    brokenOff: (): void => {
      metrics.countError(new ShuttingDown())
      metrics.answers.increment({ answer: "failed" })
    },

    accepted: (): void => metrics.answers.increment({ answer: "accepted" }),

    /** The error that a message is answered with whose data had arrived. */
    errorOfMessage: <E extends GatewayError>(cause: Cause.Cause<E>): Effect.Effect<E | InternalError> =>
      Effect.tap(errorOf(cause), (error) =>
        Effect.sync(() => metrics.answers.increment({ answer: faultOf(error) === "sender" ? "refused" : "failed" }))
      )
  }
})

/**
 * A context is layers over a map, and a layer too many copies the map. What stands for the whole session goes into the map
 * here, once, so that what each message adds to it stays cheap.
 */
const onFlatContext = <A, E, R>(session: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateContext(session, (context: Context.Context<R>) => Context.makeUnsafe<R>(context.mapUnsafe))

/** The label `command`. DATA is measured from the end of the data, by `settled`. */
const COMMANDS: { readonly [Tag in Command["_tag"]]?: "AUTH" | "MAIL" | "RCPT" } = {
  Auth: "AUTH",
  MailFrom: "MAIL",
  RcptTo: "RCPT"
}

/** The label `result`: with `unavailable` nobody knows whether the password was right. */
const LOGIN_RESULT: { readonly [Tag in AuthenticationError["_tag"]]: "failure" | "unavailable" } = {
  AuthenticationFailed: "failure",
  SecondFactorRequired: "failure",
  LoginSuspended: "failure",
  AuthenticationUnavailable: "unavailable",
  CircuitOpen: "unavailable"
}

const LOGIN_REASON = {
  SecondFactorRequired: "second_factor",
  LoginSuspended: "suspended",
  AuthenticationUnavailable: "unavailable",
  CircuitOpen: "circuit_open"
} as const satisfies { readonly [Tag in Exclude<AuthenticationError["_tag"], "AuthenticationFailed">]: string }

/** The label `reason`. */
const reasonOf = (error: AuthenticationError) =>
  error._tag === "AuthenticationFailed" ? error.reason : LOGIN_REASON[error._tag]

/** A session that was sent away at its greeting has no other reply; of other commands it has an event. */
const traceRefusal = (command: Command, error: GatewayError): Effect.Effect<void> => {
  const reply = () => replyAttributes(SmtpReply.fromError(error))
  return command._tag === "Connect"
    ? annotateSpan(() => ({ "error.type": error._tag, ...reply() }))
    : spanEvent("command refused", () => ({
        "smtp.command": VERBS[command._tag],
        "error.type": error._tag,
        ...reply()
      }))
}

/** As a client writes them. */
const VERBS = {
  Secure: "STARTTLS",
  Reset: "RSET",
  Auth: "AUTH",
  MailFrom: "MAIL",
  RcptTo: "RCPT",
  Data: "DATA"
} as const satisfies { readonly [Tag in Exclude<Command["_tag"], "Connect">]: string }

/** Logins and messages that arrived whole have events of their own. */
const logRefusal = (command: Command, error: GatewayError): Effect.Effect<void> => {
  const told = { error_type: error._tag, reply: SmtpReply.loggedText(error) }
  switch (command._tag) {
    case "Connect":
      return Effect.logWarning("connection_rejected", told)
    case "Data": {
      const { recipients, sender } = command.envelope
      return Effect.logWarning("email_rejected", {
        from_address: sender,
        recipient_count: recipients.length,
        ...told
      })
    }
    case "MailFrom":
      return error._tag === "MessageRateExceeded"
        ? Effect.logWarning("rate_limited", { limit: error.limit, retry_after: error.retryAfter })
        : Effect.logDebug("command_refused", told)
    case "RcptTo":
      return Effect.logDebug("command_refused", told)
    default:
      return Effect.void
  }
}
