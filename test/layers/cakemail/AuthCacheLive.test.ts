import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { AuthenticationFailed } from "../../../src/domain/GatewayError.ts"
import type { Identity } from "../../../src/domain/Identity.ts"
import { AuthCacheLive } from "../../../src/layers/cakemail/AuthCacheLive.ts"
import { AuthCache } from "../../../src/services/AuthCache.ts"
import { configWith } from "../../kit/SettingsKit.ts"
import { anIdentity, credentials } from "../../kit/mail.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"

const layerCache = (settings: { readonly timeToLive?: Duration.Duration; readonly capacity?: number } = {}) =>
  AuthCacheLive.pipe(
    Layer.provideMerge(layerMetricsRecorder),
    Layer.provide(configWith({ authCache: { timeToLive: Duration.minutes(15), capacity: 100, ...settings } }))
  )

/** A login that counts its calls and gives a new token each time. */
const countedLogin = (
  identity: (call: number) => Identity = (call) => anIdentity({ token: Redacted.make(`t${call}`) })
) => {
  const counter = { calls: 0 }
  return { counter, login: Effect.sync(() => identity(++counter.calls)) }
}

const token = (identity: Identity) => Redacted.value(identity.token)

describe("AuthCacheLive", () => {
  it.effect("asks once, then remembers for AUTH_CACHE_TTL", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const { counter, login } = countedLogin()
      assert.isFalse(yield* cache.remembers(credentials()))
      assert.strictEqual(token(yield* cache.getOrLogin(credentials(), login)), "t1")
      assert.isTrue(yield* cache.remembers(credentials()))
      yield* TestClock.adjust("14 minutes")
      assert.strictEqual(token(yield* cache.getOrLogin(credentials(), login)), "t1")
      yield* TestClock.adjust("1 minute")
      assert.isFalse(yield* cache.remembers(credentials()))
      assert.strictEqual(token(yield* cache.getOrLogin(credentials(), login)), "t2")
      assert.strictEqual(counter.calls, 2)
    }).pipe(Effect.provide(layerCache()))
  )

  it.effect("forgets a minute before the token ends", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const { login } = countedLogin((call) =>
        anIdentity({ token: Redacted.make(`t${call}`), expiresAt: 300_000 * call })
      )
      yield* cache.getOrLogin(credentials(), login)
      yield* TestClock.adjust("239 seconds")
      assert.strictEqual(token(yield* cache.getOrLogin(credentials(), login)), "t1")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(token(yield* cache.getOrLogin(credentials(), login)), "t2")
    }).pipe(Effect.provide(layerCache()))
  )

  it.effect("does not keep a token that ends at once", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const { counter, login } = countedLogin(() => anIdentity({ expiresAt: 30_000 }))
      yield* cache.getOrLogin(credentials(), login)
      yield* cache.getOrLogin(credentials(), login)
      assert.strictEqual(counter.calls, 2)
      assert.strictEqual(yield* cache.size, 0)
    }).pipe(Effect.provide(layerCache()))
  )

  it.effect("makes one call for 50 concurrent first logins", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const gate = yield* Deferred.make<void>()
      const { counter, login } = countedLogin()
      const fibers = yield* Effect.forEach(Array.from({ length: 50 }), () =>
        Effect.forkChild(cache.getOrLogin(credentials(), Effect.andThen(Deferred.await(gate), login)), {
          startImmediately: true
        })
      )
      yield* Deferred.succeed(gate, undefined)
      const tokens = yield* Effect.forEach(fibers, (fiber) => Effect.map(Fiber.join(fiber), token))
      assert.deepStrictEqual([...new Set(tokens)], ["t1"])
      assert.strictEqual(counter.calls, 1)
    }).pipe(Effect.provide(layerCache()))
  )

  it.effect("leaves the login to the others when one of them goes, and ends it when all are gone", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const gate = yield* Deferred.make<void>()
      let interrupted = 0
      const { counter, login } = countedLogin()
      const slow = Effect.andThen(Deferred.await(gate), login).pipe(
        Effect.onInterrupt(() => Effect.sync(() => void interrupted++))
      )
      const start = Effect.forkChild(cache.getOrLogin(credentials(), slow), { startImmediately: true })
      const first = yield* start
      const second = yield* start
      yield* Fiber.interrupt(first)
      assert.strictEqual(interrupted, 0)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(token(yield* Fiber.join(second)), "t1")
      assert.strictEqual(counter.calls, 1)

      const never = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
      const alone = yield* Effect.forkChild(cache.getOrLogin(credentials("other"), never), { startImmediately: true })
      yield* Fiber.interrupt(alone)
      assert.strictEqual(interrupted, 1)
      assert.strictEqual(token(yield* cache.getOrLogin(credentials("other"), login)), "t2")
    }).pipe(Effect.provide(layerCache()))
  )

  it.effect("never remembers a failure", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const refused = new AuthenticationFailed({ reason: "credentials" })
      assert.strictEqual(yield* Effect.flip(cache.getOrLogin(credentials(), Effect.fail(refused))), refused)
      assert.isFalse(yield* cache.remembers(credentials()))
      assert.strictEqual(token(yield* cache.getOrLogin(credentials(), countedLogin().login)), "t1")
    }).pipe(Effect.provide(layerCache()))
  )

  it.effect("tells user names and passwords apart", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const { counter, login } = countedLogin()
      const distinct = [
        ["ab", "c"],
        ["a", "bc"],
        ["", "abc"],
        ["a\0", "b"],
        ["a", "\0b"],
        ["a\0b", ""],
        ["AB", "c"]
      ] as const
      for (const [username, password] of distinct) yield* cache.getOrLogin(credentials(username, password), login)
      assert.strictEqual(counter.calls, distinct.length)
      assert.strictEqual(yield* cache.size, distinct.length)
    }).pipe(Effect.provide(layerCache()))
  )

  it.effect("invalidates only the token that is still held", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const { login } = countedLogin()
      const first = yield* cache.getOrLogin(credentials(), login)
      yield* cache.invalidate(credentials(), anIdentity({ token: Redacted.make("another") }))
      assert.strictEqual(token(yield* cache.getOrLogin(credentials(), login)), "t1")
      yield* cache.invalidate(credentials(), first)
      assert.strictEqual(token(yield* cache.getOrLogin(credentials(), login)), "t2")
      yield* cache.invalidate(credentials(), first)
      assert.strictEqual(token(yield* cache.getOrLogin(credentials(), login)), "t2")
    }).pipe(Effect.provide(layerCache()))
  )

  it.effect("is bounded, and forgets what nobody asks for", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const { value } = yield* MetricsRecorder
      const { login } = countedLogin()
      for (let user = 0; user < 10; user++) yield* cache.getOrLogin(credentials(`user${user}`), login)
      assert.strictEqual(yield* cache.size, 3)
      assert.strictEqual(value("smtp_api_key_cache_size"), 3)
      assert.isTrue(yield* cache.remembers(credentials("user9")))
      assert.isFalse(yield* cache.remembers(credentials("user0")))
      yield* TestClock.adjust("20 minutes")
      assert.strictEqual(value("smtp_api_key_cache_size"), 0)
    }).pipe(Effect.provide(layerCache({ capacity: 3 })))
  )

  it.effect("keeps neither password nor user name", () =>
    Effect.gen(function* () {
      const cache = yield* AuthCache
      const secret = credentials("some-user", "some-password")
      const login = Effect.as(Effect.void, anIdentity({ username: "identity" }))
      yield* cache.getOrLogin(secret, login)
      yield* cache.getOrLogin(secret, login)
      assert.isTrue(yield* cache.remembers(secret))
      const seen = inspect(cache, { depth: 20, showHidden: true })
      assert.notInclude(seen, "some-password")
      assert.notInclude(seen, "some-user")
    }).pipe(Effect.provide(layerCache()))
  )
})
