/** docs/clients.md: its examples are sent, and its tables are those of the suite. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Ended, runProgram, withClient } from "../kit/ClientProgram.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { SMTP } from "./cases.ts"
import { LIBRARIES, PYTHON } from "./libraries.ts"
import { openTlsTunnel } from "./TlsTunnel.ts"
import { HOST, Workshop, WorkshopLive } from "./Workshop.ts"

interface Example {
  readonly library: string
  readonly file: string
  /** Runs the example: its text, or the file at `path` that has it. */
  readonly run: (text: string, path: string, environment: Readonly<Record<string, string>>) => Effect.Effect<Ended>
  /** Where a package lies on this machine, by what the example calls it. */
  readonly replace?: readonly [string, string]
}

const runFile =
  (command: string, ...args: ReadonlyArray<string>): Example["run"] =>
  (_text, path, environment) =>
    runProgram(command, [...args, path], { environment })

const PHP_AUTOLOAD = "vendor/autoload.php"

const EXAMPLES: ReadonlyArray<Example> = [
  {
    library: "Nodemailer",
    file: "nodemailer.js",
    run: (text, _path, environment) => runProgram("node", ["--input-type=module", "-"], { input: text, environment })
  },
  { library: "smtplib (Python)", file: "smtplib_example.py", run: runFile(PYTHON) },
  { library: "aiosmtplib (Python)", file: "aiosmtplib_example.py", run: runFile(PYTHON) },
  {
    library: "PHPMailer",
    file: "phpmailer.php",
    run: runFile("php"),
    replace: [PHP_AUTOLOAD, "/usr/share/php/libphp-phpmailer/autoload.php"]
  },
  {
    library: "Symfony Mailer",
    file: "symfony_mailer.php",
    run: runFile("php"),
    replace: [PHP_AUTOLOAD, "/usr/share/php/Symfony/Component/Mailer/autoload.php"]
  },
  { library: "Action Mailer (Rails)", file: "action_mailer.rb", run: runFile("ruby") },
  { library: "net-smtp (Ruby)", file: "net_smtp.rb", run: runFile("ruby") },
  {
    library: "System.Net.Mail (.NET, by Mono)",
    file: "SystemNetMail.cs",
    // By the tunnel, as in the matrix.
    replace: ["EnableSsl = true", "EnableSsl = false"],
    run: (_text, path, environment) =>
      Effect.andThen(
        runProgram("mcs", [`-out:${path}.exe`, path]),
        runProgram("mono", [`${path}.exe`], { environment })
      )
  },
  { library: "curl", file: "curl.sh", run: runFile("sh") },
  { library: "swaks", file: "swaks.sh", run: runFile("sh") }
]

const read = (path: string): string => readFileSync(path, "utf8")

const page = read("docs/clients.md")

describe("examples of docs/clients.md", () => {
  layer(WorkshopLive, { excludeTestServices: true, timeout: 60_000 })((it) => {
    for (const { file, library, replace, run } of EXAMPLES) {
      const { check, tunnelled } = LIBRARIES.find(({ name }) => name === library)!
      const send = Effect.gen(function* () {
        const { ca, caPem, directory, tls } = yield* Workshop
        const { sandbox, smtpPorts } = yield* startGateway({ settings: { smtp: SMTP, tls } })
        const [starttls, implicitTls] = smtpPorts.map(({ port }) => port)
        const port = tunnelled === true ? yield* openTlsTunnel(implicitTls!, caPem) : starttls!
        const text = [
          ["smtp.example.com", HOST],
          ["587", `${port}`],
          ["you@example.com", "demo@example.com"],
          ["you%40example.com", "demo%40example.com"],
          ...(replace === undefined ? [] : [replace])
        ].reduce((edited, [from = "", to = ""]) => edited.replaceAll(from, to), read(`test/clients/examples/${file}`))
        const path = join(directory, `example-${file}`)
        writeFileSync(path, text)
        // Each verifies the certificate by the authorities of the machine: the test's is the only one there.
        const trust = { NODE_EXTRA_CA_CERTS: ca, SSL_CERT_FILE: ca, CURL_CA_BUNDLE: ca }
        const { code, stderr, stdout } = yield* run(text, path, { ...trust, HOME: directory, SMTP_PASSWORD: "demo" })
        assert.strictEqual(code, 0, `${stdout}${stderr}`)
        const [captured, ...others] = yield* sandbox.captured
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(captured?.sender, { name: "You", address: "demo@example.com" })
        assert.strictEqual(captured?.recipient.address, "customer@example.com")
        assert.strictEqual(captured?.subject, "Your receipt")
        assert.strictEqual(captured?.text?.trimEnd(), "Thank you.")
        assert.strictEqual(captured?.html?.trimEnd(), "<p>Thank you.</p>")
      })
      describe.runIf(withClient(library, ...check))(library, () => {
        it.effect(file, () => send, 60_000)
      })
    }
  })
})

describe("docs/clients.md", () => {
  it("has an example for each library, as it is in the suite", () => {
    const blocks = [...page.matchAll(/^<!-- example: (\S+) -->\n+```\w+\n(.*?)^```$/gms)]
    for (const [, path = "", block] of blocks) assert.strictEqual(block, read(path), path)
    assert.deepStrictEqual(
      blocks.map(([, path]) => path).toSorted(),
      EXAMPLES.map(({ file }) => `test/clients/examples/${file}`).toSorted()
    )
    assert.deepStrictEqual(
      EXAMPLES.map(({ library }) => library),
      LIBRARIES.map(({ name }) => name)
    )
  })

  it("says what each library cannot do, and why", () => {
    const rows = LIBRARIES.flatMap(({ cannot, name }) =>
      Object.entries(cannot).map(([each, reason]) => `| ${name} | ${each} | ${reason} |`)
    )
    assert.deepStrictEqual(
      page
        .split("\n")
        .filter((line) =>
          LIBRARIES.some(({ name }) => line.startsWith(`| ${name} | `) && /^\|(?:[^|]+\|){3}$/.test(line))
        ),
      rows
    )
  })
})
