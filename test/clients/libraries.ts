/** The client libraries: how each is run, and what it cannot do. */
import { Effect, Schema } from "effect"
import { join } from "node:path"
import { runProgram } from "../kit/ClientProgram.ts"
import { type ClientTask, Outcome } from "./ClientTask.ts"
import type { CaseName } from "./cases.ts"
import { sendByCurl } from "./programs/curl.ts"
import { sendBySwaks } from "./programs/swaks.ts"

export interface Library {
  readonly name: string
  /** Succeeds where the library is installed. */
  readonly check: readonly [command: string, ...args: ReadonlyArray<string>]
  /** It goes through a TLS tunnel, because it speaks no TLS that the gateway would. */
  readonly tunnelled?: true
  /** Cases that it has no means for, with the reason. */
  readonly cannot: Partial<Readonly<Record<CaseName, string>>>
  /** What the library itself makes of a text before it sends it. */
  readonly alters?: (text: string) => string
  /** Once, before `send`; `directory` is the same. */
  readonly prepare: (directory: string) => Effect.Effect<void>
  readonly send: (task: ClientTask, directory: string) => Effect.Effect<ReadonlyArray<Outcome>>
}

const PROGRAMS = "test/clients/programs"

/** Debian's own, for it is the one that has Debian's packages. */
export const PYTHON = "/usr/bin/python3"

const decodeOutcomes = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Outcome)))

/** Runs a program that reads a task and prints outcomes. */
const sendBy =
  (command: string, ...args: ReadonlyArray<string>): Library["send"] =>
  (task, directory) =>
    runProgram(command, args, {
      input: JSON.stringify(task),
      environment: { HOME: directory, PYTHONDONTWRITEBYTECODE: "1" }
    }).pipe(
      Effect.flatMap(({ code, stderr, stdout }) =>
        code === 0
          ? Effect.sync(() => decodeOutcomes(stdout))
          : Effect.die(new Error(`${command} ${args.join(" ")} ended with ${code}: ${stdout}${stderr}`))
      )
    )

const TLS_1_0 = "Mono's client speaks no TLS but 1.0, which the gateway refuses; .NET itself speaks 1.2 and 1.3."

const nothing = () => Effect.void

export const LIBRARIES: ReadonlyArray<Library> = [
  {
    name: "Nodemailer",
    check: ["node", "--version"],
    cannot: {},
    prepare: nothing,
    send: sendBy("node", `${PROGRAMS}/nodemailer.ts`)
  },
  {
    name: "smtplib (Python)",
    check: [PYTHON, "--version"],
    cannot: {},
    alters: (text) => text.replace(/^From /gm, ">From "),
    prepare: nothing,
    send: sendBy(PYTHON, `${PROGRAMS}/smtplib_client.py`)
  },
  {
    name: "aiosmtplib (Python)",
    check: [PYTHON, "-c", "import aiosmtplib"],
    cannot: {},
    prepare: nothing,
    send: sendBy(PYTHON, `${PROGRAMS}/aiosmtplib_client.py`)
  },
  {
    name: "PHPMailer",
    check: ["php", "-r", "require '/usr/share/php/libphp-phpmailer/autoload.php';"],
    cannot: {},
    prepare: nothing,
    send: sendBy("php", `${PROGRAMS}/phpmailer.php`)
  },
  {
    name: "Symfony Mailer",
    check: ["php", "-r", "require '/usr/share/php/Symfony/Component/Mailer/autoload.php';"],
    cannot: {
      "AUTH PLAIN": "It tries LOGIN first, and PLAIN only where LOGIN is refused; version 5.4 has no setting for it."
    },
    prepare: nothing,
    send: sendBy("php", `${PROGRAMS}/symfony_mailer.php`)
  },
  {
    name: "Action Mailer (Rails)",
    check: ["ruby", "-e", "require 'action_mailer'"],
    cannot: { "five mails over one connection": "It opens a connection for each mail." },
    prepare: nothing,
    send: sendBy("ruby", `${PROGRAMS}/action_mailer.rb`)
  },
  {
    name: "net-smtp (Ruby)",
    check: ["ruby", "-e", "require 'net/smtp'; require 'mail'"],
    cannot: {},
    prepare: nothing,
    send: sendBy("ruby", `${PROGRAMS}/net_smtp.rb`)
  },
  {
    name: "System.Net.Mail (.NET, by Mono)",
    check: [
      "sh",
      "-c",
      "mono --version && mcs --version && test -e /usr/lib/mono/4.5/System.Runtime.Serialization.dll"
    ],
    tunnelled: true,
    cannot: {
      "verifies the certificate": TLS_1_0,
      "refuses a certificate of an unknown authority": TLS_1_0,
      "refuses a certificate for another name": TLS_1_0,
      "AUTH PLAIN": "It takes LOGIN where LOGIN is offered, and has no setting for it.",
      "five mails over one connection": "Mono's client opens a connection for each mail; that of .NET keeps one."
    },
    prepare: (directory) =>
      Effect.flatMap(
        runProgram("mcs", [
          `-out:${join(directory, "SystemNetMail.exe")}`,
          "-r:System.Runtime.Serialization.dll",
          `${PROGRAMS}/SystemNetMail.cs`
        ]),
        ({ code, stderr, stdout }) => (code === 0 ? Effect.void : Effect.die(new Error(`mcs: ${stdout}${stderr}`)))
      ),
    send: (task, directory) => sendBy("mono", join(directory, "SystemNetMail.exe"))(task, directory)
  },
  {
    name: "curl",
    check: ["curl", "--version"],
    cannot: {},
    prepare: nothing,
    send: sendByCurl
  },
  {
    name: "swaks",
    check: ["sh", "-c", "swaks --version && perl -MNet::SSLeay -e 1"],
    cannot: {
      "refuses a certificate for another name": "It looks at who signed the certificate, not at the name in it.",
      "inline image": "It gives no part a Content-ID.",
      "five mails over one connection": "It is a program that sends one mail."
    },
    prepare: nothing,
    send: sendBySwaks
  }
]
