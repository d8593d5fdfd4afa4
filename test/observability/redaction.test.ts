/** The process and the command line with marked secrets in every setting that takes one: nothing that they write has any. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { runCommandLine } from "../kit/ClientProgram.ts"
import { startConnectProxy } from "../kit/ConnectProxy.ts"
import { type GatewayProcess, startGatewayProcess } from "../kit/GatewayProcess.ts"
import { beginMail, mailData, sendMail } from "../kit/MailWire.ts"
import { metricsText } from "../kit/metricOf.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { deadPort } from "../kit/ScriptedApi.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"

const MARK = "Quetzal"

/** As it is, and in base64 behind any number of octets: its ends depend on what stands beside it. */
const FORMS = [
  MARK,
  ...[0, 1, 2].map((octets) =>
    Buffer.from(" ".repeat(octets) + MARK)
      .toString("base64")
      .slice(octets + 1, -4)
  )
]

const SECRETS = {
  HTTPS_PROXY: `${MARK}-proxy-1`,
  REDIS_URL: `${MARK}-redis-2`,
  LOG_ADDRESSES_KEY: `${MARK}-addresses-3`,
  OTEL_EXPORTER_OTLP_HEADERS: `${MARK}-collector-4`
}

const assertUnmarked = (texts: Readonly<Record<string, string>>) => {
  for (const [name, text] of Object.entries(texts)) {
    for (const form of FORMS) assert.notInclude(text, form, name)
  }
}

const written = (gateway: GatewayProcess) =>
  Effect.gen(function* () {
    const log = (yield* gateway.log).join("\n")
    return { stdout: log, stderr: yield* gateway.complaints, metrics: yield* metricsText(gateway.httpUrl) }
  })

const has = (gateway: GatewayProcess, text: string) =>
  eventually(Effect.map(gateway.log, (lines) => lines.some((line) => line.includes(text))))

describe("a process whose settings hold secrets", () => {
  it.live("shows none of them while Redis, proxy and collector refuse them", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const proxy = yield* startConnectProxy(407)
        const nobody = yield* deadPort
        const gateway = yield* startGatewayProcess({
          apiUrl: "https://api.example.com",
          environment: {
            LOG_LEVEL: "DEBUG",
            HTTPS_PROXY: proxy.url.replace("//", `//user:${SECRETS.HTTPS_PROXY}@`),
            REDIS_URL: `redis://user:${SECRETS.REDIS_URL}@127.0.0.1:${nobody}/0`,
            LOG_ADDRESSES: "hash",
            LOG_ADDRESSES_KEY: SECRETS.LOG_ADDRESSES_KEY,
            OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${nobody}`,
            OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${SECRETS.OTEL_EXPORTER_OTLP_HEADERS}`,
            OTEL_BSP_SCHEDULE_DELAY: "1"
          }
        })
        const wire = yield* openSecureWire(gateway.smtpPort)
        assert.match((yield* wire.login("someone@example.com", `${MARK}-password`)).raw, /^451 /)
        yield* wire.ask("QUIT")
        yield* has(gateway, "redis_away")
        yield* has(gateway, "spans_lost")
        yield* has(gateway, "api_request_failed")
        const told = { ...(yield* written(gateway)), replies: yield* wire.received }
        yield* gateway.signal("SIGTERM")
        assert.strictEqual(yield* gateway.ended, 0)
        assertUnmarked({ ...told, stdout: (yield* gateway.log).join("\n") })
        assert.notInclude(told.stdout, "someone@", "LOG_ADDRESSES=hash")
        assert.match(told.stdout, /"authenticated_user":"addr_[0-9a-f]{16}"/)
        // They were used, not lost.
        assert.include(String(proxy.authorizations[0]), Buffer.from(`user:${SECRETS.HTTPS_PROXY}`).toString("base64"))
      })
    )
  )

  it.live("shows none of them when they are wrong", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runCommandLine(["gateway"], {
        HTTPS_PROXY: `ftp://user:${MARK}@proxy.example.com`,
        REDIS_URL: `${MARK}://user:${MARK}@redis.example.com`,
        LOG_ADDRESSES_KEY: MARK,
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
        OTEL_EXPORTER_OTLP_HEADERS: `${MARK} without a value`
      })
      assert.strictEqual(code, 1)
      assert.strictEqual(stderr.trim().split("\n").length, 4, stderr)
      assertUnmarked({ stdout, stderr })
    })
  )
})

describe("an exception outside of everything that waits for one", () => {
  it.live("ends the process in order, without its text, and with 1", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const bug = `process.on("SIGUSR2", () => { throw Object.assign(new Error(process.env.HELD), { held: process.env.HELD }) })`
        const gateway = yield* startGatewayProcess({
          apiUrl: sandbox.url,
          environment: {
            HELD: `${MARK}-held`,
            NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(bug)}`
          }
        })
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* sandbox.inject({ endpoint: "emails", what: "latency", latency: 1_000 })
        yield* beginMail(wire)
        yield* wire.send(mailData())
        yield* eventually(Effect.map(sandbox.callsOf("emails"), (calls) => calls === 1))
        yield* gateway.signal("SIGUSR2")
        assert.match((yield* wire.reply).raw, /^250 2\.0\.0 /)
        assert.strictEqual(yield* gateway.ended, 1)
        const stderr = yield* gateway.complaints
        assert.match(stderr, /^uncaught exception: Error\n {4}at /)
        assertUnmarked({ stderr, stdout: (yield* gateway.log).join("\n") })
        yield* has(gateway, "shutdown_complete")
      })
    )
  )
})

describe("the command line", () => {
  it.live("shows no password, right or wrong", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const gateway = yield* startGatewayProcess({ apiUrl: sandbox.url, environment: { LOG_LEVEL: "DEBUG" } })
        const environment = {
          CAKEMAIL_API_URL: sandbox.url,
          SMTP_PASSWORD: `${MARK}-send`,
          CHECK_PASSWORD: `${MARK}-check`,
          REPLAY_PASSWORD: `${MARK}-replay`,
          DEAD_LETTER_DIR: "."
        }
        const to = ["--port", `${gateway.smtpPort}`, "--to", "to@example.com", "--insecure"]
        for (const args of [
          ["send", ...to, "--user", "demo@example.com"],
          ["check", "--login", "demo@example.com"],
          ["replay", "--user", "demo@example.com"]
        ]) {
          const { code, stderr, stdout } = yield* runCommandLine(args, environment)
          assert.strictEqual(code, 1, `${args.join(" ")}: ${stdout}${stderr}`)
          assertUnmarked({ stdout, stderr })
        }
        assert.match(yield* sendMail(yield* openLoggedInWire(gateway.smtpPort)), /^250 /)
        assertUnmarked(yield* written(gateway))
      })
    )
  )
})
