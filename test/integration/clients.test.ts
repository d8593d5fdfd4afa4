/** Clients of other makes against the whole gateway: what they send arrives, and they understand what they are told. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { type Ended, runProgram, withClient } from "../kit/ClientProgram.ts"
import { startGateway } from "../kit/GatewayKit.ts"

type Gateway = Effect.Success<ReturnType<typeof startGateway>>

const run = (name: string, test: (gateway: Gateway) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(Effect.flatMap(startGateway({ settings: SETTINGS }), test)))

/** Mails of 100 kB are too large, and yet small enough to be read to their end. */
const SETTINGS = { smtp: { messageSizeLimit: 65_536 } }

const ACCEPTED = /250 2\.0\.0 Message accepted for delivery: \S+/

/** How many connections the gateway has had. */
const connections = ({ httpUrl }: Gateway) =>
  Effect.promise(async () => {
    const text = await (await fetch(`${httpUrl}/metrics`)).text()
    return Number(/^smtp_connections_total\{status="accepted"\} (\d+)$/m.exec(text)?.[1])
  })

const recipientsOf = ({ sandbox }: Gateway) =>
  Effect.map(sandbox.captured, (captured) => captured.map(({ recipient }) => recipient.address).toSorted())

const subjectsOf = ({ sandbox }: Gateway) =>
  Effect.map(sandbox.captured, (captured) => captured.map(({ subject }) => subject))

describe.runIf(withClient("smtplib", "python3", "--version"))("Python's smtplib", () => {
  const smtplib = (scenario: string, { smtpPort }: Gateway) =>
    Effect.map(runProgram("python3", ["test/clients/smtplib_client.py", scenario, `${smtpPort}`]), (ended): unknown => {
      assert.strictEqual(ended.code, 0, ended.stderr)
      return JSON.parse(ended.stdout)
    })

  run("plain, with non-ASCII subject, name and text", (gateway) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* smtplib("plain", gateway), { refused: {} })
      const [captured] = yield* gateway.sandbox.captured
      assert.strictEqual(captured?.subject, "Grüße")
      assert.strictEqual(captured?.text?.trimEnd(), "It works. Grüße!")
      assert.deepStrictEqual(captured?.sender, { address: "demo@example.com", name: "Zoë Demo" })
    })
  )

  run("HTML with a text alternative", (gateway) =>
    Effect.gen(function* () {
      yield* smtplib("alternative", gateway)
      const [captured] = yield* gateway.sandbox.captured
      assert.strictEqual(captured?.text?.trimEnd(), "It works. Grüße!")
      assert.strictEqual(captured?.html?.trimEnd(), "<p>It works. <b>Grüße!</b></p>")
    })
  )

  run("an attachment, byte for byte", (gateway) =>
    Effect.gen(function* () {
      yield* smtplib("attachment", gateway)
      const [captured] = yield* gateway.sandbox.captured
      assert.strictEqual(captured?.attachments.length, 1)
      assert.match(captured?.attachments[0]?.fileName ?? "", /^[A-Za-z0-9_-]+2026\.pdf$/)
      assert.deepStrictEqual(
        Buffer.from(captured?.attachmentBase64(0) ?? "", "base64"),
        Buffer.from(Array.from({ length: 256 }, (_, octet) => octet))
      )
    })
  )

  run("three recipients, one of them hidden", (gateway) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* smtplib("recipients", gateway), { refused: {} })
      assert.deepStrictEqual(yield* recipientsOf(gateway), ["hidden@example.com", "one@example.com", "two@example.com"])
      for (const { payload, recipient } of yield* gateway.sandbox.captured) {
        if (recipient.address !== "hidden@example.com") assert.notInclude(JSON.stringify(payload), "hidden")
      }
    })
  )

  run("a wrong password: the client sees its 535, and one call was made", (gateway) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* smtplib("wrong_password", gateway), {
        error: "SMTPAuthenticationError",
        code: 535,
        text: "5.7.8 Authentication failed"
      })
      // It tries PLAIN, then LOGIN: the second answer comes from memory.
      assert.strictEqual(yield* gateway.sandbox.callsOf("token"), 1)
    })
  )

  run("five mails over one connection", (gateway) =>
    Effect.gen(function* () {
      yield* smtplib("reuse", gateway)
      assert.deepStrictEqual(yield* subjectsOf(gateway), ["Mail 0", "Mail 1", "Mail 2", "Mail 3", "Mail 4"])
      assert.strictEqual(yield* connections(gateway), 1)
      assert.strictEqual(yield* gateway.sandbox.callsOf("token"), 1)
    })
  )

  run("too large a mail by its SIZE: 552 at MAIL, then a good one on the same connection", (gateway) =>
    Effect.gen(function* () {
      const answer = yield* smtplib("oversize_declared", gateway)
      assert.propertyVal(answer, "code", 552)
      assert.propertyVal(answer, "error", "SMTPSenderRefused")
      assert.deepStrictEqual(yield* subjectsOf(gateway), ["After the large one"])
      assert.strictEqual(yield* connections(gateway), 1)
    })
  )

  run("too large a mail by its data: 552 after it, then a good one on the same connection", (gateway) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* smtplib("oversize_undeclared", gateway), {
        code: 552,
        text: "5.3.4 Message too large: the limit is 65536 bytes"
      })
      assert.deepStrictEqual(yield* subjectsOf(gateway), ["After the large one"])
      assert.strictEqual(yield* connections(gateway), 1)
    })
  )
})

const words = (text: string): ReadonlyArray<string> => text.split(" ")

const HELLO = "From: demo@example.com\r\nTo: one@example.com\r\nSubject: Hello\r\n\r\nIt works.\r\n"

describe.runIf(withClient("curl", "curl", "--version"))("curl", () => {
  const curl = ({ smtpPort }: Gateway, recipients: ReadonlyArray<string>, user = "demo@example.com:demo") =>
    runProgram(
      "curl",
      [
        ...words("--silent --show-error --verbose --ssl-reqd --insecure --upload-file - --mail-from demo@example.com"),
        ...recipients.flatMap((recipient) => ["--mail-rcpt", recipient]),
        "--url",
        `smtp://127.0.0.1:${smtpPort}`,
        "--user",
        user
      ],
      { input: HELLO }
    )

  run("plain", (gateway) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* curl(gateway, ["one@example.com"])
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, ACCEPTED)
      const [captured] = yield* gateway.sandbox.captured
      assert.strictEqual(captured?.subject, "Hello")
      assert.strictEqual(captured?.text?.trimEnd(), "It works.")
    })
  )

  run("several recipients", (gateway) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* curl(gateway, ["one@example.com", "two@example.com", "three@example.com"])
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, /\(\+2 more\)/)
      assert.deepStrictEqual(yield* recipientsOf(gateway), ["one@example.com", "three@example.com", "two@example.com"])
    })
  )

  run("a wrong password", (gateway) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* curl(gateway, ["one@example.com"], "demo@example.com:wrong")
      // CURLE_LOGIN_DENIED
      assert.strictEqual(code, 67)
      assert.include(stderr, "535 5.7.8 Authentication failed")
      assert.deepStrictEqual(yield* gateway.sandbox.captured, [])
    })
  )
})

describe.runIf(withClient("swaks with TLS", "sh", "-c", "swaks --version && perl -MNet::SSLeay -e 1"))("swaks", () => {
  const swaks = ({ smtpPort }: Gateway, ...more: ReadonlyArray<string>): Effect.Effect<Ended> =>
    runProgram("swaks", [
      ...words(`--server 127.0.0.1 --port ${smtpPort} --tls --auth-user demo@example.com --from demo@example.com`),
      ...words("--to one@example.com,two@example.com"),
      ...more
    ])

  for (const mechanism of ["PLAIN", "LOGIN"]) {
    run(`plain, by AUTH ${mechanism}`, (gateway) =>
      Effect.gen(function* () {
        const { code, stdout } = yield* swaks(gateway, "--auth", mechanism, "--auth-password", "demo")
        assert.strictEqual(code, 0, stdout)
        assert.match(stdout, ACCEPTED)
        assert.deepStrictEqual(yield* recipientsOf(gateway), ["one@example.com", "two@example.com"])
      })
    )
  }

  run("an attachment", (gateway) =>
    Effect.gen(function* () {
      const attachment = ["--attach-type", "text/csv", "--attach-name", "data.csv", "--attach", "a,b\n1,2\n"]
      const { code, stdout } = yield* swaks(gateway, "--auth-password", "demo", ...attachment)
      assert.strictEqual(code, 0, stdout)
      const [captured] = yield* gateway.sandbox.captured
      assert.strictEqual(captured?.attachments[0]?.fileName, "data.csv")
    })
  )

  run("a wrong password", (gateway) =>
    Effect.gen(function* () {
      const { code, stdout } = yield* swaks(gateway, "--auth", "PLAIN", "--auth-password", "wrong")
      // "Error, authentication failed"
      assert.strictEqual(code, 28)
      assert.include(stdout, "535 5.7.8 Authentication failed")
    })
  )
})
