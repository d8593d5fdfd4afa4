import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Effect, FileSystem, Result } from "effect"
import { Command, TerminalCapabilities } from "effect/cli"
import { TestConsole } from "effect/testing"
import { SMTPServer, type SMTPServerOptions } from "smtp-server"
import { insecureByDefault, sendCommand } from "../../src/programs/send.ts"
import { makePair } from "./certificatePair.ts"

const DAY = 86_400_000

/** An SMTP server of the test's scope that keeps what it is sent; `options` change how it answers. */
const startServer = Effect.fnUntraced(function* (options: SMTPServerOptions = {}) {
  const { certificate, key } = yield* makePair({ from: Date.now() - DAY, to: Date.now() + DAY })
  const mails: Array<string> = []
  const logins: Array<string> = []
  const server = new SMTPServer({
    key,
    cert: certificate,
    authOptional: true,
    onAuth: ({ password, username }, _session, done) => {
      logins.push(`${username}/${password}`)
      if (password === "wrong")
        return done(Object.assign(new Error("5.7.8 Authentication failed"), { responseCode: 535 }))
      return done(null, { user: username })
    },
    onData: (stream, _session, done) => {
      const chunks: Array<Buffer> = []
      stream.on("data", (chunk: Buffer) => chunks.push(chunk))
      stream.on("end", () => {
        mails.push(Buffer.concat(chunks).toString())
        done(null, "2.0.0 Message accepted for delivery: id-1")
      })
    },
    ...options
  })
  server.on("error", () => {})
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () => Effect.callback<void>((resume) => server.close(() => resume(Effect.void)))
  )
  const { port } = server.server.address() as AddressInfo
  return { port, mails, logins }
})

/** Runs the command line: whether it succeeded, and what it printed. */
const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const outcome = yield* Effect.result(Command.runWith(sendCommand, { version: "0" })(args))
  const printed = (yield* TestConsole.logLines).join("\n")
  const errors = (yield* TestConsole.errorLines).join("\n")
  return { sent: Result.isSuccess(outcome), printed, errors }
})

const provideAll =
  (env: Record<string, string> = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provideService(TerminalCapabilities.TerminalCapabilities, {
        canColor: false,
        canAnimate: false,
        canPrompt: false
      }),
      Effect.provide([NodeServices.layer, TestConsole.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))])
    )

describe("send", () => {
  it.effect("sends as the demo account to this machine, and prints the reply", () =>
    Effect.gen(function* () {
      const { logins, mails, port } = yield* startServer()
      const { errors, printed, sent } = yield* run(["--to", "you@example.com", "--port", `${port}`])
      assert.strictEqual(errors, "")
      assert.isTrue(sent)
      assert.strictEqual(printed, "250 2.0.0 Message accepted for delivery: id-1")
      assert.deepStrictEqual(logins, ["demo@example.com/demo"])
      assert.match(mails[0] ?? "", /^From: demo@example\.com\r$/m)
      assert.match(mails[0] ?? "", /^To: you@example\.com\r$/m)
      assert.include(mails[0], "This is a test mail")
    }).pipe(provideAll())
  )

  it.effect("bodies, attachments, several recipients, a password from the environment", () =>
    Effect.gen(function* () {
      const { logins, mails, port } = yield* startServer()
      const directory = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      yield* (yield* FileSystem.FileSystem).writeFileString(`${directory}/report.csv`, "a,b\n")
      const flags = "--to a@example.com --to b@example.com --from me@example.com --user me@example.com"
      const { sent } = yield* run([
        ...flags.split(" "),
        "--port",
        `${port}`,
        "--subject",
        "Grüße",
        "--text",
        "plain",
        "--html",
        "<b>rich</b>",
        "--attach",
        `${directory}/report.csv`
      ])
      assert.isTrue(sent)
      assert.deepStrictEqual(logins, ["me@example.com/hunter2"])
      const mail = mails[0] ?? ""
      assert.match(mail, /^To: a@example\.com, b@example\.com\r$/m)
      assert.include(mail, "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=")
      assert.include(mail, "plain")
      assert.include(mail, "<b>rich</b>")
      assert.match(mail, /filename=report\.csv/)
      assert.include(mail, Buffer.from("a,b\n").toString("base64"))
    }).pipe(provideAll({ SMTP_PASSWORD: "hunter2" }))
  )

  it.effect("implicit TLS, and no TLS with no login", () =>
    Effect.gen(function* () {
      const implicit = yield* startServer({ secure: true })
      const plain = yield* startServer({ disabledCommands: ["STARTTLS", "AUTH"] })
      const to = ["--to", "you@example.com", "--port"]
      assert.isTrue((yield* run([...to, `${implicit.port}`, "--tls", "implicit"])).sent)
      assert.isTrue((yield* run([...to, `${plain.port}`, "--tls", "none", "--user", ""])).sent)
      assert.deepStrictEqual([implicit.mails.length, plain.mails.length], [1, 1])
      assert.deepStrictEqual([implicit.logins.length, plain.logins.length], [1, 0])
    }).pipe(provideAll())
  )

  it.effect("a refused login prints the server's reply, and never the password", () =>
    Effect.gen(function* () {
      const { mails, port } = yield* startServer()
      const { errors, printed, sent } = yield* run(["--to", "you@example.com", "--port", `${port}`])
      assert.isFalse(sent)
      assert.strictEqual(printed, "")
      assert.match(errors, /^535 5\.7\.8 Authentication failed \(in reply to AUTH [A-Z]+\)$/)
      assert.notInclude(errors, "wrong")
      assert.deepStrictEqual(mails, [])
    }).pipe(provideAll({ SMTP_PASSWORD: "wrong" }))
  )

  it.effect("a recipient that is refused while others are taken", () =>
    Effect.gen(function* () {
      const { mails, port } = yield* startServer({
        onRcptTo: ({ address }, _session, done) =>
          address.startsWith("no")
            ? done(Object.assign(new Error("5.1.1 No such user"), { responseCode: 550 }))
            : done()
      })
      const { errors, printed, sent } = yield* run([
        "--to",
        "yes@example.com",
        "--to",
        "no@example.com",
        "--port",
        `${port}`
      ])
      assert.isFalse(sent)
      assert.include(printed, "250 2.0.0 Message accepted")
      assert.strictEqual(errors, "refused: no@example.com: 550 5.1.1 No such user")
      assert.strictEqual(mails.length, 1)
    }).pipe(provideAll())
  )

  it.effect("a certificate of nobody's is refused unless --insecure says otherwise", () =>
    Effect.gen(function* () {
      const { mails, port } = yield* startServer()
      const { errors, sent } = yield* run(["--to", "you@example.com", "--port", `${port}`, "--no-insecure"])
      assert.isFalse(sent)
      assert.include(errors, "--insecure accepts any certificate")
      assert.deepStrictEqual(mails, [])
      assert.deepStrictEqual(["127.0.0.1", "localhost", "::1", "smtp.example.com"].map(insecureByDefault), [
        true,
        true,
        true,
        false
      ])
    }).pipe(provideAll())
  )

  it.effect("STARTTLS is insisted on", () =>
    Effect.gen(function* () {
      const { logins, port } = yield* startServer({ disabledCommands: ["STARTTLS"] })
      const { errors, sent } = yield* run(["--to", "you@example.com", "--port", `${port}`])
      assert.isFalse(sent)
      assert.include(errors, "STARTTLS")
      assert.deepStrictEqual(logins, [])
    }).pipe(provideAll())
  )

  it.effect("nobody listening, a missing file, no password: each says what to do", () =>
    Effect.gen(function* () {
      const to = ["--to", "you@example.com"]
      const freed = yield* Effect.scoped(startServer())
      const nobody = yield* run([...to, "--port", `${freed.port}`])
      assert.isFalse(nobody.sent)
      assert.include(nobody.errors, "nobody listens there")
      const file = yield* run([...to, "--attach", "/nowhere/report.csv"])
      assert.isFalse(file.sent)
      assert.include(file.errors, "/nowhere/report.csv cannot be attached (NotFound)")
      const password = yield* run([...to, "--host", "smtp.example.com"])
      assert.isFalse(password.sent)
      assert.include(password.errors, "no password for demo@example.com: give it in SMTP_PASSWORD")
    }).pipe(provideAll())
  )
})
