/** One error of every kind, each with the reply it deserves: a kind that is missing here does not compile. */
import * as Errors from "../../src/domain/GatewayError.ts"

type Samples = {
  readonly [Tag in Errors.GatewayError["_tag"]]: readonly [
    error: Extract<Errors.GatewayError, { readonly _tag: Tag }>,
    reply: string
  ]
}

/** The reply as it goes over the wire; `[close]` when the connection ends with it. */
export const ERROR_REPLIES: Samples = {
  TlsUnavailable: [new Errors.TlsUnavailable(), "454 4.7.0 TLS is not available due to a temporary reason"],
  TlsRequired: [new Errors.TlsRequired(), "530 5.7.0 Must issue a STARTTLS command first"],
  NotAuthenticated: [new Errors.NotAuthenticated(), "530 5.7.0 Authentication required"],
  AuthenticationFailed: [new Errors.AuthenticationFailed({ reason: "credentials" }), "535 5.7.8 Authentication failed"],
  SecondFactorRequired: [
    new Errors.SecondFactorRequired(),
    "535 5.7.8 This account requires multi-factor authentication, which SMTP cannot do: use a personal access token as the password"
  ],
  AuthenticationUnavailable: [
    new Errors.AuthenticationUnavailable({ cause: "ApiFailed 500" }),
    "451 4.7.0 Authentication is temporarily unavailable, try again later"
  ],
  LoginSuspended: [new Errors.LoginSuspended(), "454 4.7.0 Too many failed logins for this user name, try again later"],
  TooManyRecipients: [new Errors.TooManyRecipients(), "452 4.5.3 Too many recipients"],
  MessageTooLarge: [
    new Errors.MessageTooLarge({ limit: 26_214_400 }),
    "552 5.3.4 Message too large: the limit is 26214400 bytes"
  ],
  AttachmentTooLarge: [
    new Errors.AttachmentTooLarge({ fileName: "film.pdf", limit: 10_485_760 }),
    "552 5.3.4 Attachment film.pdf too large: the limit is 10485760 bytes"
  ],
  MessageMalformed: [new Errors.MessageMalformed({ cause: "private" }), "554 5.6.0 Message could not be parsed"],
  MimeLimitExceeded: [
    new Errors.MimeLimitExceeded({ limit: "nesting", maximum: 10 }),
    "550 5.6.0 Message structure refused: more than 10 levels of nested parts"
  ],
  AttachmentUnsupported: [
    new Errors.AttachmentUnsupported({ fileName: "setup.exe" }),
    "550 5.6.1 Attachment setup.exe: Cakemail accepts only csv, doc, docx, ics, jpeg, jpg, pdf, png, xls, xlsx"
  ],
  SenderNotConfirmed: [
    new Errors.SenderNotConfirmed({ address: "a@example.com" }),
    "550 5.7.1 Sender a@example.com is not a confirmed Cakemail sender: confirm it at Cakemail, or send from one that is"
  ],
  SenderConfirmationPending: [
    new Errors.SenderConfirmationPending({ address: "a@example.com" }),
    "450 4.7.1 A confirmation was mailed to a@example.com; try again when it is confirmed"
  ],
  SenderQuotaReached: [
    new Errors.SenderQuotaReached({ address: "a@example.com" }),
    "450 4.7.1 Sender a@example.com is not confirmed, and no more senders are created today"
  ],
  SubmissionRejected: [
    new Errors.SubmissionRejected({ subject: "content", reason: "subject is too long", status: 400 }),
    "550 5.6.0 Message rejected: subject is too long"
  ],
  SubmissionTooLarge: [new Errors.SubmissionTooLarge(), "552 5.3.4 Message too large for the Cakemail API"],
  TokenRejected: [new Errors.TokenRejected(), "535 5.7.8 Authentication failed [close]"],
  ApiRateLimited: [new Errors.ApiRateLimited({ retryAfter: 60 }), "451 4.7.1 Rate limit exceeded, retry after 60s"],
  ApiFailed: [new Errors.ApiFailed({ status: 503 }), "451 4.3.0 Temporary failure, try again later"],
  ApiUnreachable: [new Errors.ApiUnreachable({ cause: "private" }), "451 4.4.1 Service temporarily unavailable"],
  ApiOutcomeUnknown: [
    new Errors.ApiOutcomeUnknown({ kind: "timeout", cause: "private" }),
    "451 4.4.1 Service temporarily unavailable"
  ],
  ApiAnswerUnreadable: [
    new Errors.ApiAnswerUnreadable({ status: 201, cause: "private" }),
    "451 4.4.1 Service temporarily unavailable"
  ],
  SubmissionErrored: [new Errors.SubmissionErrored(), "451 4.3.0 Temporary failure, try again later"],
  SubmissionInProgress: [
    new Errors.SubmissionInProgress(),
    "451 4.3.0 The same message is being processed, try again later"
  ],
  IdempotencyKeyReused: [
    new Errors.IdempotencyKeyReused(),
    "550 5.6.0 Idempotency key was used for another message to this recipient"
  ],
  SubmitDeadlineExceeded: [new Errors.SubmitDeadlineExceeded(), "451 4.4.1 Service temporarily unavailable"],
  CircuitOpen: [new Errors.CircuitOpen(), "451 4.3.2 Service temporarily unavailable"],
  TooManyConnections: [new Errors.TooManyConnections({ limit: "address" }), "421 4.7.0 Too many connections [close]"],
  AddressBlocked: [new Errors.AddressBlocked(), "421 4.7.0 Too many failed logins, try again later [close]"],
  MessageRateExceeded: [
    new Errors.MessageRateExceeded({ limit: "address", retryAfter: 17 }),
    "451 4.7.1 Too many messages, retry after 17s"
  ],
  MessageBudgetExhausted: [
    new Errors.MessageBudgetExhausted(),
    "452 4.3.1 Insufficient system storage, try again later"
  ],
  IdleTimeout: [new Errors.IdleTimeout(), "421 4.4.2 Timeout, closing connection [close]"],
  DataTooSlow: [new Errors.DataTooSlow(), "421 4.4.2 Message data too slow, closing connection [close]"],
  DataEndless: [new Errors.DataEndless(), "421 4.3.4 Message far too large, closing connection [close]"],
  ShuttingDown: [new Errors.ShuttingDown(), "421 4.3.2 Service shutting down, try again [close]"],
  ClientGone: [new Errors.ClientGone(), "421 4.4.2 Connection lost [close]"],
  InternalError: [new Errors.InternalError(), "451 4.3.0 Temporary failure, try again later"]
}
