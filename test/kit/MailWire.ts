/** A whole mail over a wire that is logged in. */
import { Effect } from "effect"
import type { Wire } from "./SmtpWire.ts"

export interface WireMail {
  readonly from?: string
  readonly to?: ReadonlyArray<string>
  /** Without one the gateway cannot tell a mail that is sent again from another. */
  readonly messageId?: string
  readonly text?: string
}

/** From the headers to the dot that ends the data. */
export const mailData = ({ from = "demo@example.com", messageId, text = "It works." }: WireMail = {}): string =>
  [
    `From: ${from}`,
    "Subject: Hello",
    ...(messageId === undefined ? [] : [`Message-ID: ${messageId}`]),
    "",
    text,
    ".",
    ""
  ].join("\r\n")

/** MAIL to DATA; gives the reply to DATA. */
export const beginMail = Effect.fnUntraced(function* (wire: Wire, mail: WireMail = {}) {
  yield* wire.ask(`MAIL FROM:<${mail.from ?? "demo@example.com"}>`)
  for (const recipient of mail.to ?? ["to@example.com"]) yield* wire.ask(`RCPT TO:<${recipient}>`)
  return yield* wire.ask("DATA")
})

/** One mail from MAIL to the reply to its data. */
export const sendMail = Effect.fnUntraced(function* (wire: Wire, mail: WireMail = {}) {
  yield* beginMail(wire, mail)
  yield* wire.send(mailData(mail))
  return (yield* wire.reply).raw
})
