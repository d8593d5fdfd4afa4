/** Counters that are moved in more than one file. All others are declared where they are used. */
import { Effect } from "effect"
import { faultOf } from "../../domain/Fault.ts"
import type { GatewayError } from "../../domain/GatewayError.ts"
import { Metrics } from "../../services/Metrics.ts"

export const connectionCounter = Effect.map(Metrics, (metrics) =>
  metrics.counter({
    name: "smtp_connections_total",
    help: "Connections by what became of them at the greeting",
    labels: { status: ["accepted", "rejected", "error"] }
  })
)

/** Every error that a client is answered with. */
export const errorCounter = Effect.map(Metrics, (metrics) => {
  const errors = metrics.counter({
    name: "smtp_errors_total",
    help: "Commands that failed, by the error and by whose fault it was",
    labels: { error_type: ERROR_TYPES, fault: ["sender", "service"] }
  })
  return (error: GatewayError): void => errors.increment({ error_type: error._tag, fault: faultOf(error) })
})

/** In the order of docs/smtp-replies.md. One that is missing here cannot be counted above. */
const ERROR_TYPES = [
  "TlsRequired",
  "TlsUnavailable",
  "NotAuthenticated",
  "AuthenticationFailed",
  "SecondFactorRequired",
  "LoginSuspended",
  "AuthenticationUnavailable",
  "TokenRejected",
  "TooManyConnections",
  "AddressBlocked",
  "MessageRateExceeded",
  "TooManyRecipients",
  "MessageBudgetExhausted",
  "MessageTooLarge",
  "DataEndless",
  "DataTooSlow",
  "ClientGone",
  "IdleTimeout",
  "ShuttingDown",
  "MessageMalformed",
  "MimeLimitExceeded",
  "AttachmentTooLarge",
  "AttachmentUnsupported",
  "SenderNotConfirmed",
  "SenderConfirmationPending",
  "SenderQuotaReached",
  "SubmissionRejected",
  "SubmissionTooLarge",
  "SubmissionErrored",
  "SubmissionInProgress",
  "IdempotencyKeyReused",
  "SubmitDeadlineExceeded",
  "ApiRateLimited",
  "ApiFailed",
  "ApiUnreachable",
  "ApiOutcomeUnknown",
  "ApiAnswerUnreadable",
  "CircuitOpen",
  "InternalError"
] as const satisfies ReadonlyArray<GatewayError["_tag"]>
