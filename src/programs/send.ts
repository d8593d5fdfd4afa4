/** The command `send`: one test mail by SMTP, so that nobody needs another client to try the gateway. */
import { basename } from "node:path"
import { Console, Data, Effect, FileSystem, Option, Redacted } from "effect"
import { Command, Flag, Prompt, TerminalCapabilities } from "effect/cli"
import { isLoopback } from "../layers/config/formats.ts"
import { readSetting } from "../layers/config/source.ts"
import { printable } from "./printable.ts"
import { type Mail, submitMail } from "./submitMail.ts"

export interface SendOptions extends Omit<Mail, "password" | "attachments" | "text"> {
  /** `undefined` with `html` given: no text part; without: a sentence or two. */
  readonly text: string | undefined
  /** Paths. */
  readonly attachments: ReadonlyArray<string>
}

/** Nothing was sent, or not to everybody; the reason has been printed. */
export class SendFailed extends Data.TaggedError("SendFailed")<{ readonly reason: string }> {}

/** Sends the mail and prints what the server replied. The password comes from SMTP_PASSWORD or from the terminal. */
export const send = Effect.fn("send")(
  function* (options: SendOptions) {
    const password = yield* passwordOf(options)
    const attachments = yield* Effect.forEach(options.attachments, readAttachment)
    const text = options.text ?? (options.html === undefined ? DEFAULT_TEXT : undefined)
    const outcome = yield* submitMail({ ...options, attachments, password, text }).pipe(
      Effect.mapError(({ advice, text }) => new SendFailed({ reason: advice === "" ? text : `${text}\n-> ${advice}` }))
    )
    yield* Console.log(printable(outcome.reply))
    if (outcome.refused.length > 0) {
      return yield* new SendFailed({ reason: outcome.refused.map((each) => `refused: ${each}`).join("\n") })
    }
  },
  Effect.tapErrorTag("SendFailed", ({ reason }) => Console.error(reason.split("\n").map(printable).join("\n")))
)

/** As `npm start` serves it. */
export const SEND_DEFAULTS = {
  from: "demo@example.com",
  host: "127.0.0.1",
  port: 2587,
  tls: "starttls",
  user: "demo@example.com",
  subject: "Test mail"
} as const

/** Whether to accept any certificate, when no flag says it: this machine's are self-signed as a rule. */
export const insecureByDefault = (host: string): boolean => isLoopback(host)

export const sendCommand = Command.make(
  "send",
  {
    to: Flag.String("to").pipe(Flag.withDescription("Recipient; may be repeated"), Flag.atLeast(1)),
    from: Flag.String("from").pipe(Flag.withDescription("Sender"), Flag.withDefault(SEND_DEFAULTS.from)),
    host: Flag.String("host").pipe(Flag.withDescription("Server"), Flag.withDefault(SEND_DEFAULTS.host)),
    port: Flag.Int("port").pipe(Flag.withDescription("Port of the server"), Flag.withDefault(SEND_DEFAULTS.port)),
    tls: Flag.Literals("tls", ["starttls", "implicit", "none"]).pipe(
      Flag.withDescription("How the connection is secured"),
      Flag.withDefault(SEND_DEFAULTS.tls)
    ),
    insecure: Flag.Boolean("insecure").pipe(
      Flag.withDescription("Accept any certificate; the default for this machine"),
      Flag.optional
    ),
    user: Flag.String("user").pipe(
      Flag.withDescription("User name; empty for no login. The password comes from SMTP_PASSWORD or a prompt"),
      Flag.withDefault(SEND_DEFAULTS.user)
    ),
    subject: Flag.String("subject").pipe(Flag.withDescription("Subject"), Flag.withDefault(SEND_DEFAULTS.subject)),
    text: Flag.String("text").pipe(Flag.withDescription("Plain text body"), Flag.optional),
    html: Flag.String("html").pipe(Flag.withDescription("HTML body"), Flag.optional),
    attachments: Flag.String("attach").pipe(Flag.withDescription("File to attach; may be repeated"), Flag.atLeast(0))
  },
  (flags) =>
    send({
      ...flags,
      insecure: Option.getOrElse(flags.insecure, () => insecureByDefault(flags.host)),
      text: Option.getOrUndefined(flags.text),
      html: Option.getOrUndefined(flags.html)
    })
).pipe(Command.withDescription("Send a test mail by SMTP and print the server's reply"))

const DEFAULT_TEXT = "This is a test mail. If you can read it, the way from SMTP to the Cakemail API works.\n"

/** Of the sandbox; no secret. */
const DEMO_PASSWORD = "demo"

const passwordOf = Effect.fnUntraced(function* ({ host, user }: SendOptions) {
  if (user === "") return undefined
  const given = yield* readSetting("SMTP_PASSWORD").pipe(
    Effect.mapError((problems) => new SendFailed({ reason: problems.message }))
  )
  if (given !== undefined) return Redacted.make(given)
  if (user === SEND_DEFAULTS.user && isLoopback(host)) return Redacted.make(DEMO_PASSWORD)
  const terminal = yield* TerminalCapabilities.TerminalCapabilities
  if (!terminal.canPrompt) {
    return yield* new SendFailed({ reason: `no password for ${user}: give it in SMTP_PASSWORD` })
  }
  return yield* Prompt.Password({ message: `Password of ${user}` })
})

const readAttachment = Effect.fnUntraced(function* (path: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const content = yield* fileSystem
    .readFile(path)
    .pipe(Effect.mapError((error) => new SendFailed({ reason: `${path} cannot be attached (${error.reason._tag})` })))
  return { fileName: basename(path), content }
})
