import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ConfigProvider, Effect, FileSystem, Layer, Redacted, Result, Stream } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import {
  type ApiCallError,
  ApiFailed,
  ApiOutcomeUnknown,
  ApiUnreachable,
  AuthenticationFailed,
  SecondFactorRequired
} from "../../src/domain/GatewayError.ts"
import type { Credentials } from "../../src/domain/Identity.ts"
import { check, type CheckOptions } from "../../src/programs/check.ts"
import { CakemailClient } from "../../src/services/CakemailClient.ts"
import { TlsContext } from "../../src/services/TlsContext.ts"
import { makePair, type PairOptions } from "./certificatePair.ts"

const NOW = Date.UTC(2030, 0, 1)
const DAY = 86_400_000

interface World {
  readonly env?: Record<string, string>
  readonly options?: Partial<CheckOptions>
  readonly served?: boolean
  readonly ping?: Effect.Effect<void, ApiCallError>
  readonly login?: (
    credentials: Credentials
  ) => Effect.Effect<number | undefined, AuthenticationFailed | SecondFactorRequired | ApiCallError>
}

/** Runs `check` against fakes: whether it passed, and what it printed. */
const run = Effect.fnUntraced(function* (world: World) {
  const served = {
    certificate: "",
    privateKey: Redacted.make(""),
    expiresAt: NOW + 100 * DAY,
    source: "self-signed"
  }
  const current = Effect.succeed(world.served === false ? undefined : served)
  const services = Layer.merge(
    Layer.succeed(TlsContext, { current, changes: Stream.empty }),
    Layer.mock(CakemailClient, {
      ping: world.ping ?? Effect.void,
      login: (credentials) =>
        Effect.map((world.login ?? (() => Effect.succeed(1)))(credentials), (accountId) => ({
          username: credentials.username,
          accountId,
          token: Redacted.make("token"),
          expiresAt: undefined
        }))
    })
  )
  yield* TestClock.setTime(NOW)
  return yield* Effect.gen(function* () {
    const outcome = yield* Effect.result(check({ login: false, username: undefined, ...world.options }, services))
    // The console is one for the whole test: the last thing printed is of this run.
    const printed = String((yield* TestConsole.logLines).at(-1))
    return {
      passed: Result.isSuccess(outcome),
      printed,
      failure: Result.isFailure(outcome) ? outcome.failure : undefined
    }
  }).pipe(
    Effect.provide([
      TestConsole.layer,
      NodeFileSystem.layer,
      ConfigProvider.layer(ConfigProvider.fromEnvRecord(world.env ?? {}))
    ])
  )
})

/** Writes a certificate and its key to files of the test's scope; answers the settings that name them. */
const writePair = (options: Partial<PairOptions> = {}) =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const directory = yield* fileSystem.makeTempDirectoryScoped()
    const env = { TLS_CERT_PATH: `${directory}/tls.crt`, TLS_KEY_PATH: `${directory}/tls.key` }
    const { certificate, key } = yield* makePair({ from: NOW - DAY, to: NOW + 60 * DAY, ...options })
    yield* fileSystem.writeFileString(env.TLS_CERT_PATH, certificate)
    yield* fileSystem.writeFileString(env.TLS_KEY_PATH, key)
    return { SMTP_HOSTNAME: "smtp.example.com", ...env }
  }).pipe(Effect.provide(NodeFileSystem.layer))

describe("check", () => {
  it.effect("a fresh installation passes, with a note on its certificate", () =>
    Effect.gen(function* () {
      const { passed, printed } = yield* run({})
      assert.isTrue(passed)
      assert.match(printed, /^ok {7}Configuration {2}all \d+ settings are in order$/m)
      assert.match(printed, /^note {5}Certificate {4}self-signed, made at start/m)
      assert.match(printed, /^ok {7}API {12}https:\/\/api\.cakemail\.dev answers \(contract email-api-v2\)$/m)
      assert.match(printed, /^skipped {2}Login/m)
    })
  )

  it.effect("every mistake in the settings is printed, the other checks wait", () =>
    Effect.gen(function* () {
      const { failure, passed, printed } = yield* run({
        env: { SMTP_PORT: "abc", LOG_FORMAT: "xml" },
        ping: Effect.die("not asked")
      })
      assert.isFalse(passed)
      assert.include(
        printed,
        'problem  Configuration  SMTP_PORT is "abc": give a port, a whole number from 1 to 65535\n'
      )
      assert.include(printed, 'LOG_FORMAT is "xml": give one of json, pretty, auto\n')
      assert.match(printed, /^skipped {2}API/m)
      assert.strictEqual(failure?.problems, 1)
    })
  )

  it.effect("a good pair of files", () =>
    Effect.gen(function* () {
      const env = yield* writePair()
      const { passed, printed } = yield* run({ env })
      assert.isTrue(passed)
      assert.match(printed, /^ok {7}Certificate {4}\S+tls\.crt, for smtp\.example\.com, 60 days left$/m)
    })
  )

  it.effect("a certificate that ends soon is a note", () =>
    Effect.gen(function* () {
      const { passed, printed } = yield* run({ env: yield* writePair({ to: NOW + 3 * DAY }) })
      assert.isTrue(passed)
      assert.match(printed, /^note {5}Certificate {4}expires in 3 days/m)
    })
  )

  it.effect("expired, not yet valid, for another host, with a key of another", () =>
    Effect.gen(function* () {
      const problems = Effect.fnUntraced(function* (options: Partial<PairOptions>) {
        const { passed, printed } = yield* run({ env: yield* writePair(options) })
        assert.isFalse(passed)
        return printed.split("\n").filter((line) => line.startsWith("problem"))
      })
      const [expired] = yield* problems({ from: NOW - 9 * DAY, to: NOW - DAY })
      assert.include(expired, "expired at 2029-12-31")
      const [early] = yield* problems({ from: NOW + DAY })
      assert.include(early, "not valid before 2030-01-02")
      const [foreign] = yield* problems({ name: "mail.example.org" })
      assert.include(foreign, "does not cover smtp.example.com (it has DNS:mail.example.org)")
      const [mismatch] = yield* problems({ otherKey: true })
      assert.include(mismatch, "the key does not belong to the certificate")
      assert.strictEqual(
        (yield* problems({ otherKey: true, to: NOW - 1, from: NOW - DAY, name: "a.example.com" })).length,
        3
      )
    })
  )

  it.effect("files that are missing or hold something else", () =>
    Effect.gen(function* () {
      const good = yield* writePair()
      const missing = yield* run({ env: { ...good, TLS_CERT_PATH: "/nowhere/tls.crt" } })
      assert.isFalse(missing.passed)
      assert.include(missing.printed, "/nowhere/tls.crt cannot be read (NotFound)")
      const swapped = yield* run({
        env: { ...good, TLS_CERT_PATH: good.TLS_KEY_PATH, TLS_KEY_PATH: good.TLS_CERT_PATH }
      })
      assert.include(swapped.printed, "tls.key holds no PEM certificate")
      assert.include(swapped.printed, "tls.crt holds no PEM key")
      assert.notInclude(swapped.printed, "BEGIN")
    })
  )

  it.effect("a pair that looks good and that the gateway cannot load", () =>
    Effect.gen(function* () {
      const { passed, printed } = yield* run({ env: yield* writePair(), served: false })
      assert.isFalse(passed)
      assert.include(printed, "the gateway could not load it")
    })
  )

  it.effect("an API that cannot be used, in words", () =>
    Effect.gen(function* () {
      const table: ReadonlyArray<readonly [ApiCallError, string]> = [
        [
          new ApiUnreachable({ cause: "connect ECONNREFUSED" }),
          "api.cakemail.dev cannot be reached: connect ECONNREFUSED"
        ],
        [new ApiOutcomeUnknown({ kind: "timeout", cause: "10 s" }), "gave no answer (timeout: 10 s)"],
        [new ApiFailed({ status: 503 }), "answers with status 503"]
      ]
      for (const [error, text] of table) {
        const { passed, printed } = yield* run({ ping: Effect.fail(error) })
        assert.isFalse(passed)
        assert.include(printed, text)
        assert.match(printed, /^ {24}-> \S/m)
      }
    })
  )

  it.effect("--login tries what the environment says; the flag names another user", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const login = ({ password, username }: Credentials) => {
        seen.push(`${username}/${Redacted.value(password)}`)
        return Effect.succeed(7)
      }
      const env = { CHECK_USERNAME: "demo@example.com", CHECK_PASSWORD: "hunter2" }
      const first = yield* run({ env, options: { login: true }, login })
      assert.isTrue(first.passed)
      assert.match(first.printed, /^ok {7}Login {10}demo@example\.com can log in, account 7$/m)
      assert.notInclude(first.printed, "hunter2")
      yield* run({ env, options: { login: true, username: "other@example.com" }, login })
      assert.deepStrictEqual(seen, ["demo@example.com/hunter2", "other@example.com/hunter2"])
    })
  )

  it.effect("a login that fails, or that nobody gave", () =>
    Effect.gen(function* () {
      const env = { CHECK_USERNAME: "demo@example.com", CHECK_PASSWORD: "hunter2" }
      const refused = yield* run({
        env,
        options: { login: true },
        login: () => Effect.fail(new AuthenticationFailed({ reason: "credentials" }))
      })
      assert.isFalse(refused.passed)
      assert.include(refused.printed, "the API refused the password of demo@example.com")
      assert.notInclude(refused.printed, "hunter2")
      const second = yield* run({ env, options: { login: true }, login: () => Effect.fail(new SecondFactorRequired()) })
      assert.include(second.printed, "personal access token")
      const none = yield* run({ env: { CHECK_USERNAME: "demo@example.com" }, options: { login: true } })
      assert.isFalse(none.passed)
      assert.match(none.printed, /^problem {2}Login {10}no password$/m)
      const twice = yield* run({ env: { ...env, CHECK_PASSWORD_FILE: "/run/password" }, options: { login: true } })
      assert.include(twice.printed, "CHECK_PASSWORD is set twice")
    })
  )
})
