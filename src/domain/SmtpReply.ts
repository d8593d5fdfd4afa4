/** Replies to SMTP commands, and the one total table from error to reply (docs/smtp-replies.md). */
import { Predicate } from "effect"
import { AttachmentTooLarge, AttachmentUnsupported, type GatewayError } from "./GatewayError.ts"
import type { Accepted } from "./Submission.ts"

export interface SmtpReply {
  /** RFC 5321 section 4.2. */
  readonly code: number
  /** RFC 3463; empty where RFC 2034 wants none. */
  readonly enhanced: string
  /** Printable ASCII of one line. */
  readonly text: string
  /** The connection is closed once the reply is out. */
  readonly close: boolean
}

/** RFC 5321 section 4.5.3.1.5: 512 octets a reply line, less code, enhanced code and CRLF. */
const MAX_TEXT_LENGTH = 480

/** One printable ASCII line, whatever an API, an address or a file name put into it. */
export const replyText = (text: string): string => {
  const line = text
    .replace(/[\x00-\x1f\x7f-\x9f]+/g, " ")
    .replace(/[^\x20-\x7e]/gu, "?")
    .trim()
  return line.length > MAX_TEXT_LENGTH ? `${line.slice(0, MAX_TEXT_LENGTH - 3)}...` : line
}

const reply = (code: number, enhanced: string, text: string): SmtpReply => ({
  code,
  enhanced,
  text: replyText(text),
  close: code === 421
})

/** The same reply, after which the connection is closed. */
export const closing = (reply: SmtpReply): SmtpReply => ({ ...reply, close: true })

export const greeted = reply(220, "", "ESMTP")
export const secured = reply(220, "2.0.0", "Ready to start TLS")
export const authenticated = reply(235, "2.7.0", "Authentication successful")
export const senderAccepted = reply(250, "2.1.0", "Sender accepted")
export const recipientAccepted = reply(250, "2.1.5", "Recipient accepted")

/** RFC 4954 section 4. */
export const badBase64 = reply(501, "5.5.2", "Not base64")
export const lineTooLong = reply(500, "5.5.2", "Command line too long")
export const tooManyErrors = reply(421, "4.7.0", "Too many errors, closing connection")
export const dataTakesNothing = reply(501, "5.5.4", "DATA takes no parameters")
export const notImplemented = reply(502, "5.5.1", "Command not implemented")
export const unknownParameter = (key: string) => reply(555, "5.5.4", `Parameter ${key} is not recognized`)

/** `250` with the API's id of the first receipt, the number of others, and the reference if it is to be shown (rulings 5). */
export const accepted = (outcome: Accepted, reference: string | undefined): SmtpReply => {
  const [first, ...others] = outcome.receipts
  const more = others.length > 0 ? ` (+${others.length} more)` : ""
  const ref = reference === undefined ? "" : ` ref=${reference}`
  return reply(250, "2.0.0", `Message accepted for delivery: ${idText(first.messageId)}${more}${ref}`)
}

/** Characters; Cakemail's own have 36. What stands behind the id is not pushed out of the line. */
const MAX_ID_LENGTH = 128

/** One word, so that no id reads as a reference or as another number of recipients. */
const idText = (id: string): string => replyText(id).replaceAll(" ", "?").slice(0, MAX_ID_LENGTH)

type Table = {
  readonly [Tag in GatewayError["_tag"]]: (error: Extract<GatewayError, { readonly _tag: Tag }>) => SmtpReply
}

const REJECTED_SUBJECT = { recipient: "5.1.3", policy: "5.7.1", content: "5.6.0" } as const

const ACCEPTED_FILE_TYPES = "csv, doc, docx, ics, jpeg, jpg, pdf, png, xls, xlsx"

/** Total by its type: an error without a reply does not compile. */
const TABLE: Table = {
  TlsUnavailable: () => reply(454, "4.7.0", "TLS is not available due to a temporary reason"),
  TlsRequired: () => reply(530, "5.7.0", "Must issue a STARTTLS command first"),
  NotAuthenticated: () => reply(530, "5.7.0", "Authentication required"),

  AuthenticationFailed: () => reply(535, "5.7.8", "Authentication failed"),
  SecondFactorRequired: () =>
    reply(
      535,
      "5.7.8",
      "This account requires multi-factor authentication, which SMTP cannot do: use a personal access token as the password"
    ),
  AuthenticationUnavailable: () => reply(451, "4.7.0", "Authentication is temporarily unavailable, try again later"),
  LoginSuspended: () => reply(454, "4.7.0", "Too many failed logins for this user name, try again later"),

  TooManyRecipients: () => reply(452, "4.5.3", "Too many recipients"),
  MessageTooLarge: ({ limit }) => reply(552, "5.3.4", `Message too large: the limit is ${limit} bytes`),
  AttachmentTooLarge: ({ fileName, limit }) =>
    reply(552, "5.3.4", `Attachment ${fileName} too large: the limit is ${limit} bytes`),
  MessageMalformed: () => reply(554, "5.6.0", "Message could not be parsed"),
  MimeLimitExceeded: ({ limit, maximum }) =>
    reply(550, "5.6.0", `Message structure refused: more than ${maximum} ${MIME_LIMIT[limit]}`),
  AttachmentUnsupported: ({ fileName }) =>
    reply(550, "5.6.1", `Attachment ${fileName}: Cakemail accepts only ${ACCEPTED_FILE_TYPES}`),

  SenderNotConfirmed: ({ address }) =>
    reply(
      550,
      "5.7.1",
      `Sender ${address} is not a confirmed Cakemail sender: confirm it at Cakemail, or send from one that is`
    ),
  SenderConfirmationPending: ({ address }) =>
    reply(450, "4.7.1", `A confirmation was mailed to ${address}; try again when it is confirmed`),
  SenderQuotaReached: ({ address }) =>
    reply(450, "4.7.1", `Sender ${address} is not confirmed, and no more senders are created today`),

  SubmissionRejected: ({ reason, subject }) => reply(550, REJECTED_SUBJECT[subject], `Message rejected: ${reason}`),
  SubmissionTooLarge: () => reply(552, "5.3.4", "Message too large for the Cakemail API"),
  TokenRejected: () => closing(reply(535, "5.7.8", "Authentication failed")),
  ApiRateLimited: ({ retryAfter }) => reply(451, "4.7.1", `Rate limit exceeded, retry after ${retryAfter}s`),
  ApiFailed: () => reply(451, "4.3.0", "Temporary failure, try again later"),
  ApiUnreachable: () => reply(451, "4.4.1", "Service temporarily unavailable"),
  ApiOutcomeUnknown: () => reply(451, "4.4.1", "Service temporarily unavailable"),
  ApiAnswerUnreadable: () => reply(451, "4.4.1", "Service temporarily unavailable"),
  SubmissionErrored: () => reply(451, "4.3.0", "Temporary failure, try again later"),
  SubmissionInProgress: () => reply(451, "4.3.0", "The same message is being processed, try again later"),
  IdempotencyKeyReused: () => reply(550, "5.6.0", "Idempotency key was used for another message to this recipient"),
  SubmitDeadlineExceeded: () => reply(451, "4.4.1", "Service temporarily unavailable"),
  CircuitOpen: () => reply(451, "4.3.2", "Service temporarily unavailable"),

  TooManyConnections: () => reply(421, "4.7.0", "Too many connections"),
  AddressBlocked: () => reply(421, "4.7.0", "Too many failed logins, try again later"),
  MessageRateExceeded: ({ retryAfter }) => reply(451, "4.7.1", `Too many messages, retry after ${retryAfter}s`),
  MessageBudgetExhausted: () => reply(452, "4.3.1", "Insufficient system storage, try again later"),

  IdleTimeout: () => reply(421, "4.4.2", "Timeout, closing connection"),
  DataTooSlow: () => reply(421, "4.4.2", "Message data too slow, closing connection"),
  DataEndless: () => reply(421, "4.3.4", "Message far too large, closing connection"),
  ShuttingDown: () => reply(421, "4.3.2", "Service shutting down, try again"),
  // Nobody is left to read it.
  ClientGone: () => reply(421, "4.4.2", "Connection lost"),
  InternalError: () => reply(451, "4.3.0", "Temporary failure, try again later")
}

const MIME_LIMIT = {
  nesting: "levels of nested parts",
  parts: "parts",
  headers: "bytes of headers"
} as const

export const isGatewayError = (error: unknown): error is GatewayError =>
  Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" && Object.hasOwn(TABLE, error._tag)

/** The reply that the error deserves. */
export const fromError = (error: GatewayError): SmtpReply =>
  // The table's type pairs every tag with a function of exactly that error; TypeScript cannot follow the
  // pairing through an index, so the lookup is widened here, once.
  (TABLE[error._tag] as (error: GatewayError) => SmtpReply)(error)

/** The reply as the log and a dead letter tell it: without the names of files, which are content. */
export const loggedText = (error: GatewayError): string => {
  const { code, enhanced, text } = fromError(withoutFileName(error))
  return `${code} ${enhanced} ${text}`
}

const withoutFileName = (error: GatewayError): GatewayError => {
  switch (error._tag) {
    case "AttachmentTooLarge":
      return new AttachmentTooLarge({ fileName: extensionOf(error.fileName), limit: error.limit })
    case "AttachmentUnsupported":
      return new AttachmentUnsupported({ fileName: extensionOf(error.fileName) })
    default:
      return error
  }
}

/** `*.docx` */
const extensionOf = (fileName: string): string => `*${/\.[a-z0-9]{1,8}$/i.exec(fileName)?.[0] ?? ""}`

/** Whether the client may succeed by sending the same again. */
export const isTransient = (reply: SmtpReply): boolean => reply.code >= 400 && reply.code < 500
