/** The numbers of a session. */
import { Effect } from "effect"
import { connectionCounter, errorCounter } from "../layers/telemetry/sharedCounters.ts"
import { Metrics } from "../services/Metrics.ts"

export const makeSessionMetrics = Effect.gen(function* () {
  const metrics = yield* Metrics
  return {
    connections: yield* connectionCounter,
    countError: yield* errorCounter,
    active: metrics.gauge({ name: "smtp_active_connections", help: "Connections that are open now", labels: {} }),
    connectionSeconds: metrics.histogram({
      name: "smtp_connection_duration_seconds",
      help: "How long connections lasted",
      labels: {},
      buckets: [1, 5, 10, 30, 60, 300, 600]
    }),
    commandSeconds: metrics.histogram({
      name: "smtp_processing_duration_seconds",
      help: "From a command, or the end of data, to its reply",
      labels: { command: ["AUTH", "MAIL", "RCPT", "DATA"] },
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    }),
    logins: metrics.counter({
      name: "smtp_auth_attempts_total",
      help: "AUTH commands by how the login ended",
      labels: { result: ["success", "failure", "unavailable"] }
    }),
    loginFailures: metrics.counter({
      name: "smtp_auth_failures_total",
      help: "AUTH commands that did not log in, by why",
      labels: { reason: ["credentials", "malformed", "second_factor", "suspended", "unavailable", "circuit_open"] }
    }),
    emails: metrics.counter({
      name: "smtp_emails_received_total",
      help: "Messages whose data arrived whole",
      labels: {}
    }),
    emailBytes: metrics.histogram({
      name: "smtp_email_size_bytes",
      help: "Size of the messages that arrived whole",
      labels: {},
      buckets: [1_024, 10_240, 102_400, 1_048_576, 10_485_760, 26_214_400]
    }),
    answers: metrics.counter({
      name: "smtp_emails_answered_total",
      help: "Messages whose data arrived whole, by the reply to them",
      labels: { answer: ["accepted", "refused", "failed"] }
    })
  }
})
