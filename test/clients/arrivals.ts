/** What arrived at the API beside what a client was told to send. */
import type { CapturedMessage } from "../../src/services/SandboxMessages.ts"
import type { MailToSend } from "./ClientTask.ts"

/** Of a mail, what both sides can tell. */
export interface Seen {
  readonly sender: { readonly name: string; readonly address: string }
  readonly subject: string
  readonly text: string | undefined
  readonly html: string | undefined
  /** Reply-To, and those that the mail was given, by name. */
  readonly headers: Readonly<Record<string, string>>
  readonly attachments: ReadonlyArray<{ readonly name: string; readonly base64: string }>
}

export const expectedOf = (
  mail: MailToSend,
  files: ReadonlyArray<{ readonly name: string; readonly content: Buffer }> = []
): Seen => ({
  sender: mail.from,
  subject: mail.subject,
  text: lines(mail.text),
  html: lines(mail.html ?? undefined),
  headers: Object.fromEntries([
    ...(mail.replyTo === null ? [] : [["Reply-To", `${mail.replyTo.name} <${mail.replyTo.address}>`]]),
    ...mail.headers.map(({ name, value }) => [name, value])
  ]),
  attachments: files.map(({ content, name }) => ({ name, base64: content.toString("base64") }))
})

/** `expected` says which headers to look for. */
export const arrivals = (captured: ReadonlyArray<CapturedMessage>, expected: Seen) => ({
  recipients: captured.map(({ recipient }) => recipient.address).toSorted(),
  seen: captured.map((message): Seen => ({
    sender: { name: message.sender.name, address: message.sender.address },
    subject: message.subject,
    text: lines(message.text),
    html: lines(message.html),
    headers: Object.fromEntries(
      Object.keys(expected.headers).map((name) => [
        name,
        message.headers
          .filter((header) => header.name.toLowerCase() === name.toLowerCase())
          .map(({ value }) => (name === "Reply-To" ? value.replace(/"/g, "") : value))
          .join("; ")
      ])
    ),
    attachments: message.attachments.map(({ fileName }, index) => ({
      name: fileName,
      base64: message.attachmentBase64(index) ?? ""
    }))
  }))
})

/** Subjects that end in a number, by that number. */
export const numbersOf = (captured: ReadonlyArray<CapturedMessage>): ReadonlyArray<string> =>
  captured.map(({ subject }) => subject).toSorted((one, other) => Number(/\d+$/.exec(one)) - Number(/\d+$/.exec(other)))

/** SMTP has CRLF, and ends every text with one. */
const lines = (text: string | undefined): string | undefined => text?.replace(/\r\n/g, "\n").trimEnd()
