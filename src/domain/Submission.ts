import type { Envelope } from "./Envelope.ts"
import type { Credentials, Identity } from "./Identity.ts"

/** A whole message as a session received it, before anything looked inside. */
export interface Submission {
  readonly envelope: Envelope
  readonly identity: Identity
  /** Kept so that a token that ended in mid-session can be renewed. */
  readonly credentials: Credentials
  /** The data between `354` and the final dot, dot-unstuffed; gone once the sink has answered. */
  readonly raw: Uint8Array
  /** Asks for room for what the message becomes on its way, in bytes; without it the message is refused. */
  readonly grow: (bytes: number) => boolean
  /** Short id under which log lines, traces and the reply tell of this message. */
  readonly reference: string
  readonly transit: Transit
}

/** What a Received header records of the way into the gateway (RFC 5321 section 4.4). */
export interface Transit {
  readonly clientAddress: string
  /** The argument of EHLO or HELO. */
  readonly clientName: string
  /** `ESMTPSA` and the like (RFC 3848). */
  readonly protocol: string
  /** When the data had ended, in milliseconds of the epoch. */
  readonly receivedAt: number
}

/** The API's answer for one recipient. */
export interface SubmissionReceipt {
  readonly recipient: string
  /** The id under which Cakemail knows the mail. */
  readonly messageId: string
}

/** What became of an accepted message: at least one receipt. */
export interface Accepted {
  readonly receipts: readonly [SubmissionReceipt, ...Array<SubmissionReceipt>]
}
