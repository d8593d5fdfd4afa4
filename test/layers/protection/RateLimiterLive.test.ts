import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import { RateLimiterLive } from "../../../src/layers/protection/RateLimiterLive.ts"
import type { GatewaySettings } from "../../../src/services/GatewayConfig.ts"
import { RateLimiter } from "../../../src/services/RateLimiter.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { configWith } from "../../kit/SettingsKit.ts"

interface Overrides {
  readonly limits?: Partial<GatewaySettings["limits"]>
  readonly smtp?: Partial<GatewaySettings["smtp"]>
  readonly trustedNetworks?: ReadonlyArray<string>
}

/** The limiter with the defaults of docs/configuration.md, nobody trusted. */
const limiter = (overrides: Overrides = {}) =>
  RateLimiterLive.pipe(
    Layer.provideMerge(layerMetricsRecorder),
    Layer.provide(configWith({ trustedNetworks: [], ...overrides }))
  )

const CLIENT = "192.0.2.1"
const USER = "user@example.com"

const credentials = (password: string, username = USER) => ({ username, password: Redacted.make(password) })

const connect = (address = CLIENT) => Effect.flatMap(RateLimiter, ({ connection }) => connection(address))
const message = (address = CLIENT, account = USER) =>
  Effect.flatMap(RateLimiter, (service) => service.message(address, account))
const login = (username = USER) =>
  Effect.scoped(Effect.flatMap(RateLimiter, (service) => service.login(credentials("right", username))))
const loginFailed = (password: string, address = CLIENT, username = USER) =>
  Effect.flatMap(RateLimiter, (service) => service.loginFailed(address, credentials(password, username)))
const refused = (limit: string) =>
  Effect.map(MetricsRecorder, ({ value }) => value("smtp_rate_limited_total", { limit }))

/** A login that is under way until the scope closes. */
const loginUnderWay = (password: string, username = USER) =>
  Effect.flatMap(RateLimiter, (service) => service.login(credentials(password, username)))

/** Times by which a mail is accepted, and the refusal after them. */
const sendUntilRefused = Effect.fnUntraced(function* (address = CLIENT, account = USER) {
  for (let sent = 0; sent < 10_000; sent++) {
    const exit = yield* Effect.exit(message(address, account))
    if (Exit.isFailure(exit)) return { sent, error: yield* Effect.flip(message(address, account)) }
  }
  return { sent: 10_000, error: undefined }
})

describe("RateLimiterLive: connections", () => {
  it.effect("ten of one address, and the eleventh not", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 10; i++) yield* connect()
      const error = yield* Effect.flip(connect())
      assert.deepInclude(error, { _tag: "TooManyConnections", limit: "address" })
      yield* connect("192.0.2.2")
      assert.strictEqual(yield* refused("address_connections"), 1)
      assert.strictEqual(yield* refused("process_connections"), 0)
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("a slot is free again when its scope closes, and only then", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      for (let i = 0; i < 9; i++) yield* connect()
      yield* Scope.provide(connect(), scope)
      yield* Effect.flip(connect())
      yield* Scope.close(scope, Exit.void)
      yield* connect()
      yield* Effect.flip(connect())
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("a refused connection takes nothing", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 5; i++) yield* Effect.scoped(Effect.exit(connect()))
      const full = yield* Scope.make()
      for (let i = 0; i < 10; i++) yield* Scope.provide(connect(), full)
      for (let i = 0; i < 20; i++) yield* Effect.scoped(Effect.flip(connect()))
      yield* Scope.close(full, Exit.void)
      for (let i = 0; i < 10; i++) yield* connect()
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("an interrupted session gives its slot back once", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 50; round++) {
        const sessions = yield* Effect.forEach(Array.from({ length: 10 }), () =>
          Effect.forkChild(Effect.scoped(Effect.andThen(connect(), Effect.never)))
        )
        // Some are interrupted before they have begun.
        if (round % 2 === 0) yield* Effect.yieldNow
        yield* Fiber.interruptAll(sessions)
      }
      for (let i = 0; i < 10; i++) yield* connect()
      yield* Effect.flip(connect())
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("IPv6 clients of one /64 and IPv4 clients in either spelling share their slots", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 10; i++) yield* connect(`2001:db8::${i.toString(16)}`)
      yield* Effect.flip(connect("2001:db8::ffff"))
      yield* connect("2001:db8:0:1::1")
      for (let i = 0; i < 10; i++) yield* connect(i % 2 === 0 ? CLIENT : `::ffff:${CLIENT}`)
      yield* Effect.flip(connect())
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("the process has its own limit, which holds for trusted clients too", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 15; i++) yield* connect("10.0.0.1")
      for (let i = 0; i < 5; i++) yield* connect()
      for (const address of ["10.0.0.1", CLIENT]) {
        assert.deepInclude(yield* Effect.flip(connect(address)), { _tag: "TooManyConnections", limit: "process" })
      }
      assert.strictEqual(yield* refused("process_connections"), 2)
    }).pipe(Effect.provide(limiter({ smtp: { maxConnections: 20 }, trustedNetworks: ["10.0.0.0/8"] })))
  )
})

describe("RateLimiterLive: mails", () => {
  it.effect("a hundred in any 60 seconds, and when the next one may come", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 50; i++) yield* message()
      yield* TestClock.adjust("29500 millis")
      const { error, sent } = yield* sendUntilRefused()
      assert.strictEqual(sent, 50)
      assert.deepInclude(error, { _tag: "MessageRateExceeded", limit: "address", retryAfter: 31 })
      yield* TestClock.adjust("30499 millis")
      assert.deepInclude(yield* Effect.flip(message()), { retryAfter: 1 })
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* sendUntilRefused()).sent, 50)
      assert.strictEqual(yield* refused("address_messages"), 5)
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("accounts are not limited unless they are to be", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 500; i++) yield* message(`192.0.2.${i % 250}`)
      assert.strictEqual(yield* refused("account_messages"), 0)
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("an account's limit counts from wherever it sends, in any spelling", () =>
    Effect.gen(function* () {
      yield* message("192.0.2.1", "User@example.com")
      yield* message("192.0.2.2", "user@EXAMPLE.com ")
      yield* message("10.0.0.1", USER)
      const error = yield* Effect.flip(message("192.0.2.3", USER))
      assert.deepInclude(error, { _tag: "MessageRateExceeded", limit: "account", retryAfter: 60 })
      yield* message("192.0.2.3", "other@example.com")
      assert.strictEqual(yield* refused("account_messages"), 1)
      assert.strictEqual(yield* refused("address_messages"), 0)
    }).pipe(Effect.provide(limiter({ limits: { ratePerAccount: 3 }, trustedNetworks: ["10.0.0.0/8"] })))
  )

  it.effect("what the account may not send does not count for the address", () =>
    Effect.gen(function* () {
      yield* message()
      for (let i = 0; i < 200; i++) yield* Effect.flip(message())
      for (let i = 0; i < 99; i++) yield* message(CLIENT, `user${i}@example.com`)
      assert.deepInclude(yield* Effect.flip(message(CLIENT, "another@example.com")), { limit: "address" })
    }).pipe(Effect.provide(limiter({ limits: { ratePerAccount: 1 } })))
  )

  it.effect("trusted clients send without limit", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* sendUntilRefused("::1"), { sent: 10_000, error: undefined })
    }).pipe(Effect.provide(limiter({ trustedNetworks: ["127.0.0.0/8", "::1/128"] })))
  )
})

describe("RateLimiterLive: failed logins", () => {
  it.effect("the fifth wrong password blocks the address for an hour", () => {
    const logs = makeLogRecorder()
    return Effect.gen(function* () {
      for (let i = 0; i < 4; i++) yield* loginFailed(`wrong ${i}`, CLIENT, `user${i}@example.com`)
      yield* Effect.scoped(connect())
      yield* loginFailed("wrong 4")
      yield* loginFailed("wrong 5")
      assert.strictEqual((yield* Effect.flip(connect()))._tag, "AddressBlocked")
      yield* Effect.scoped(connect("192.0.2.2"))
      yield* TestClock.adjust("3599 seconds")
      assert.strictEqual((yield* Effect.flip(connect()))._tag, "AddressBlocked")
      yield* TestClock.adjust("1 second")
      yield* connect()
      assert.strictEqual(yield* refused("address_blocked"), 2)
      assert.deepStrictEqual(logs.events, [
        {
          level: "Warn",
          event: "address_blocked",
          fields: { network: CLIENT, failed_logins: 5, blocked_ms: 3_600_000 }
        }
      ])
    }).pipe(Effect.provide(Layer.merge(limiter(), logs.layer)))
  })

  it.effect("an old password that is tried again and again blocks nobody", () =>
    Effect.gen(function* () {
      for (let day = 0; day < 3; day++) {
        for (let minute = 0; minute < 60; minute++) {
          yield* loginFailed("old password")
          yield* loginFailed("old password", CLIENT, "USER@example.com")
          yield* TestClock.adjust("1 minute")
        }
      }
      yield* connect()
      yield* login()
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("one password tried on many names is many attempts", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 5; i++) yield* loginFailed("letmein", CLIENT, `user${i}@example.com`)
      assert.strictEqual((yield* Effect.flip(connect()))._tag, "AddressBlocked")
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("failures count for five minutes", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 4; i++) yield* loginFailed(`wrong ${i}`)
      yield* TestClock.adjust("5 minutes")
      for (let i = 4; i < 8; i++) yield* loginFailed(`wrong ${i}`)
      yield* connect()
      yield* login()
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("a blocked address takes no slot", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 5; i++) yield* loginFailed(`wrong ${i}`)
      for (let i = 0; i < 5; i++) yield* Effect.flip(connect())
      yield* connect("192.0.2.2")
    }).pipe(Effect.provide(limiter({ smtp: { maxConnections: 1 } })))
  )

  it.effect("a name that is guessed from many addresses is suspended, and no other", () => {
    const logs = makeLogRecorder()
    return Effect.gen(function* () {
      for (let i = 0; i < 4; i++) yield* loginFailed(`wrong ${i}`, `192.0.2.${i}`)
      yield* login()
      yield* loginFailed("wrong 4", "192.0.2.4", " USER@Example.com")
      assert.strictEqual((yield* Effect.flip(login()))._tag, "LoginSuspended")
      assert.strictEqual((yield* Effect.flip(login("User@EXAMPLE.com")))._tag, "LoginSuspended")
      yield* login("other@example.com")
      yield* Effect.scoped(connect("192.0.2.0"))
      assert.strictEqual(yield* refused("login_name"), 2)
      yield* TestClock.adjust("299 seconds")
      yield* Effect.flip(login())
      yield* TestClock.adjust("1 second")
      yield* login()
      assert.deepStrictEqual(logs.events, [
        {
          level: "Warn",
          event: "login_suspended",
          fields: { authenticated_user: USER, failed_logins: 5, suspended_ms: 300_000 }
        }
      ])
    }).pipe(Effect.provide(Layer.merge(limiter(), logs.layer)))
  })

  it.effect("trusted addresses are never blocked; the name they guess is suspended all the same", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 20; i++) yield* loginFailed(`wrong ${i}`, "10.0.0.1")
      yield* connect("10.0.0.1")
      yield* Effect.flip(login())
    }).pipe(Effect.provide(limiter({ trustedNetworks: ["10.0.0.0/8"] })))
  )

  it.effect("names of any length are told apart", () =>
    Effect.gen(function* () {
      const long = "x".repeat(9_000)
      for (let i = 0; i < 5; i++) yield* loginFailed(`wrong ${i}`, `192.0.2.${i}`, `${long}a`)
      yield* Effect.flip(login(`${long}A`))
      yield* login(`${long}b`)
    }).pipe(Effect.provide(limiter()))
  )

  it.effect("no log line holds a password", () => {
    const logs = makeLogRecorder()
    return Effect.gen(function* () {
      for (let i = 0; i < 6; i++) yield* loginFailed(`hunter${i}`)
      assert.strictEqual(logs.events.length, 2)
      assert.notInclude(JSON.stringify(logs.events), "hunter")
    }).pipe(Effect.provide(Layer.merge(limiter(), logs.layer)))
  })

  it.effect("logins under way count as guesses of the name until they end, whoever makes them, equal ones once", () =>
    Effect.gen(function* () {
      for (const password of ["1", "2", "3"]) yield* loginFailed(password)
      const scope = yield* Scope.make()
      for (const password of ["4", "4", "5", "4"]) {
        yield* Scope.provide(loginUnderWay(password, " USER@example.com"), scope)
      }
      assert.strictEqual((yield* Effect.flip(login()))._tag, "LoginSuspended")
      assert.strictEqual(yield* refused("login_name"), 1)
      yield* login("other@example.com")
      yield* Scope.close(scope, Exit.void)
      yield* login()
    }).pipe(Effect.provide(limiter({})))
  )
})
