/** Parsed mails, credentials and the like, with everything that a test does not say. */
import { Redacted } from "effect"
import type { Attachment, Email } from "../../src/domain/Email.ts"
import type { Envelope } from "../../src/domain/Envelope.ts"
import type { Credentials, Identity } from "../../src/domain/Identity.ts"
import type { Transit } from "../../src/domain/Submission.ts"
import type { MessageToPrepare } from "../../src/services/CakemailClient.ts"

export const anEmail = (given: Partial<Email> = {}): Email => ({
  headers: [],
  from: { address: "sender@example.com", name: "" },
  replyTo: [],
  to: [],
  cc: [],
  subject: "Hello",
  messageId: "<1@example.com>",
  text: "Good morning",
  html: undefined,
  attachments: [],
  warnings: [],
  ...given
})

export const anAttachment = (
  given: Partial<Attachment> & { readonly content?: string | Uint8Array } = {}
): Attachment => {
  const { content = "content", ...rest } = given
  const bytes = Buffer.from(content)
  return {
    fileName: "report.pdf",
    contentType: "application/pdf",
    contentId: undefined,
    inline: false,
    base64: Buffer.from(bytes.toString("base64")),
    size: bytes.byteLength,
    ...rest
  }
}

/** The base64 of an attachment as text. */
export const base64Text = ({ base64 }: Pick<Attachment, "base64">): string => Buffer.from(base64).toString("latin1")

export const anEnvelope = (given: Partial<Envelope> = {}): Envelope => ({
  sender: "sender@example.com",
  recipients: ["recipient@example.org"],
  smtpUtf8: false,
  ...given
})

export const aTransit = (given: Partial<Transit> = {}): Transit => ({
  clientAddress: "192.0.2.7",
  clientName: "laptop.example.com",
  protocol: "ESMTPSA",
  receivedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  ...given
})

export const aMessage = (
  email: Partial<Email> = {},
  rest: {
    readonly envelope?: Partial<Envelope>
    readonly transit?: Partial<Transit>
    readonly room?: MessageToPrepare["room"]
  } = {}
): MessageToPrepare => ({
  email: anEmail(email),
  envelope: anEnvelope(rest.envelope),
  transit: aTransit(rest.transit),
  room: rest.room ?? (() => true)
})

export const credentials = (username = "user@example.com", password = "correct horse"): Credentials => ({
  username,
  password: Redacted.make(password)
})

export const anIdentity = (given: Partial<Identity> = {}): Identity => ({
  username: "user@example.com",
  accountId: undefined,
  token: Redacted.make("token-1"),
  expiresAt: undefined,
  ...given
})
