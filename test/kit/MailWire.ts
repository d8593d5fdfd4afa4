/** A whole mail over a wire that is logged in, and the numbers that the gateway tells of itself. */
import { Effect } from "effect"
import { get } from "node:http"
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

/** The value of a sample of /metrics, named with its labels as it stands there; 0 when there is none. */
export const metricOf = (httpUrl: string, sample: string): Effect.Effect<number> =>
  Effect.callback<string>((resume) => {
    const request = get(`${httpUrl}/metrics`, { agent: false, headers: { connection: "close" } }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (body += chunk))
      response.on("close", () => resume(Effect.succeed(body)))
    })
    request.on("error", (error) => resume(Effect.die(error)))
  }).pipe(
    Effect.map((body) => {
      const line = body.split("\n").find((each) => each.startsWith(`${sample} `))
      return line === undefined ? 0 : Number(line.slice(sample.length + 1))
    })
  )
