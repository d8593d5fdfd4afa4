/** The way to the API closes, breaks or shows a wrong certificate; tokens end in mid-session. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Redacted, type Scope } from "effect"
import { makeSelfSigned } from "../../src/layers/tls/selfSigned.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"
import { startTcpGate } from "../kit/TcpGate.ts"

const ACCEPTED = /^250 2\.0\.0 Message accepted for delivery: \S+ ref=\S+$/
const UNAVAILABLE = /^451 4\.4\.1 Service temporarily unavailable$/

const CONTRACTS = ["email-api-v2", "gateway-v1"] as const

type Contract = (typeof CONTRACTS)[number]

/** A gateway whose calls go through a door that can be shut. */
const throughGate = <A, E>(
  contract: Contract,
  name: string,
  test: (parts: {
    readonly gateway: Effect.Success<ReturnType<typeof startGateway>>
    readonly sandbox: Effect.Success<ReturnType<typeof startSandbox>>
    readonly gate: Effect.Success<ReturnType<typeof startTcpGate>>
  }) => Effect.Effect<A, E, Scope.Scope>
) =>
  it.live(name, () =>
    Effect.scoped(
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const gate = yield* startTcpGate(Number(new URL(sandbox.url).port))
        const gateway = yield* startGateway({
          apiUrl: `http://127.0.0.1:${gate.port}`,
          settings: { api: { contract } }
        })
        yield* test({ gateway, sandbox, gate })
      })
    )
  )

for (const contract of CONTRACTS) {
  describe.concurrent(`the way to the API, ${contract},`, () => {
    throughGate(
      contract,
      "is closed: three tries, no call, and the mail goes once it is open again",
      ({ gate, gateway, sandbox }) =>
        Effect.gen(function* () {
          const wire = yield* openLoggedInWire(gateway.smtpPort)
          assert.match(yield* sendMail(wire), ACCEPTED)
          yield* gate.shut
          assert.match(yield* sendMail(wire), UNAVAILABLE)
          assert.strictEqual(yield* sandbox.callsOf("emails"), 1)
          assert.strictEqual(yield* metricOf(gateway.httpUrl, 'smtp_retries_total{operation="submit"}'), 2)
          yield* gate.open
          assert.match(yield* sendMail(wire), ACCEPTED)
          assert.strictEqual((yield* sandbox.captured).length, 2)
        })
    )

    throughGate(contract, "opens while retries last: the mail goes, once", ({ gate, gateway, sandbox }) =>
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        assert.match(yield* sendMail(wire), ACCEPTED)
        yield* gate.shut
        const unreachable = 'smtp_api_errors_total{error_type="unreachable",status_code="unreachable"}'
        const reply = yield* Effect.all(
          [
            sendMail(wire),
            Effect.andThen(
              Effect.repeat(metricOf(gateway.httpUrl, unreachable), { until: (failures) => failures > 0 }),
              gate.open
            )
          ],
          { concurrency: 2 }
        )
        assert.match(reply[0], ACCEPTED)
        assert.strictEqual(yield* sandbox.callsOf("emails"), 2)
        assert.strictEqual((yield* sandbox.captured).length, 2)
      })
    )

    throughGate(
      contract,
      "was closed while nothing was under way: one call on a new connection",
      ({ gate, gateway, sandbox }) =>
        Effect.gen(function* () {
          const wire = yield* openLoggedInWire(gateway.smtpPort)
          assert.match(yield* sendMail(wire), ACCEPTED)
          const before = gate.passed()
          yield* gate.cut
          assert.match(yield* sendMail(wire), ACCEPTED)
          assert.strictEqual(gate.passed(), before + 1)
          assert.strictEqual(yield* sandbox.callsOf("emails"), 2)
          assert.strictEqual((yield* sandbox.captured).length, 2)
        })
    )

    throughGate(contract, "is closed as the next request comes in: asked once more", ({ gate, gateway, sandbox }) =>
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        assert.match(yield* sendMail(wire), ACCEPTED)
        yield* gate.breakOnNextRequest
        assert.match(yield* sendMail(wire), ACCEPTED)
        assert.strictEqual(yield* sandbox.callsOf("emails"), 2)
        assert.strictEqual((yield* sandbox.captured).length, 2)
      })
    )

    it.live("shows a certificate that nobody trusts: no login and no mail gets through", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const sandbox = yield* startSandbox()
          const { certificate, privateKey } = yield* makeSelfSigned("api.example.com")
          const pair = { cert: certificate, key: Redacted.value(privateKey) }
          const gate = yield* startTcpGate(Number(new URL(sandbox.url).port), pair)
          const { httpUrl, smtpPort } = yield* startGateway({
            apiUrl: `https://127.0.0.1:${gate.port}`,
            settings: { api: { contract } }
          })
          const outcome = yield* openLoggedInWire(smtpPort).pipe(Effect.flatMap((wire) => wire.login()))
          assert.strictEqual(outcome.raw, "451 4.7.0 Authentication is temporarily unavailable, try again later")
          assert.strictEqual((yield* sandbox.sandbox.calls.summary).total, 0)
          const unreachable = 'smtp_api_errors_total{error_type="unreachable",status_code="unreachable"}'
          // Two logins, three times each.
          assert.strictEqual(yield* metricOf(httpUrl, unreachable), 6)
        })
      )
    )

    it.live("shows one that nobody trusts from now on: three tries, no call, and the mail can come again", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const files = yield* FileSystem.FileSystem
          const sandbox = yield* startSandbox()
          const [trusted, other] = yield* Effect.all([makeSelfSigned("localhost"), makeSelfSigned("localhost")])
          const pairOf = ({ certificate, privateKey }: typeof trusted) => ({
            cert: certificate,
            key: Redacted.value(privateKey)
          })
          const caPath = `${yield* files.makeTempDirectoryScoped()}/ca.pem`
          yield* files.writeFileString(caPath, trusted.certificate)
          const gate = yield* startTcpGate(Number(new URL(sandbox.url).port), pairOf(trusted))
          const { smtpPort } = yield* startGateway({
            apiUrl: `https://127.0.0.1:${gate.port}`,
            settings: { api: { caPath, contract } }
          })
          const wire = yield* openLoggedInWire(smtpPort)
          assert.match(yield* sendMail(wire), ACCEPTED)
          yield* gate.useCertificate(pairOf(other))
          yield* gate.cut
          const before = gate.passed()
          assert.match(yield* sendMail(wire), UNAVAILABLE)
          assert.strictEqual(yield* sandbox.callsOf("emails"), 1)
          yield* gate.useCertificate(pairOf(trusted))
          assert.match(yield* sendMail(wire), ACCEPTED)
          assert.strictEqual((yield* sandbox.captured).length, 2)
          assert.isAtLeast(gate.passed(), before + 1)
        })
      ).pipe(Effect.provide(NodeFileSystem.layer))
    )
  })

  describe.concurrent(`a token that ended in mid-session, ${contract},`, () => {
    const login = contract === "gateway-v1" ? "auth" : "token"

    const revoked = (
      name: string,
      test: (
        gateway: Effect.Success<ReturnType<typeof startGateway>>,
        wire: Effect.Success<ReturnType<typeof openLoggedInWire>>
      ) => Effect.Effect<void>
    ) =>
      it.live(name, () =>
        Effect.scoped(
          Effect.gen(function* () {
            const gateway = yield* startGateway({ settings: { api: { contract } } })
            const wire = yield* openLoggedInWire(gateway.smtpPort)
            assert.match(yield* sendMail(wire), ACCEPTED)
            yield* gateway.sandbox.sandbox.calls.reset
            yield* gateway.sandbox.sandbox.revokeTokens
            yield* test(gateway, wire)
          })
        )
      )

    revoked("is renewed by one login, and the mail goes once", ({ sandbox }, wire) =>
      Effect.gen(function* () {
        assert.match(yield* sendMail(wire), ACCEPTED)
        assert.strictEqual(yield* sandbox.callsOf(login), 1)
        assert.strictEqual(yield* sandbox.callsOf("emails"), 2)
        assert.strictEqual((yield* sandbox.captured).length, 2)
      })
    )

    revoked("is renewed by one login for all recipients of a mail", ({ sandbox }, wire) =>
      Effect.gen(function* () {
        const to = ["a", "b", "c", "d", "e"].map((name) => `${name}@example.com`)
        assert.match(yield* sendMail(wire, { to }), /^250 .*\(\+4 more\)/)
        assert.strictEqual(yield* sandbox.callsOf(login), 1)
        assert.strictEqual((yield* sandbox.captured).length, 6)
      })
    )

    revoked("and a password that is wrong by now: 535, and the connection is closed", ({ sandbox }, wire) =>
      Effect.gen(function* () {
        yield* sandbox.inject({ endpoint: login, what: "status", status: 401 })
        assert.strictEqual(yield* sendMail(wire), "535 5.7.8 Authentication failed")
        yield* wire.ended
        assert.strictEqual((yield* sandbox.captured).length, 1)
      })
    )

    revoked("and nobody to log in with: 451 4.7.0, and the mail can come again", ({ sandbox }, wire) =>
      Effect.gen(function* () {
        yield* sandbox.inject({ endpoint: login, what: "status", status: 503 })
        assert.match(yield* sendMail(wire), /^451 4\.7\.0 /)
        yield* sandbox.inject()
        assert.match(yield* sendMail(wire), ACCEPTED)
        assert.strictEqual((yield* sandbox.captured).length, 2)
      })
    )
  })
}
