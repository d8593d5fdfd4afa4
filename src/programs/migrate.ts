/** The command `migrate`: the settings of an application that sends through another service, turned into those for the gateway. */
import { Console, Data, Effect, FileSystem, Option, Redacted } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { isPersonalAccessToken } from "../layers/cakemail/PersonalAccessToken.ts"
import { readSetting } from "../layers/config/source.ts"
import { looksLikeUrl } from "./migrate/connectionUrl.ts"
import { type Plan, PLACEHOLDER_USER, planForDotEnv, planForUrl } from "./migrate/plan.ts"
import { printable } from "./printable.ts"
import { insecureByDefault } from "./send.ts"
import { submitMail } from "./submitMail.ts"

export interface MigrateOptions {
  /** A connection URL, or the path of a `.env` file. */
  readonly source: string
  /** `undefined`: not known yet, a placeholder stands for it. */
  readonly host: string | undefined
  readonly port: number | undefined
  readonly tls: "starttls" | "implicit" | undefined
  readonly user: string | undefined
  /** Writes the password of MIGRATE_PASSWORD into the settings. */
  readonly showPassword: boolean
  /** Recipient of a mail that is sent with the new settings. */
  readonly test: string | undefined
  /** From address of that mail. */
  readonly from: string | undefined
  /** `undefined`: for a host of this machine alone. */
  readonly insecure: boolean | undefined
}

/** Nothing could be made of the source, or the test mail was not sent; the reason has been printed. */
export class MigrateFailed extends Data.TaggedError("MigrateFailed")<{ readonly reason: string }> {}

/** Prints the new settings to stdout and what will be different to stderr. Never prints anything of the old secrets. */
export const migrate = Effect.fn("migrate")(
  function* (options: MigrateOptions) {
    const password = yield* readSetting("MIGRATE_PASSWORD").pipe(Effect.mapError(({ message }) => failed(message)))
    if (options.showPassword && password === undefined) return yield* failed(NO_PASSWORD)
    const plan = yield* planFor(options, options.showPassword ? password : undefined)
    for (const line of plan.lines) yield* Console.log(line)
    yield* Console.error(plan.notes.map((note) => `- ${printable(note)}`).join("\n"))
    if (options.test !== undefined) yield* sendTest(options, plan, options.test, password)
  },
  Effect.tapErrorTag("MigrateFailed", ({ reason }) => Console.error(reason.split("\n").map(printable).join("\n")))
)

export const migrateCommand = Command.make(
  "migrate",
  {
    source: Argument.String("source").pipe(
      Argument.withDescription("The .env file of the application, or its connection URL; the password may be left out")
    ),
    host: Flag.String("host").pipe(
      Flag.withDescription("Host name of the gateway; a placeholder when absent"),
      Flag.optional
    ),
    port: Flag.Int("port").pipe(Flag.withDescription("Port of the gateway; 465 or 587 when absent"), Flag.optional),
    tls: Flag.Literals("tls", ["starttls", "implicit"]).pipe(
      Flag.withDescription("How the connection is secured; as before when absent"),
      Flag.optional
    ),
    user: Flag.String("user").pipe(Flag.withDescription("User name at Cakemail"), Flag.optional),
    showPassword: Flag.Boolean("show-password").pipe(
      Flag.withDescription("Write the password of MIGRATE_PASSWORD into the settings, instead of a placeholder"),
      Flag.withDefault(false)
    ),
    test: Flag.String("test").pipe(
      Flag.withDescription(
        "Send a mail to this address with the new settings; the password comes from MIGRATE_PASSWORD"
      ),
      Flag.optional
    ),
    from: Flag.String("from").pipe(
      Flag.withDescription("From address of that mail; as in the settings, or the user name, when absent"),
      Flag.optional
    ),
    insecure: Flag.Boolean("insecure").pipe(
      Flag.withDescription("Accept any certificate; the default for this machine"),
      Flag.optional
    )
  },
  ({ from, host, insecure, port, test, tls, user, ...flags }) =>
    migrate({
      ...flags,
      host: Option.getOrUndefined(host),
      port: Option.getOrUndefined(port),
      tls: Option.getOrUndefined(tls),
      user: Option.getOrUndefined(user),
      test: Option.getOrUndefined(test),
      from: Option.getOrUndefined(from),
      insecure: Option.getOrUndefined(insecure)
    })
).pipe(Command.withDescription("Turn the mail settings of an application into those for the gateway"))

const NO_PASSWORD = "no password: give MIGRATE_PASSWORD in the environment"

const failed = (reason: string): MigrateFailed => new MigrateFailed({ reason })

const planFor = Effect.fnUntraced(function* (options: MigrateOptions, password: string | undefined) {
  const { host, port, source, tls, user } = options
  const wanted = { host, port, user, password, implicitTls: tls === undefined ? undefined : tls === "implicit" }
  if (looksLikeUrl(source)) {
    // Not shown: it may hold a password.
    return planForUrl(source, wanted) ?? (yield* failed("the URL is none of a mail server, such as smtp://host:587"))
  }
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* fileSystem
    .readFileString(source)
    .pipe(Effect.mapError((error) => failed(`${source} cannot be read (${error.reason._tag})`)))
  const plan = planForDotEnv(text, wanted)
  return plan ?? (yield* failed(`${source} has no settings for mail, such as MAIL_HOST, SMTP_HOST or MAILER_DSN`))
})

const sendTest = Effect.fnUntraced(function* (
  options: MigrateOptions,
  plan: Plan,
  to: string,
  password: string | undefined
) {
  if (password === undefined) return yield* failed(NO_PASSWORD)
  if (options.host === undefined) return yield* failed("no host name of the gateway: give --host")
  // Beside a token any user name goes.
  if (plan.username === PLACEHOLDER_USER && !isPersonalAccessToken(password)) {
    return yield* failed("no user name: give --user")
  }
  const from = options.from ?? plan.sender ?? (plan.username === PLACEHOLDER_USER ? "" : plan.username)
  if (!from.includes("@")) return yield* failed("no From address: give --from")
  const { refused, reply } = yield* submitMail({
    host: plan.host,
    port: plan.port,
    tls: plan.implicitTls ? "implicit" : "starttls",
    insecure: options.insecure ?? insecureByDefault(options.host),
    user: plan.username,
    password: Redacted.make(password),
    from,
    to: [to],
    subject: "Test of the new mail settings",
    text: "This mail was sent through the gateway with the new settings.\n",
    html: undefined,
    attachments: []
  }).pipe(Effect.mapError(({ advice, text }) => failed(advice === "" ? text : `${text}\n-> ${advice}`)))
  if (refused.length > 0) return yield* failed(refused.map((each) => `refused: ${each}`).join("\n"))
  yield* Console.error(printable(reply))
})
