import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import {
  type ApiCallError,
  ApiAnswerUnreadable,
  ApiFailed,
  ApiOutcomeUnknown,
  ApiRateLimited,
  ApiUnreachable,
  AuthenticationFailed,
  CircuitOpen,
  LoginSuspended,
  SecondFactorRequired,
  TokenRejected
} from "../../../src/domain/GatewayError.ts"
import type { Identity } from "../../../src/domain/Identity.ts"
import { AuthCacheLive } from "../../../src/layers/cakemail/AuthCacheLive.ts"
import { AuthenticatorLive } from "../../../src/layers/cakemail/AuthenticatorLive.ts"
import { Authenticator } from "../../../src/services/Authenticator.ts"
import { CakemailClient } from "../../../src/services/CakemailClient.ts"
import { RateLimiter } from "../../../src/services/RateLimiter.ts"
import { RateLimiterOpen } from "../../kit/SessionKit.ts"
import { configWith } from "../../kit/SettingsKit.ts"
import { anIdentity, credentials } from "../../kit/mail.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { layerReadiness } from "../../kit/ReadinessKit.ts"

type LoginResult = Effect.Effect<Identity, AuthenticationFailed | SecondFactorRequired | ApiCallError>

/** The authenticator over a client whose logins give these results in turn, the last one ever after. */
const withLogins = <A, E>(
  results: ReadonlyArray<LoginResult>,
  test: (counter: { calls: number }) => Effect.Effect<A, E, Authenticator | MetricsRecorder>,
  limiter: Layer.Layer<RateLimiter> = RateLimiterOpen
) => {
  const counter = { calls: 0 }
  const client = Layer.mock(CakemailClient, {
    login: (_credentials, within = Duration.infinity) =>
      Effect.suspend(() => results[Math.min(counter.calls++, results.length - 1)] ?? Effect.die("no result")).pipe(
        Effect.timeoutOrElse({
          duration: within,
          orElse: () => Effect.fail(new ApiOutcomeUnknown({ kind: "timeout", cause: `after ${within}` }))
        })
      )
  })
  return Effect.provide(
    test(counter),
    AuthenticatorLive.pipe(
      Layer.provide(AuthCacheLive),
      Layer.provideMerge(layerMetricsRecorder),
      Layer.provide([client, limiter, configWith(), layerReadiness()])
    )
  )
}

const success = (token = "t1"): LoginResult => Effect.succeed(anIdentity({ token: Redacted.make(token) }))
const authenticate = Effect.flatMap(Authenticator, ({ authenticate }) => authenticate(credentials()))
const unreachable = Effect.fail(new ApiUnreachable({ cause: "ECONNREFUSED" }))

describe("AuthenticatorLive", () => {
  it.effect("asks nobody about a name under attack, but lets a remembered login pass", () => {
    let suspended = false
    const limiter = Layer.mock(RateLimiter, {
      login: () => Effect.suspend(() => (suspended ? Effect.fail(new LoginSuspended()) : Effect.void))
    })
    return withLogins(
      [success()],
      (counter) =>
        Effect.gen(function* () {
          const { authenticate: login } = yield* Authenticator
          yield* authenticate
          suspended = true
          yield* authenticate
          const other = yield* Effect.flip(login({ ...credentials(), password: Redacted.make("a guess") }))
          assert.strictEqual(other._tag, "LoginSuspended")
          assert.strictEqual(counter.calls, 1)
        }),
      limiter
    )
  })

  it.effect("asks the API once for a login ", () =>
    withLogins([success()], (counter) =>
      Effect.gen(function* () {
        assert.strictEqual(Redacted.value((yield* authenticate).token), "t1")
        yield* authenticate
        assert.strictEqual(counter.calls, 1)
      })
    )
  )

  const failures: ReadonlyArray<readonly [AuthenticationFailed | SecondFactorRequired | ApiCallError, string]> = [
    [new AuthenticationFailed({ reason: "credentials" }), "AuthenticationFailed"],
    [new AuthenticationFailed({ reason: "malformed" }), "AuthenticationFailed"],
    [new SecondFactorRequired(), "SecondFactorRequired"],
    [new CircuitOpen(), "CircuitOpen"],
    [new ApiRateLimited({ retryAfter: 9 }), "AuthenticationUnavailable"],
    [new ApiFailed({ status: 302 }), "AuthenticationUnavailable"],
    [new TokenRejected(), "AuthenticationUnavailable"],
    [new ApiAnswerUnreadable({ status: 200, cause: "c" }), "AuthenticationUnavailable"]
  ]
  for (const [error, tag] of failures) {
    it.effect(`${error._tag}${"reason" in error ? ` (${error.reason})` : ""} is ${tag}, at once`, () =>
      withLogins([Effect.fail(error)], (counter) =>
        Effect.gen(function* () {
          const { value } = yield* MetricsRecorder
          assert.strictEqual((yield* Effect.flip(authenticate))._tag, tag)
          assert.strictEqual(counter.calls, 1)
          assert.strictEqual(value("smtp_retries_total", { operation: "login" }), 0)
        })
      )
    )
  }

  const transient: ReadonlyArray<ApiCallError> = [
    new ApiUnreachable({ cause: "c" }),
    new ApiFailed({ status: 503 }),
    new ApiOutcomeUnknown({ kind: "reset", cause: "c" })
  ]
  for (const error of transient) {
    it.effect(`${error._tag} is tried again twice`, () =>
      withLogins([Effect.fail(error), Effect.fail(error), success("t3")], (counter) =>
        Effect.gen(function* () {
          const { value } = yield* MetricsRecorder
          const fiber = yield* Effect.forkChild(authenticate, { startImmediately: true })
          yield* TestClock.adjust("1 second")
          assert.strictEqual(Redacted.value((yield* Fiber.join(fiber)).token), "t3")
          assert.strictEqual(counter.calls, 3)
          assert.strictEqual(value("smtp_retries_total", { operation: "login" }), 2)
        })
      )
    )
  }

  it.effect("gives up after two retries, and starts anew the next time", () =>
    withLogins([unreachable, unreachable, unreachable, success("t4")], (counter) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.flip(authenticate), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error._tag, "AuthenticationUnavailable")
        assert.include(error._tag === "AuthenticationUnavailable" ? error.cause : "", "ECONNREFUSED")
        assert.strictEqual(counter.calls, 3)
        assert.strictEqual(Redacted.value((yield* authenticate).token), "t4")
      })
    )
  )

  for (const [name, logins, calls] of [
    ["the first call hangs", [Effect.never], 1],
    ["a later call hangs", [unreachable, Effect.never], 2],
    ["the first call failed so late that no other fits", [Effect.delay(unreachable, "4950 millis")], 1]
  ] as const) {
    it.effect(`is over by AUTH_TIMEOUT, each call by its own time-out, when ${name}`, () =>
      withLogins(logins, (counter) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(Effect.flip(authenticate), { startImmediately: true })
          yield* TestClock.adjust("4949 millis")
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust("51 millis")
          const error = fiber.pollUnsafe()
          assert.isDefined(error)
          assert.strictEqual((yield* Fiber.join(fiber))._tag, "AuthenticationUnavailable")
          assert.strictEqual(counter.calls, calls)
        })
      )
    )
  }

  it.effect("makes one login for 50 concurrent first ones", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      yield* withLogins([Effect.andThen(Deferred.await(gate), success())], (counter) =>
        Effect.gen(function* () {
          const fibers = yield* Effect.forEach(Array.from({ length: 50 }), () =>
            Effect.forkChild(authenticate, { startImmediately: true })
          )
          yield* Deferred.succeed(gate, undefined)
          yield* Effect.forEach(fibers, Fiber.join)
          assert.strictEqual(counter.calls, 1)
        })
      )
    })
  )

  it.effect("makes one login for 50 concurrent renewals", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const later = Effect.andThen(Deferred.await(gate), success("t2"))
      yield* withLogins([success("t1"), later, success("t3")], (counter) =>
        Effect.gen(function* () {
          const authenticator = yield* Authenticator
          const stale = yield* authenticate
          const fibers = yield* Effect.forEach(Array.from({ length: 50 }), () =>
            Effect.forkChild(authenticator.renew(credentials(), stale), { startImmediately: true })
          )
          yield* Deferred.succeed(gate, undefined)
          const tokens = yield* Effect.forEach(fibers, (fiber) =>
            Effect.map(Fiber.join(fiber), ({ token }) => Redacted.value(token))
          )
          assert.deepStrictEqual([...new Set(tokens)], ["t2"])
          assert.strictEqual(counter.calls, 2)
          assert.strictEqual(Redacted.value((yield* authenticator.renew(credentials(), stale)).token), "t2")
          assert.strictEqual(counter.calls, 2)
        })
      )
    })
  )

  it.effect("forgets the old login when the renewal is refused", () =>
    withLogins([success("t1"), Effect.fail(new AuthenticationFailed({ reason: "credentials" }))], (counter) =>
      Effect.gen(function* () {
        const authenticator = yield* Authenticator
        const stale = yield* authenticate
        assert.strictEqual((yield* Effect.flip(authenticator.renew(credentials(), stale)))._tag, "AuthenticationFailed")
        assert.strictEqual((yield* Effect.flip(authenticate))._tag, "AuthenticationFailed")
        assert.strictEqual(counter.calls, 3)
      })
    )
  )
})
