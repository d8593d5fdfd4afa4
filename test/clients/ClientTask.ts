/**
 * What a client program is told on its standard input, and what it tells on its standard output, as JSON. Every field
 * is there, so that no language has to tell an absent one from null.
 */
import { Schema } from "effect"

export interface Address {
  /** May be empty. */
  readonly name: string
  readonly address: string
}

export interface AttachedFile {
  readonly path: string
  /** What the recipient is to see. */
  readonly name: string
  /** A MIME type. */
  readonly type: string
  /** Of an image that the HTML shows, without angle brackets. */
  readonly contentId: string | null
}

export interface MailToSend {
  readonly from: Address
  readonly to: ReadonlyArray<Address>
  readonly cc: ReadonlyArray<Address>
  readonly bcc: ReadonlyArray<Address>
  readonly replyTo: Address | null
  readonly subject: string
  readonly text: string
  readonly html: string | null
  readonly headers: ReadonlyArray<{ readonly name: string; readonly value: string }>
  readonly attachments: ReadonlyArray<AttachedFile>
}

export interface ClientTask {
  readonly host: string
  readonly port: number
  /** PEM file with the only authority that is to be trusted. */
  readonly ca: string
  readonly username: string
  readonly password: string
  /** `null`: as the library chooses. */
  readonly mechanism: "PLAIN" | "LOGIN" | null
  /** Sent over one connection, if the library can. */
  readonly mails: ReadonlyArray<MailToSend>
}

/** What became of one mail. */
export const Outcome = Schema.Struct({
  /** Of the server's reply; 0 when there was none. */
  code: Schema.Int,
  /** Of the reply, or what the library says of the failure; `null` when it tells nothing. */
  text: Schema.NullOr(Schema.String)
})
export type Outcome = typeof Outcome.Type
