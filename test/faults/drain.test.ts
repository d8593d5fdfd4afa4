/** A process that is told to end while somebody is in the middle of something. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { type GatewayProcess, startGatewayProcess } from "../kit/GatewayProcess.ts"
import { beginMail, mailData } from "../kit/MailWire.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"

const loggedTimes = (gateway: GatewayProcess, event: string) =>
  Effect.map(gateway.log, (lines) => lines.filter((line) => line.includes(`"event":"${event}"`)).length)

const eventsOf = (gateway: GatewayProcess) =>
  Effect.map(gateway.log, (lines) =>
    lines.map((line) => JSON.parse(line) as { readonly event: string; readonly authenticated_user?: string })
  )

/** Once it says so, it has taken notice of the signal. */
const draining = (gateway: GatewayProcess) =>
  eventually(Effect.map(loggedTimes(gateway, "shutdown_initiated"), (times) => times === 1))

describe("SIGTERM", () => {
  it.live("while the API hangs: who waits for it is told to come again, and the process ends by SHUTDOWN_TIMEOUT", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { callsOf, captured, inject, url } = yield* startSandbox()
        const gateway = yield* startGatewayProcess({
          apiUrl: url,
          // Longer than the test may take: only the end of SHUTDOWN_TIMEOUT ends the calls.
          environment: {
            LOG_LEVEL: "DEBUG",
            SHUTDOWN_TIMEOUT: "2",
            API_TIMEOUT: "120",
            AUTH_TIMEOUT: "120",
            SUBMIT_DEADLINE: "240"
          }
        })
        const submitting = yield* openLoggedInWire(gateway.smtpPort)
        const loggingIn = yield* openSecureWire(gateway.smtpPort)
        const idle = yield* openLoggedInWire(gateway.smtpPort)
        const logins = yield* callsOf("token")
        yield* inject({ endpoint: "emails", what: "hang" }, { endpoint: "token", what: "hang" })
        assert.strictEqual((yield* beginMail(submitting)).code, 354)
        const submission = yield* Effect.forkChild(Effect.andThen(submitting.send(mailData()), submitting.reply))
        const login = yield* Effect.forkChild(loggingIn.login("other@example.com", "secret"))
        yield* eventually(Effect.map(callsOf("emails"), (calls) => calls === 1))
        yield* eventually(Effect.map(callsOf("token"), (calls) => calls === logins + 1))

        yield* gateway.signal("SIGTERM")
        assert.match((yield* idle.reply).raw, /^421 4\.3\.2 /)
        assert.match((yield* Fiber.join(submission)).raw, /^421 4\.3\.2 /)
        assert.match((yield* Fiber.join(login)).raw, /^421 4\.3\.2 /)
        assert.strictEqual(yield* gateway.ended, 0)
        assert.strictEqual(yield* callsOf("emails"), 1)
        assert.strictEqual((yield* captured).length, 0)
        assert.strictEqual(yield* loggedTimes(gateway, "shutdown_incomplete"), 1)
        const lines = yield* eventsOf(gateway)
        const [summary, ...others] = lines.filter(({ event }) => event === "email_received")
        assert.deepStrictEqual(others, [])
        assert.containSubset(summary, { result: "failure", error_type: "ShuttingDown", api_calls: 1 })
        assert.strictEqual(lines.at(-1)?.event, "shutdown_complete")
        for (const line of lines) assert.strictEqual("session_id" in line, "correlation_id" in line, line.event)
        const users = lines.flatMap((line) => (line.event === "connection_closed" ? [line.authenticated_user] : []))
        assert.sameMembers(users, ["demo@example.com", "demo@example.com", undefined])
      })
    )
  )

  it.live("while a call fails: no retry is begun, and the client is told to come again", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { callsOf, inject, url } = yield* startSandbox()
        const gateway = yield* startGatewayProcess({ apiUrl: url, environment: { SHUTDOWN_TIMEOUT: "20" } })
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* inject({ endpoint: "emails", what: "status", status: 503, latency: 1_500 })
        yield* beginMail(wire)
        const submission = yield* Effect.forkChild(Effect.andThen(wire.send(mailData()), wire.reply))
        yield* eventually(Effect.map(callsOf("emails"), (calls) => calls === 1))
        yield* gateway.signal("SIGTERM")
        yield* draining(gateway)
        assert.match((yield* Fiber.join(submission)).raw, /^451 4\.3\.0 /)
        assert.match((yield* wire.reply).raw, /^421 4\.3\.2 /)
        assert.strictEqual(yield* gateway.ended, 0)
        assert.strictEqual(yield* callsOf("emails"), 1)
      })
    )
  )

  it.live("again, and SIGINT behind it: the drain goes on, and what was begun is finished", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { captured, url } = yield* startSandbox()
        const gateway = yield* startGatewayProcess({ apiUrl: url, environment: { SHUTDOWN_TIMEOUT: "20" } })
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        assert.strictEqual((yield* beginMail(wire)).code, 354)
        yield* wire.send("From: demo@example.com\r\nSubject: begun\r\n")
        yield* gateway.signal("SIGTERM")
        yield* draining(gateway)
        yield* gateway.signal("SIGTERM")
        yield* gateway.signal("SIGINT")
        // It answers after the signals have come in, and says what it said before.
        assert.strictEqual(yield* gateway.readiness, 503)
        yield* wire.send("\r\nfinished\r\n.\r\n")
        assert.match((yield* wire.reply).raw, /^250 2\.0\.0 /)
        assert.match((yield* wire.reply).raw, /^421 4\.3\.2 /)
        assert.strictEqual(yield* gateway.ended, 0)
        assert.deepStrictEqual(
          (yield* captured).map(({ subject }) => subject),
          ["begun"]
        )
        assert.strictEqual(yield* loggedTimes(gateway, "shutdown_initiated"), 1)
        assert.strictEqual(yield* loggedTimes(gateway, "shutdown_complete"), 1)
      })
    )
  )
})
