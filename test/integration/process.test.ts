/** The production process: how it starts, and how it ends. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { runCommandLine } from "../kit/ClientProgram.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { startGatewayProcess } from "../kit/GatewayProcess.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { deadPort } from "../kit/ScriptedApi.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"

it.live("SIGTERM reaches the gateway through npm, which passes on how it ended", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const sandbox = yield* startSandbox()
      const gateway = yield* startGatewayProcess({
        apiUrl: sandbox.url,
        command: ["npm", "run", "--silent", "gateway"]
      })
      const idle = yield* openLoggedInWire(gateway.smtpPort)
      yield* gateway.signal("SIGTERM")
      assert.strictEqual((yield* idle.reply).raw, "421 4.3.2 Service shutting down, try again")
      assert.strictEqual(yield* gateway.ended, 0)
      assert.include((yield* gateway.log).join("\n"), '"event":"shutdown_complete"')
    })
  )
)

describe("while the API is away", () => {
  it.live("the gateway starts, is ready, and puts logins off", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { httpUrl, smtpPort } = yield* startGateway({ apiUrl: `http://127.0.0.1:${yield* deadPort}` })
        const { status } = yield* Effect.promise(() => fetch(`${httpUrl}/health/ready`))
        assert.strictEqual(status, 200)
        const wire = yield* openSecureWire(smtpPort)
        assert.strictEqual(
          (yield* wire.login()).raw,
          "451 4.7.0 Authentication is temporarily unavailable, try again later"
        )
        // Nobody's password was wrong: the connection stays.
        assert.strictEqual((yield* wire.ask("NOOP")).code, 250)
      })
    )
  )
})

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  describe(signal, () => {
    it.live("sends idle clients away, finishes what is at the API, and ends with 0", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const sandbox = yield* startSandbox()
          const gateway = yield* startGatewayProcess({ apiUrl: sandbox.url, environment: { LOG_LEVEL: "DEBUG" } })
          const idle = yield* openLoggedInWire(gateway.smtpPort)
          const busy = yield* openLoggedInWire(gateway.smtpPort)
          yield* sandbox.inject({ endpoint: "emails", what: "latency", latency: 1_000 })
          yield* busy.ask("MAIL FROM:<demo@example.com>")
          yield* busy.ask("RCPT TO:<to@example.com>")
          yield* busy.ask("DATA")
          const reply = yield* Effect.forkScoped(
            busy.ask("From: demo@example.com\r\nSubject: Last\r\n\r\nIt works.\r\n."),
            { startImmediately: true }
          )
          yield* eventually(Effect.map(sandbox.callsOf("emails"), (calls) => calls === 1))

          yield* gateway.signal(signal)
          assert.strictEqual((yield* idle.reply).raw, "421 4.3.2 Service shutting down, try again")
          yield* idle.ended
          assert.match((yield* Fiber.join(reply)).raw, /^250 2\.0\.0 Message accepted for delivery: /)
          yield* busy.ended
          assert.strictEqual(yield* gateway.ended, 0)
          assert.strictEqual((yield* sandbox.captured).length, 1)

          const lines = (yield* gateway.log).map((line): unknown => JSON.parse(line))
          assert.containSubset(lines, [{ event: "shutdown_initiated" }, { event: "shutdown_complete" }])
          assert.notInclude((yield* gateway.log).join("\n"), "shutdown_incomplete")
          for (const line of lines) {
            assert.notProperty(line, "trace_id", "nothing is traced without an exporter")
            assert.property(line, "timestamp")
            assert.property(line, "level")
          }
        })
      )
    )
  })
}

describe("settings that are wrong", () => {
  it.live("end it with 1, every mistake told at once, and no secret", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runCommandLine(["gateway"], {
        SMTP_PORT: "smtp",
        MESSAGE_SIZE_LIMIT: "25 MeB",
        TLS_CERT_PATH: "/tls/tls.crt",
        HTTPS_PROXY: "ftp://user:hunter2@proxy.example.com",
        LOG_LEVEL: "LOUD"
      })
      assert.strictEqual(code, 1)
      const lines = stderr.trim().split("\n")
      for (const start of [
        'SMTP_PORT is "smtp": give ',
        'MESSAGE_SIZE_LIMIT is "25 MeB": give ',
        "TLS_KEY_PATH is not set: give ",
        "HTTPS_PROXY is set to something else (hidden, it is a secret): give ",
        'LOG_LEVEL is "LOUD": give '
      ]) {
        assert.isTrue(
          lines.some((line) => line.startsWith(start)),
          `${start} in\n${stderr}`
        )
      }
      assert.strictEqual(lines.length, 5, stderr)
      assert.notInclude(stdout + stderr, "hunter2")
    })
  )

  it.live("such as a port that is taken end it with 1, and say which", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { smtpPort } = yield* startGateway()
        const { code, stderr, stdout } = yield* runCommandLine(["gateway"], {
          SMTP_HOST: "127.0.0.1",
          SMTP_PORT: `${smtpPort}`,
          HTTP_HOST: "127.0.0.1",
          HTTP_PORT: "0"
        })
        assert.strictEqual(code, 1)
        assert.match(stderr, new RegExp(`^cannot listen on port ${smtpPort}: .*EADDRINUSE.*\\n$`))
        assert.notInclude(stdout, "smtp_listening")
      })
    )
  )
})
