/** Submits one mail by SMTP, through Nodemailer, which is loaded when the first mail is sent and not before. */
import { Data, Effect, Option, Redacted, Schema } from "effect"

export interface Mail {
  readonly host: string
  readonly port: number
  readonly tls: "starttls" | "implicit" | "none"
  /** Accepts any certificate. */
  readonly insecure: boolean
  /** Empty for no login. */
  readonly user: string
  readonly password: Redacted.Redacted | undefined
  readonly from: string
  readonly to: ReadonlyArray<string>
  readonly subject: string
  readonly text: string | undefined
  readonly html: string | undefined
  readonly attachments: ReadonlyArray<{ readonly fileName: string; readonly content: Uint8Array }>
}

export interface Submitted {
  /** The server's reply to the end of the data. */
  readonly reply: string
  /** Recipients that it did not take, each with its reply. */
  readonly refused: ReadonlyArray<string>
}

/** No recipient got the mail. Holds no password. */
export class NotSubmitted extends Data.TaggedError("NotSubmitted")<{
  readonly text: string
  /** What to do about it; empty when the reply says it all. */
  readonly advice: string
}> {}

export const submitMail = Effect.fnUntraced(function* (mail: Mail) {
  const { createTransport } = yield* Effect.promise(() => import("nodemailer"))
  return yield* Effect.acquireUseRelease(
    Effect.sync(() => createTransport(transportOptions(mail))),
    (transport) =>
      Effect.tryPromise({
        try: () =>
          transport.sendMail({
            from: mail.from,
            to: [...mail.to],
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            attachments: mail.attachments.map(({ content, fileName }) => ({
              filename: fileName,
              content: Buffer.from(content.buffer, content.byteOffset, content.byteLength)
            }))
          }),
        catch: (error) => notSubmitted(mail, error)
      }),
    (transport) => Effect.sync(() => transport.close())
  ).pipe(
    Effect.map((info): Submitted => ({
      reply: info.response,
      refused: info.rejected.map((recipient) => {
        const error = info.rejectedErrors?.find((each) => each.recipient === recipient)
        return error?.response === undefined ? recipient : `${recipient}: ${error.response}`
      })
    }))
  )
})

const transportOptions = (mail: Mail) => ({
  host: mail.host,
  port: mail.port,
  secure: mail.tls === "implicit",
  requireTLS: mail.tls === "starttls",
  ignoreTLS: mail.tls === "none",
  tls: { rejectUnauthorized: !mail.insecure },
  ...(mail.password !== undefined && { auth: { user: mail.user, pass: Redacted.value(mail.password) } }),
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  // RFC 5321 section 4.5.3.2.6: the reply to the end of the data may take ten minutes.
  socketTimeout: 600_000,
  // A machine without a network has this address alone.
  allowInternalNetworkInterfaces: true,
  disableFileAccess: true,
  disableUrlAccess: true
})

/** What Nodemailer's errors tell. */
const Failure = Schema.Struct({
  message: Schema.String,
  code: Schema.optional(Schema.String),
  command: Schema.optional(Schema.String),
  response: Schema.optional(Schema.String)
})

const decodeFailure = Schema.decodeUnknownOption(Failure)

const notSubmitted = (mail: Mail, error: unknown): NotSubmitted => {
  const failure = Option.getOrElse(decodeFailure(error), (): typeof Failure.Type => ({ message: String(error) }))
  if (failure.response !== undefined) {
    const command = failure.command === undefined ? "" : ` (in reply to ${failure.command})`
    return new NotSubmitted({ text: `${failure.response}${command}`, advice: "" })
  }
  return new NotSubmitted({ text: `${mail.host}:${mail.port}: ${failure.message}`, advice: adviceFor(failure) })
}

const adviceFor = ({ code, message }: typeof Failure.Type): string => {
  if (/certificate|self-signed/i.test(message)) return "--insecure accepts any certificate"
  if (message.includes("ECONNREFUSED")) return "nobody listens there: check --host and --port, or run npm start"
  if (/wrong version number|Greeting never received/i.test(message)) return "check --tls: starttls, implicit or none"
  if (code === "ETLS") return "the server does not offer STARTTLS: check --tls and --port"
  return ""
}
