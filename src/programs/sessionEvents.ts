/** What a session tells the operator: its log events and its metrics. */
import { type Cause, Clock, Effect, type Scope } from "effect"
import { faultOf } from "../domain/Fault.ts"
import type { AuthenticationError, GatewayError, InternalError } from "../domain/GatewayError.ts"
import { shownUserName } from "../domain/Identity.ts"
import { Metrics } from "../services/Metrics.ts"
import type { Command, Connection } from "../services/SmtpSession.ts"
import { makeDefects } from "./defects.ts"

const COMMANDS: { readonly [Tag in Command["_tag"]]?: string } = { Auth: "AUTH", MailFrom: "MAIL", RcptTo: "RCPT" }

export type SessionEvents = Effect.Success<typeof makeSessionEvents>

export const makeSessionEvents = Effect.gen(function* () {
  const metrics = yield* Metrics
  const clock = yield* Clock.Clock
  const defects = yield* makeDefects

  const connections = metrics.counter({
    name: "smtp_connections_total",
    help: "Connections by what became of them at the greeting",
    labels: ["status"]
  })
  const active = metrics.gauge({ name: "smtp_active_connections", help: "Connections that are open now", labels: [] })
  const connectionSeconds = metrics.histogram({
    name: "smtp_connection_duration_seconds",
    help: "How long connections lasted",
    labels: [],
    buckets: [1, 5, 10, 30, 60, 300, 600]
  })
  const commandSeconds = metrics.histogram({
    name: "smtp_processing_duration_seconds",
    help: "From a command, or the end of data, to its reply",
    labels: ["command"],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
  })
  const attempts = metrics.counter({
    name: "smtp_auth_attempts_total",
    help: "AUTH commands by how the login ended",
    labels: ["result"]
  })
  const failures = metrics.counter({
    name: "smtp_auth_failures_total",
    help: "AUTH commands that did not log in, by why",
    labels: ["reason"]
  })
  const emails = metrics.counter({
    name: "smtp_emails_received_total",
    help: "Messages whose data arrived whole",
    labels: []
  })
  const emailBytes = metrics.histogram({
    name: "smtp_email_size_bytes",
    help: "Size of the messages that arrived whole",
    labels: [],
    buckets: [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 25_000_000]
  })
  const answers = metrics.counter({
    name: "smtp_emails_answered_total",
    help: "Messages whose data arrived whole, by the reply to them",
    labels: ["answer"]
  })
  const errors = metrics.counter({
    name: "smtp_errors_total",
    help: "Commands that failed, by the error and by whose fault it was",
    labels: ["error_type", "fault"]
  })

  /** Counts an error that the client is answered with. */
  const failed = (error: GatewayError): void => errors.increment({ error_type: error._tag, fault: faultOf(error) })

  const errorOf = <E extends GatewayError>(cause: Cause.Cause<E>): Effect.Effect<E | InternalError> =>
    Effect.map(defects.errorOf(cause), (error) => {
      failed(error)
      return error
    })

  return {
    /** Everything that the session logs carries its ids; its end is logged and measured. */
    session: <A, E>(connection: Connection, run: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const started = clock.currentTimeMillisUnsafe()
        active.add({}, 1)
        return run.pipe(
          Effect.scoped,
          Effect.ensuring(
            Effect.suspend(() => {
              const elapsed = clock.currentTimeMillisUnsafe() - started
              active.add({}, -1)
              connectionSeconds.observe({}, elapsed / 1000)
              return Effect.logInfo("connection_closed", { duration_ms: elapsed })
            })
          ),
          Effect.annotateLogs({
            correlation_id: `req_${connection.id}`,
            session_id: connection.id,
            client_ip: connection.clientAddress
          })
        )
      }),

    connected: Effect.suspend(() => {
      connections.increment({ status: "accepted" })
      return Effect.logInfo("connection_opened")
    }),

    refused: Effect.sync(() => connections.increment({ status: "rejected" })),

    secured: (protocol: string, cipher: string) => Effect.logDebug("tls_established", { protocol, cipher }),

    authenticated: (mechanism: string) =>
      Effect.suspend(() => {
        attempts.increment({ result: "success" })
        return Effect.logInfo("auth_success", { mechanism })
      }),

    authenticationFailed: (mechanism: string, username: string, error: AuthenticationError) =>
      Effect.suspend(() => {
        attempts.increment({ result: LOGIN_RESULT[error._tag] })
        failures.increment({ reason: reasonOf(error) })
        return Effect.logWarning("auth_failure", {
          mechanism,
          authenticated_user: shownUserName(username),
          reason: reasonOf(error),
          ...("cause" in error && typeof error.cause === "string" ? { detail: error.cause } : {})
        })
      }),

    received: (bytes: number): void => {
      emails.increment({})
      emailBytes.observe({}, bytes)
    },

    settled: (milliseconds: number): void => commandSeconds.observe({ command: "DATA" }, milliseconds / 1000),

    answered: (tag: Command["_tag"], milliseconds: number): void => {
      const command = COMMANDS[tag]
      if (command !== undefined) commandSeconds.observe({ command }, milliseconds / 1000)
    },

    failed,

    errorOf,

    accepted: (): void => answers.increment({ answer: "accepted" }),

    /** As `errorOf`, of a message whose data had arrived. */
    errorOfMessage: <E extends GatewayError>(cause: Cause.Cause<E>): Effect.Effect<E | InternalError> =>
      Effect.tap(errorOf(cause), (error) =>
        Effect.sync(() => answers.increment({ answer: faultOf(error) === "sender" ? "refused" : "failed" }))
      )
  }
})

/** The label `result`: with `unavailable` nobody knows whether the password was right. */
const LOGIN_RESULT: { readonly [Tag in AuthenticationError["_tag"]]: "failure" | "unavailable" } = {
  AuthenticationFailed: "failure",
  SecondFactorRequired: "failure",
  LoginSuspended: "failure",
  AuthenticationUnavailable: "unavailable",
  CircuitOpen: "unavailable"
}

const LOGIN_REASON: { readonly [Tag in Exclude<AuthenticationError["_tag"], "AuthenticationFailed">]: string } = {
  SecondFactorRequired: "second_factor",
  LoginSuspended: "suspended",
  AuthenticationUnavailable: "unavailable",
  CircuitOpen: "circuit_open"
}

/** The label `reason`. */
const reasonOf = (error: AuthenticationError): string =>
  error._tag === "AuthenticationFailed" ? error.reason : LOGIN_REASON[error._tag]
