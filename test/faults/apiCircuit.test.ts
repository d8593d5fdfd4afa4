/** The circuit to the API over the wire. The clock is the test's: five minutes pass when it says so. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { GatewaySettings } from "../../src/services/GatewayConfig.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"

type Gateway = Effect.Success<ReturnType<typeof startGateway>>

const ACCEPTED = /^250 /
const FAILURE = /^451 4\.3\.0 /
const OPEN = "451 4.3.2 Service temporarily unavailable"

type Contract = "email-api-v2" | "gateway-v1"

/** Draining waits on the clock, so that it has to go on while the gateway is shut down. */
const runOn =
  (contract: Contract) =>
  <E>(
    name: string,
    test: (gateway: Gateway) => Effect.Effect<void, E, Scope.Scope>,
    api: Partial<GatewaySettings["api"]> = {}
  ) =>
    it.effect(name, () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const settings = { api: { contract, maxRetries: 0, ...api } } as const
        const gateway = yield* Scope.provide(startGateway({ settings }), scope)
        yield* Effect.ensuring(
          Effect.scoped(test(gateway)),
          Effect.gen(function* () {
            const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
            yield* eventually(Effect.map(TestClock.adjust("50 millis"), () => closing.pollUnsafe() !== undefined))
          })
        )
      })
    )

const callsOf = ({ sandbox }: Gateway) => Effect.map(sandbox.sandbox.calls.summary, ({ total }) => total)

const stateOf = ({ httpUrl }: Gateway) => metricOf(httpUrl, "smtp_circuit_breaker_state")

/** Calls of the first mail beside its submission: the senders are listed. */
const PREPARING = { "email-api-v2": 1, "gateway-v1": 0 } as const

/** Mails that make five good calls, the login among them. */
const MAILS = { "email-api-v2": 3, "gateway-v1": 4 } as const

/** Five good calls, and five failures, two of them logins: open. */
const openCircuit = Effect.fnUntraced(function* (gateway: Gateway, contract: Contract) {
  const wire = yield* openLoggedInWire(gateway.smtpPort)
  for (let mail = 0; mail < MAILS[contract]; mail++) assert.match(yield* sendMail(wire), ACCEPTED)
  yield* gateway.sandbox.inject({ endpoint: "*", what: "status", status: 500 })
  const stranger = yield* openSecureWire(gateway.smtpPort)
  for (let login = 0; login < 2; login++) {
    assert.match((yield* stranger.login("other@example.com", `p${login}`)).raw, /^451 4\.7\.0 /)
  }
  for (let mail = 0; mail < 2; mail++) assert.match(yield* sendMail(wire), FAILURE)
  assert.strictEqual(yield* stateOf(gateway), 0)
  assert.strictEqual(yield* callsOf(gateway), 9)
  assert.match(yield* sendMail(wire), FAILURE)
  assert.strictEqual(yield* stateOf(gateway), 1)
  assert.strictEqual(yield* callsOf(gateway), 10)
  return wire
})

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  describe(`the circuit, ${contract},`, () => {
    const run = runOn(contract)

    run("opens at ten calls half of which failed, logins and mails together; then nothing is called", (gateway) =>
      Effect.gen(function* () {
        const wire = yield* openCircuit(gateway, contract)
        yield* gateway.sandbox.inject()
        for (let mail = 0; mail < 5; mail++) assert.strictEqual(yield* sendMail(wire), OPEN)
        const stranger = yield* openSecureWire(gateway.smtpPort)
        assert.strictEqual((yield* stranger.login("other@example.com", "x")).raw, OPEN)
        // A login that is remembered passes; its mail does not.
        const cached = yield* openSecureWire(gateway.smtpPort)
        assert.match((yield* cached.login()).raw, /^235 /)
        assert.strictEqual(yield* sendMail(cached), OPEN)
        assert.strictEqual(yield* callsOf(gateway), 10)
        assert.strictEqual((yield* gateway.sandbox.captured).length, MAILS[contract])
      })
    )

    run("opens by logins that hang, each to its time-out", (gateway) =>
      Effect.gen(function* () {
        yield* gateway.sandbox.inject({ endpoint: "*", what: "hang" })
        const wires = yield* Effect.forEach(Array.from({ length: 10 }), () => openSecureWire(gateway.smtpPort))
        const logins = yield* Effect.forEach(wires, (wire, index) =>
          Effect.forkChild(wire.login(`user${index}@example.com`, "x"))
        )
        yield* eventually(Effect.map(callsOf(gateway), (calls) => calls === 10))
        yield* TestClock.adjust("4999 millis")
        assert.strictEqual(yield* stateOf(gateway), 0)
        yield* TestClock.adjust("1 millis")
        for (const login of logins) assert.match((yield* Fiber.join(login)).raw, /^451 4\.7\.0 /)
        assert.strictEqual(yield* stateOf(gateway), 1)
        assert.strictEqual((yield* wires[0]!.login("user0@example.com", "x")).raw, OPEN)
        assert.strictEqual(yield* callsOf(gateway), 10)
      })
    )

    run("is not opened by clients that hang up while their login is asked about", (gateway) =>
      Effect.gen(function* () {
        yield* gateway.sandbox.inject({ endpoint: "*", what: "hang" })
        for (let attempt = 0; attempt < 12; attempt++) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const wire = yield* openSecureWire(gateway.smtpPort)
              yield* Effect.forkChild(wire.login(`user${attempt}@example.com`, "x"))
              yield* eventually(Effect.map(callsOf(gateway), (calls) => calls === attempt + 1))
            })
          )
        }
        yield* eventually(Effect.map(metricOf(gateway.httpUrl, "smtp_active_connections"), (open) => open === 0))
        assert.strictEqual(yield* stateOf(gateway), 0)
      })
    )

    run(
      "opens by submissions that SUBMIT_DEADLINE breaks off before API_TIMEOUT does",
      (gateway) =>
        Effect.gen(function* () {
          const wires = yield* Effect.forEach(Array.from({ length: 10 }), () => openLoggedInWire(gateway.smtpPort))
          yield* gateway.sandbox.inject({ endpoint: "emails", what: "hang" })
          const mails = yield* Effect.forEach(wires, (wire) => Effect.forkChild(sendMail(wire)))
          // One login for all, and a submission each.
          yield* eventually(Effect.map(callsOf(gateway), (calls) => calls === 11 + PREPARING[contract]))
          assert.strictEqual(yield* stateOf(gateway), 0)
          yield* TestClock.adjust("8 seconds")
          for (const mail of mails) assert.match(yield* Fiber.join(mail), /^451 4\.4\.1 /)
          assert.strictEqual(yield* stateOf(gateway), 1)
        }),
      { submitDeadline: Duration.seconds(8), timeout: Duration.seconds(20) }
    )

    run("stays closed whatever the API refuses: 400, 401 and 429 are answers", (gateway) =>
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* gateway.sandbox.inject(
          { endpoint: "emails", what: "status", status: 400, next: 6 },
          { endpoint: "emails", what: "rate-limit" }
        )
        for (let mail = 0; mail < 6; mail++) assert.match(yield* sendMail(wire), /^550 /)
        for (let mail = 0; mail < 6; mail++) assert.match(yield* sendMail(wire), /^451 4\.7\.1 /)
        const guesser = yield* openSecureWire(gateway.smtpPort)
        assert.match((yield* guesser.login("demo@example.com", "wrong")).raw, /^535 /)
        assert.strictEqual(yield* stateOf(gateway), 0)
      })
    )

    run("lets three probes through after five minutes, and closes when they succeed", (gateway) =>
      Effect.gen(function* () {
        yield* openCircuit(gateway, contract)
        yield* TestClock.adjust("299 seconds")
        assert.strictEqual(yield* stateOf(gateway), 1)
        // Those that were connected have been idle for too long to use them.
        const wires = yield* Effect.forEach([1, 2, 3, 4, 5], () => openLoggedInWire(gateway.smtpPort))
        assert.strictEqual(yield* sendMail(wires[0]!), OPEN)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* stateOf(gateway), 2)

        yield* gateway.sandbox.inject({ endpoint: "emails", what: "latency", latency: 1_000 })
        const sending = yield* Effect.forEach(wires, (wire) => Effect.forkChild(sendMail(wire)))
        const waiting = () => sending.filter((fiber) => fiber.pollUnsafe() === undefined)
        yield* eventually(Effect.map(callsOf(gateway), (calls) => calls === 13 && waiting().length === 3))
        yield* TestClock.adjust("1 second")
        const replies = yield* Effect.forEach(sending, Fiber.join)
        assert.strictEqual(replies.filter((reply) => ACCEPTED.test(reply)).length, 3)
        assert.strictEqual(replies.filter((reply) => reply === OPEN).length, 2)
        assert.strictEqual(yield* stateOf(gateway), 0)
        assert.strictEqual(yield* callsOf(gateway), 13)
        assert.strictEqual((yield* gateway.sandbox.captured).length, MAILS[contract] + 3)
        // Closed, and what failed before is forgotten.
        yield* gateway.sandbox.inject({ endpoint: "emails", what: "status", status: 500, next: 1 })
        assert.match(yield* sendMail(wires[0]!), FAILURE)
        assert.match(yield* sendMail(wires[0]!), ACCEPTED)
      })
    )

    run("opens again when a probe fails", (gateway) =>
      Effect.gen(function* () {
        yield* openCircuit(gateway, contract)
        yield* TestClock.adjust("5 minutes")
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        assert.match(yield* sendMail(wire), FAILURE)
        assert.strictEqual(yield* stateOf(gateway), 1)
        assert.strictEqual(yield* sendMail(wire), OPEN)
        assert.strictEqual(yield* callsOf(gateway), 11)
      })
    )

    run("open is no reason for the process not to be ready", (gateway) =>
      Effect.gen(function* () {
        yield* openCircuit(gateway, contract)
        const ready = yield* Effect.promise(() => fetch(`${gateway.httpUrl}/health/ready`))
        assert.strictEqual(ready.status, 200)
      })
    )
  })
}
