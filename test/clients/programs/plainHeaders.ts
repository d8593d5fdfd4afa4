/** Headers as somebody types them at a command line: UTF-8 as it is, nothing encoded. */
import type { Address, MailToSend } from "../ClientTask.ts"

export const recipientsOf = ({ bcc, cc, to }: MailToSend): ReadonlyArray<string> =>
  [...to, ...cc, ...bcc].map(({ address }) => address)

export const headersOf = (mail: MailToSend): ReadonlyArray<{ readonly name: string; readonly value: string }> => [
  { name: "From", value: mailbox(mail.from) },
  { name: "To", value: mail.to.map(mailbox).join(", ") },
  ...(mail.cc.length === 0 ? [] : [{ name: "Cc", value: mail.cc.map(mailbox).join(", ") }]),
  ...(mail.replyTo === null ? [] : [{ name: "Reply-To", value: mailbox(mail.replyTo) }]),
  { name: "Subject", value: mail.subject },
  ...mail.headers
]

const mailbox = ({ address, name }: Address): string => (name === "" ? address : `"${name}" <${address}>`)
