/**
 * Every way in which a command can fail, one flat union. What the client reads of each is decided in
 * `SmtpReply.ts`; the fields here are for that reply and for the log. `cause` texts are private: they
 * reach the log and never a client, and hold no secret.
 */
import { Data } from "effect"

/** A command that needs TLS came before STARTTLS. */
export class TlsRequired extends Data.TaggedError("TlsRequired") {}

/** One recipient more than MAX_RECIPIENTS. */
export class TooManyRecipients extends Data.TaggedError("TooManyRecipients") {}

/** STARTTLS, but no certificate could be loaded yet. */
export class TlsUnavailable extends Data.TaggedError("TlsUnavailable") {}

/** A command that needs a login came before AUTH. */
export class NotAuthenticated extends Data.TaggedError("NotAuthenticated") {}

/** The API refused the user name and password. */
export class AuthenticationFailed extends Data.TaggedError("AuthenticationFailed")<{
  /** `credentials`: the API said 401. `malformed`: it could not even read them (400, 403, 422). */
  readonly reason: "credentials" | "malformed"
}> {}

/** The account asks for a second factor, which SMTP AUTH cannot carry. */
export class SecondFactorRequired extends Data.TaggedError("SecondFactorRequired") {}

/** The login could not be checked: API slow, away, limiting or failing. */
export class AuthenticationUnavailable extends Data.TaggedError("AuthenticationUnavailable")<{
  readonly cause: string
}> {}

/** Too many distinct wrong passwords for this user name (rulings 7). */
export class LoginSuspended extends Data.TaggedError("LoginSuspended") {}

/** The message is larger than MESSAGE_SIZE_LIMIT. */
export class MessageTooLarge extends Data.TaggedError("MessageTooLarge")<{
  /** Bytes. */
  readonly limit: number
}> {}

/** One attachment, decoded, is larger than ATTACHMENT_SIZE_LIMIT. */
export class AttachmentTooLarge extends Data.TaggedError("AttachmentTooLarge")<{
  readonly fileName: string
  /** Bytes. */
  readonly limit: number
}> {}

/** No parser can make sense of the message. */
export class MessageMalformed extends Data.TaggedError("MessageMalformed")<{ readonly cause: string }> {}

/** MIME structure past a limit that only an attack reaches. */
export class MimeLimitExceeded extends Data.TaggedError("MimeLimitExceeded")<{
  readonly limit: "nesting" | "parts" | "headers"
  readonly maximum: number
}> {}

/** A file type that the API does not accept. */
export class AttachmentUnsupported extends Data.TaggedError("AttachmentUnsupported")<{
  readonly fileName: string
}> {}

/** No confirmed sender of the account has this address. */
export class SenderNotConfirmed extends Data.TaggedError("SenderNotConfirmed")<{ readonly address: string }> {}

/** The sender was created; its owner has to follow the link that Cakemail mailed. */
export class SenderConfirmationPending extends Data.TaggedError("SenderConfirmationPending")<{
  readonly address: string
}> {}

/** CAKEMAIL_CREATE_SENDERS has created as many senders for the account as a day allows. */
export class SenderQuotaReached extends Data.TaggedError("SenderQuotaReached")<{ readonly address: string }> {}

/** The API understood the submission and will not have it. */
export class SubmissionRejected extends Data.TaggedError("SubmissionRejected")<{
  /** What it objects to; decides the enhanced status code (rulings 6). */
  readonly subject: "recipient" | "policy" | "content"
  /** The API's own words. */
  readonly reason: string
  /** HTTP status. */
  readonly status: number
}> {}

/** The API answered 413. */
export class SubmissionTooLarge extends Data.TaggedError("SubmissionTooLarge") {}

/** The API answered 401 to a token. Renewed once, then it is an `AuthenticationFailed`. */
export class TokenRejected extends Data.TaggedError("TokenRejected") {}

/** The API answered 429. */
export class ApiRateLimited extends Data.TaggedError("ApiRateLimited")<{
  /** Seconds. */
  readonly retryAfter: number
}> {}

/** The API answered 5xx. */
export class ApiFailed extends Data.TaggedError("ApiFailed")<{
  /** HTTP status. */
  readonly status: number
}> {}

/** No connection to the API came about: nothing was sent. */
export class ApiUnreachable extends Data.TaggedError("ApiUnreachable")<{ readonly cause: string }> {}

/** The connection broke, or time ran out, after the request had begun to go out: it may have been accepted. */
export class ApiOutcomeUnknown extends Data.TaggedError("ApiOutcomeUnknown")<{
  readonly kind: "timeout" | "reset"
  readonly cause: string
}> {}

/** A 2xx whose body is not what the contract says: it may have been accepted. */
export class ApiAnswerUnreadable extends Data.TaggedError("ApiAnswerUnreadable")<{
  readonly status: number
  readonly cause: string
}> {}

/** A 201 that carries the status `error`. */
export class SubmissionErrored extends Data.TaggedError("SubmissionErrored") {}

/**
 * An equal submission was, or still is, under way elsewhere, and nobody can tell what became of it: another call now
 * could send the mail twice.
 */
export class SubmissionInProgress extends Data.TaggedError("SubmissionInProgress") {}

/** The idempotency key of the message was accepted for this recipient with another message. */
export class IdempotencyKeyReused extends Data.TaggedError("IdempotencyKeyReused") {}

/** SUBMIT_DEADLINE passed, retries included. */
export class SubmitDeadlineExceeded extends Data.TaggedError("SubmitDeadlineExceeded") {}

/** The circuit breaker is open: no call was made. */
export class CircuitOpen extends Data.TaggedError("CircuitOpen") {}

/** A connection limit, of the process or of the address. */
export class TooManyConnections extends Data.TaggedError("TooManyConnections")<{
  readonly limit: "process" | "address"
}> {}

/** The address is blocked for too many failed logins. */
export class AddressBlocked extends Data.TaggedError("AddressBlocked") {}

/** More mails in the last minute than the address or the account may send. */
export class MessageRateExceeded extends Data.TaggedError("MessageRateExceeded")<{
  readonly limit: "address" | "account"
  /** Seconds. */
  readonly retryAfter: number
}> {}

/** The process holds as many message bytes as it may. */
export class MessageBudgetExhausted extends Data.TaggedError("MessageBudgetExhausted") {}

/** CONNECTION_TIMEOUT passed without a command. */
export class IdleTimeout extends Data.TaggedError("IdleTimeout") {}

/** DATA took longer than DATA_TIMEOUT, or trickled slower than MIN_DATA_RATE. */
export class DataTooSlow extends Data.TaggedError("DataTooSlow") {}

/** More than twice the size limit arrived: there is no point in reading on. */
export class DataEndless extends Data.TaggedError("DataEndless") {}

/** The gateway is shutting down. */
export class ShuttingDown extends Data.TaggedError("ShuttingDown") {}

/** The client closed the connection before the end of the data. */
export class ClientGone extends Data.TaggedError("ClientGone") {}

/** A defect: the command, or the submission for one recipient, failed for a reason that nobody foresaw. */
export class InternalError extends Data.TaggedError("InternalError") {}

export type AuthenticationError =
  | AuthenticationFailed
  | SecondFactorRequired
  | AuthenticationUnavailable
  | LoginSuspended
  | CircuitOpen

export type ParseError = MessageMalformed | MimeLimitExceeded | AttachmentTooLarge

/** What one call to the API can fail with, whatever it asks for. */
export type ApiCallError =
  | TokenRejected
  | ApiRateLimited
  | ApiFailed
  | ApiUnreachable
  | ApiOutcomeUnknown
  | ApiAnswerUnreadable
  | CircuitOpen

export type PrepareError =
  | ApiCallError
  | AttachmentUnsupported
  | SenderNotConfirmed
  | SenderConfirmationPending
  | SenderQuotaReached
  | SubmissionRejected
  | MessageBudgetExhausted

export type SubmitError = ApiCallError | SubmissionRejected | SubmissionTooLarge | SubmissionErrored

/** Everything that can stand between an end of data and a 250. */
export type SubmissionError =
  | ParseError
  | PrepareError
  | SubmitError
  | AuthenticationError
  | SubmissionInProgress
  | IdempotencyKeyReused
  | SubmitDeadlineExceeded
  | MessageBudgetExhausted
  | InternalError

export type ReceiveError =
  | MessageTooLarge
  | MessageBudgetExhausted
  | DataTooSlow
  | DataEndless
  | ShuttingDown
  | ClientGone

export type AdmissionError = TooManyConnections | AddressBlocked | MessageRateExceeded

export type GatewayError =
  | TlsRequired
  | NotAuthenticated
  | AuthenticationError
  | SubmissionError
  | ReceiveError
  | AdmissionError
  | TooManyRecipients
  | TlsUnavailable
  | IdleTimeout
