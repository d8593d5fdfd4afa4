import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Effect, FileSystem, Result } from "effect"
import { Command } from "effect/cli"
import { TestConsole } from "effect/testing"
import { migrateCommand } from "../../src/programs/migrate.ts"
import { startGateway } from "../kit/GatewayKit.ts"

/** Runs the command line: whether it succeeded, and what it printed. */
const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const outcome = yield* Effect.result(Command.runWith(migrateCommand, { version: "0" })(args))
  const lines = yield* TestConsole.logLines
  const errors = (yield* TestConsole.errorLines).join("\n")
  return { succeeded: Result.isSuccess(outcome), lines: lines.map(String), errors }
})

const provideAll =
  (env: Record<string, string> = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provide([NodeServices.layer, TestConsole.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))]),
      Effect.scoped
    )

const dotEnvFile = Effect.fnUntraced(function* (...lines: ReadonlyArray<string>) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = `${yield* fileSystem.makeTempDirectoryScoped()}/.env`
  yield* fileSystem.writeFileString(path, lines.join("\n"))
  return path
})

const LARAVEL = [
  "MAIL_HOST=smtp.sendgrid.net",
  "MAIL_PORT=2525",
  "MAIL_USERNAME=apikey",
  "MAIL_PASSWORD=SG.hunter2",
  "MAIL_ENCRYPTION=tls",
  "MAIL_FROM_ADDRESS=demo@example.com"
]

describe("migrate", () => {
  it.effect("prints the new settings apart from what there is to know about them", () =>
    Effect.gen(function* () {
      const { errors, lines, succeeded } = yield* run([yield* dotEnvFile(...LARAVEL), "--host", "smtp.example.com"])
      assert.isTrue(succeeded)
      assert.deepStrictEqual(lines, [
        "MAIL_HOST=smtp.example.com",
        "MAIL_PORT=587",
        "MAIL_USERNAME=apikey",
        "MAIL_PASSWORD=cakemail-password-or-token",
        "MAIL_ENCRYPTION=tls"
      ])
      assert.include(errors, "- SendGrid: X-SMTPAPI is understood")
      assert.notInclude(errors, "hunter2")
    }).pipe(provideAll())
  )

  it.effect("takes a URL, and what the flags say", () =>
    Effect.gen(function* () {
      const flags = ["--host", "smtp.example.com", "--port", "2465", "--tls", "implicit", "--user", "me@example.com"]
      const { lines } = yield* run(["smtp://u:hunter2@smtp.mailgun.org:587", ...flags])
      assert.deepStrictEqual(lines, ["smtps://me%40example.com:cakemail-password-or-token@smtp.example.com:2465"])
    }).pipe(provideAll({ MIGRATE_PASSWORD: "new secret" }))
  )

  it.effect("leaves a place for the host name of a gateway that nobody knows yet", () =>
    Effect.gen(function* () {
      const { errors, lines, succeeded } = yield* run([yield* dotEnvFile("SMTP_HOST=smtp.mailgun.org")])
      assert.isTrue(succeeded)
      assert.deepStrictEqual(lines, ["SMTP_HOST=your-gateway.example.com"])
      assert.include(errors, "Put the gateway's host name where it says your-gateway.example.com")
    }).pipe(provideAll())
  )

  it.effect("writes the new password only when it is told to", () =>
    Effect.gen(function* () {
      const file = yield* dotEnvFile("SMTP_HOST=smtp.mailgun.org", "SMTP_PASS=hunter2")
      const hidden = yield* run([file, "--host", "h"])
      assert.notInclude(hidden.lines.join() + hidden.errors, "new secret")
      const shown = yield* run([file, "--host", "h", "--show-password"])
      assert.include(shown.lines, 'SMTP_PASS="new secret"')
    }).pipe(provideAll({ MIGRATE_PASSWORD: "new secret" }))
  )

  it.effect("says why nothing can be made of a source, and shows nothing of a URL", () =>
    Effect.gen(function* () {
      const host = ["--host", "h"]
      const none = yield* run(["/nowhere/.env", ...host])
      assert.isFalse(none.succeeded)
      assert.include(none.errors, "/nowhere/.env cannot be read (NotFound)")
      const empty = yield* run([yield* dotEnvFile("APP_NAME=Shop"), ...host])
      assert.isFalse(empty.succeeded)
      assert.include(empty.errors, "has no settings for mail")
      const url = yield* run(["https://u:hunter2@example.com", ...host])
      assert.isFalse(url.succeeded)
      assert.include(url.errors, "the URL is none of a mail server")
      assert.notInclude(url.errors, "hunter2")
      const password = yield* run([yield* dotEnvFile(...LARAVEL), ...host, "--show-password"])
      assert.isFalse(password.succeeded)
      assert.include(password.errors, "no password: give MIGRATE_PASSWORD")
    }).pipe(provideAll())
  )
})

describe("migrate --test", () => {
  it.live("sends a mail through the gateway with the new settings", () =>
    Effect.gen(function* () {
      const { sandbox, smtpPort } = yield* startGateway()
      const gateway = ["--host", "127.0.0.1", "--port", `${smtpPort}`, "--test", "you@example.com"]
      const { errors, lines, succeeded } = yield* run([yield* dotEnvFile(...LARAVEL), ...gateway])
      assert.isTrue(succeeded, errors)
      assert.match(errors, /^250 2\.0\.0 Message accepted for delivery: /m)
      assert.include(lines, `MAIL_PORT=${smtpPort}`)
      const [captured] = yield* sandbox.captured
      assert.strictEqual(captured?.sender.address, "demo@example.com")
      assert.strictEqual(captured?.recipient.address, "you@example.com")
      assert.strictEqual(captured?.subject, "Test of the new mail settings")
    }).pipe(provideAll({ MIGRATE_PASSWORD: `ck_pat_${"de30".repeat(10)}` }))
  )

  it.live("needs no user name beside a personal access token", () =>
    Effect.gen(function* () {
      const { sandbox, smtpPort } = yield* startGateway()
      const gateway = ["--host", "127.0.0.1", "--port", `${smtpPort}`, "--test", "you@example.com"]
      const file = yield* dotEnvFile("SMTP_HOST=smtp.postmarkapp.com", "POSTMARK_TOKEN=t", "MAIL_FROM=demo@example.com")
      const { errors, succeeded } = yield* run([file, ...gateway])
      assert.isTrue(succeeded, errors)
      assert.strictEqual((yield* sandbox.captured)[0]?.sender.address, "demo@example.com")
    }).pipe(provideAll({ MIGRATE_PASSWORD: `ck_pat_${"de30".repeat(10)}` }))
  )

  it.live("uses TLS from the start where the old settings did", () =>
    Effect.gen(function* () {
      const { sandbox, smtpPort } = yield* startGateway({
        settings: { smtp: { ports: [{ port: 0, implicitTls: true }] } }
      })
      const gateway = ["--host", "127.0.0.1", "--port", `${smtpPort}`, "--test", "you@example.com"]
      const user = ["--user", "demo@example.com"]
      const { errors, succeeded } = yield* run(["smtps://u:p@smtp.resend.com", ...gateway, ...user])
      assert.isTrue(succeeded, errors)
      assert.strictEqual((yield* sandbox.captured).length, 1)
    }).pipe(provideAll({ MIGRATE_PASSWORD: "demo" }))
  )

  it.live("fails with the gateway's reply, and shows no password", () =>
    Effect.gen(function* () {
      const { sandbox, smtpPort } = yield* startGateway()
      const gateway = ["--host", "127.0.0.1", "--port", `${smtpPort}`, "--test", "you@example.com"]
      const { errors, lines, succeeded } = yield* run([yield* dotEnvFile(...LARAVEL), ...gateway])
      assert.isFalse(succeeded)
      assert.match(errors, /^535 5\.7\.8 Authentication failed/m)
      assert.notInclude(errors + lines.join(), "wrong")
      assert.strictEqual((yield* sandbox.captured).length, 0)
    }).pipe(provideAll({ MIGRATE_PASSWORD: "wrong one" }))
  )

  it.effect("says what is missing", () =>
    Effect.gen(function* () {
      const args = ["--host", "127.0.0.1", "--port", "1", "--test", "you@example.com"]
      const user = yield* run([yield* dotEnvFile("SMTP_HOST=h"), ...args])
      assert.include(user.errors, "no user name: give --user")
      const from = yield* run([yield* dotEnvFile("SMTP_HOST=h", "SMTP_USER=apikey"), ...args])
      assert.include(from.errors, "no From address: give --from")
      const host = yield* run([yield* dotEnvFile("SMTP_HOST=h"), "--test", "you@example.com"])
      assert.include(host.errors, "no host name of the gateway: give --host")
      const nobody = yield* run([yield* dotEnvFile("SMTP_HOST=h"), ...args, "--user", "me@example.com"])
      assert.include(nobody.errors, "nobody listens there")
    }).pipe(provideAll({ MIGRATE_PASSWORD: "p" }))
  )
})
