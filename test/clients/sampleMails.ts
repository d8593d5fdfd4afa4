/** Mails for clients to send: say what matters, the rest is filled in. */
import type { Address, MailToSend } from "./ClientTask.ts"

/** As the sandbox knows the sender: a mail without a name goes out under this one. */
export const DEMO: Address = { name: "Demo", address: "demo@example.com" }
export const YOU: Address = { name: "", address: "you@example.com" }

export const mailWith = (fields: Partial<MailToSend> = {}): MailToSend => ({
  from: DEMO,
  to: [YOU],
  cc: [],
  bcc: [],
  replyTo: null,
  subject: "Hello",
  text: "It works.\n",
  html: null,
  headers: [],
  attachments: [],
  ...fields
})

/** `Mail 0` and so on. */
export const numberedMails = (count: number): ReadonlyArray<MailToSend> =>
  Array.from({ length: count }, (_, number) => mailWith({ subject: `Mail ${number}`, text: `Number ${number}.\n` }))
