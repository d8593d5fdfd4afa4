/** Whose matter a failure is: for those who watch the service, not for those who are told of it. */
import type { GatewayError, TooManyConnections } from "./GatewayError.ts"

/**
 * `sender`: the client, its mail, its account or a limit that is its own; the gateway did what it should.
 * `service`: the gateway, Cakemail or the way between them; nothing was wrong with what the client did.
 */
export type Fault = "sender" | "service"

/** Total by its type: an error that is nobody's does not compile. */
const FAULT: { readonly [Tag in Exclude<GatewayError, TooManyConnections>["_tag"]]: Fault } = {
  TlsRequired: "sender",
  TlsUnavailable: "service",
  NotAuthenticated: "sender",

  AuthenticationFailed: "sender",
  SecondFactorRequired: "sender",
  AuthenticationUnavailable: "service",
  LoginSuspended: "sender",

  TooManyRecipients: "sender",
  MessageTooLarge: "sender",
  AttachmentTooLarge: "sender",
  MessageMalformed: "sender",
  MimeLimitExceeded: "sender",
  AttachmentUnsupported: "sender",

  SenderNotConfirmed: "sender",
  SenderConfirmationPending: "sender",
  SenderQuotaReached: "sender",

  SubmissionRejected: "sender",
  SubmissionTooLarge: "sender",
  TokenRejected: "service",
  // Cakemail limits accounts.
  ApiRateLimited: "sender",
  ApiFailed: "service",
  ApiUnreachable: "service",
  ApiOutcomeUnknown: "service",
  ApiAnswerUnreadable: "service",
  SubmissionErrored: "service",
  SubmissionInProgress: "service",
  IdempotencyKeyReused: "sender",
  SubmitDeadlineExceeded: "service",
  CircuitOpen: "service",

  AddressBlocked: "sender",
  MessageRateExceeded: "sender",
  MessageBudgetExhausted: "service",

  IdleTimeout: "sender",
  DataTooSlow: "sender",
  DataEndless: "sender",
  ShuttingDown: "service",
  ClientGone: "sender",
  InternalError: "service"
}

export const faultOf = (error: GatewayError): Fault =>
  error._tag === "TooManyConnections" ? (error.limit === "process" ? "service" : "sender") : FAULT[error._tag]
