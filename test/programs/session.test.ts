import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import {
  ApiFailed,
  AuthenticationFailed,
  AuthenticationUnavailable,
  ClientGone,
  MessageTooLarge,
  SecondFactorRequired,
  TooManyConnections
} from "../../src/domain/GatewayError.ts"
import type { Submission } from "../../src/domain/Submission.ts"
import { SmtpSessionLive } from "../../src/programs/session.ts"
import { MessageSink } from "../../src/services/MessageSink.ts"
import { RateLimiter } from "../../src/services/RateLimiter.ts"
import { SmtpSession } from "../../src/services/SmtpSession.ts"
import {
  AuthenticatorFake,
  MessageBudgetUnlimited,
  MessageSinkFake,
  MetricsSilent,
  openSession,
  RateLimiterOpen,
  reply
} from "../kit/SessionKit.ts"
import { configWith } from "../kit/SettingsKit.ts"

const MESSAGE = Buffer.from("Subject: hi\r\n\r\nhello\r\n")

const sessionWith = (parts: {
  readonly sink?: Layer.Layer<MessageSink>
  readonly authenticator?: ReturnType<typeof AuthenticatorFake>
  readonly limiter?: Layer.Layer<RateLimiter>
  readonly submissions?: Array<Submission>
}) =>
  SmtpSessionLive.pipe(
    Layer.provide([
      configWith(),
      MetricsSilent,
      MessageBudgetUnlimited,
      parts.authenticator ?? AuthenticatorFake(),
      parts.limiter ?? RateLimiterOpen,
      parts.sink ?? MessageSinkFake(parts.submissions ?? [])
    ])
  )

describe("session", () => {
  it.effect("takes a message from login to 250 with the API's id and the reference", () => {
    const submissions: Array<Submission> = []
    return Effect.gen(function* () {
      const client = yield* openSession()
      assert.strictEqual(reply(yield* client.connect), "220 ESMTP")
      assert.strictEqual(reply(yield* client.login()), "235 2.7.0 Authentication successful")
      assert.strictEqual(reply(yield* client.mail), "250 2.1.0 Sender accepted")
      assert.strictEqual(reply(yield* client.rcpt("b@example.com")), "250 2.1.5 Recipient accepted")
      assert.strictEqual(
        reply(yield* client.data(Effect.succeed(MESSAGE))),
        "250 2.0.0 Message accepted for delivery: id-1 ref=session1-1"
      )
      assert.strictEqual(submissions.length, 1)
      assert.strictEqual(submissions[0]?.identity.username, "demo@example.com")
      assert.deepStrictEqual(submissions[0]?.envelope.recipients, ["b@example.com"])
    }).pipe(Effect.provide(sessionWith({ submissions })))
  })

  it.effect("gives every message of a session its own reference", () => {
    const submissions: Array<Submission> = []
    return Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      yield* client.login()
      yield* client.data(Effect.succeed(MESSAGE))
      yield* client.data(Effect.succeed(MESSAGE))
      assert.deepStrictEqual(
        submissions.map((submission) => submission.reference),
        ["session1-1", "session1-2"]
      )
    }).pipe(Effect.provide(sessionWith({ submissions })))
  })

  it.effect("wants TLS before anything that needs trust", () =>
    Effect.gen(function* () {
      const client = yield* openSession({ secure: false })
      yield* client.connect
      const tls = "530 5.7.0 Must issue a STARTTLS command first"
      assert.strictEqual(reply(yield* client.login()), tls)
      assert.strictEqual(reply(yield* client.mail), tls)
      assert.strictEqual(reply(yield* client.rcpt("b@example.com")), tls)
      assert.strictEqual(reply(yield* client.data(Effect.succeed(MESSAGE))), tls)
    }).pipe(Effect.provide(sessionWith({})))
  )

  it.effect("wants a login before MAIL, RCPT and DATA, whatever the adapter lets by", () =>
    Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      const login = "530 5.7.0 Authentication required"
      assert.strictEqual(reply(yield* client.mail), login)
      assert.strictEqual(reply(yield* client.rcpt("b@example.com")), login)
      assert.strictEqual(reply(yield* client.data(Effect.die("the data was read"))), login)
    }).pipe(Effect.provide(sessionWith({})))
  )

  it.effect("forgets the login when TLS starts, and keeps it over RSET", () =>
    Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      yield* client.login()
      yield* client.tell({ _tag: "Reset" })
      assert.strictEqual((yield* client.mail).code, 250)
      yield* client.tell({ _tag: "Secure", protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" })
      assert.strictEqual((yield* client.mail).code, 530)
    }).pipe(Effect.provide(sessionWith({})))
  )

  describe("a wrong password", () => {
    it.effect("is answered 535 and closes the connection a second later", () =>
      Effect.gen(function* () {
        const client = yield* openSession()
        yield* client.connect
        assert.strictEqual(reply(yield* client.login("demo@example.com", "wrong")), "535 5.7.8 Authentication failed")
        yield* TestClock.adjust("900 millis")
        assert.isFalse(yield* client.isClosed)
        yield* TestClock.adjust("100 millis")
        assert.isTrue(yield* client.isClosed)
      }).pipe(Effect.provide(sessionWith({})))
    )

    it.effect("closes at once the second time", () =>
      Effect.gen(function* () {
        const client = yield* openSession()
        yield* client.connect
        yield* client.login("demo@example.com", "wrong")
        assert.strictEqual(
          reply(yield* client.login("demo@example.com", "other")),
          "535 5.7.8 Authentication failed [close]"
        )
      }).pipe(Effect.provide(sessionWith({})))
    )

    it.effect("is forgiven when the next one is right in time", () =>
      Effect.gen(function* () {
        const client = yield* openSession()
        yield* client.connect
        yield* client.login("demo@example.com", "wrong")
        assert.strictEqual((yield* client.login()).code, 235)
        yield* TestClock.adjust("1 minute")
        assert.isFalse(yield* client.isClosed)
        assert.strictEqual((yield* client.mail).code, 250)
      }).pipe(Effect.provide(sessionWith({})))
    )

    it.effect("asked again by another mechanism is answered from memory and counted once", () => {
      let logins = 0
      const failures: Array<string> = []
      const limiter = Layer.succeed(RateLimiter, {
        connection: () => Effect.void,
        address: () => Effect.void,
        message: () => Effect.void,
        login: () => Effect.void,
        loginFailed: (_address, { password }) => Effect.sync(() => void failures.push(Redacted.value(password)))
      })
      const authenticator = AuthenticatorFake(
        Effect.suspend(() => {
          logins++
          return Effect.fail(new AuthenticationFailed({ reason: "credentials" }))
        })
      )
      return Effect.gen(function* () {
        const client = yield* openSession()
        yield* client.connect
        yield* client.login("demo@example.com", "wrong")
        const second = yield* client.login("demo@example.com", "wrong")
        assert.strictEqual(reply(second), "535 5.7.8 Authentication failed [close]")
        assert.strictEqual(logins, 1)
        assert.deepStrictEqual(failures, ["wrong"])
      }).pipe(Effect.provide(sessionWith({ limiter, authenticator })))
    })

    it.effect("is not counted when the API could not read the user name", () => {
      let failures = 0
      const limiter = Layer.mock(RateLimiter, {
        connection: () => Effect.void,
        address: () => Effect.void,
        loginFailed: () => Effect.sync(() => void failures++)
      })
      const authenticator = AuthenticatorFake(Effect.fail(new AuthenticationFailed({ reason: "malformed" })))
      return Effect.gen(function* () {
        const client = yield* openSession()
        yield* client.connect
        assert.strictEqual((yield* client.login()).code, 535)
        assert.strictEqual(failures, 0)
      }).pipe(Effect.provide(sessionWith({ limiter, authenticator })))
    })
  })

  it.effect("says that a second factor cannot be given by SMTP", () =>
    Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      const answer = yield* client.login()
      assert.strictEqual(answer.code, 535)
      assert.include(answer.text, "multi-factor")
    }).pipe(Effect.provide(sessionWith({ authenticator: AuthenticatorFake(Effect.fail(new SecondFactorRequired())) })))
  )

  it.effect("repeats why it refused when the same login comes by another mechanism", () =>
    Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      const first = yield* client.login()
      const second = yield* client.login()
      assert.include(second.text, "multi-factor")
      assert.deepStrictEqual({ ...second, close: false }, first)
      assert.isTrue(second.close)
    }).pipe(Effect.provide(sessionWith({ authenticator: AuthenticatorFake(Effect.fail(new SecondFactorRequired())) })))
  )

  it.effect("answers 451 and stays open when the login cannot be checked", () =>
    Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      const answer = yield* client.login()
      assert.strictEqual(`${answer.code} ${answer.enhanced}`, "451 4.7.0")
      yield* TestClock.adjust("1 minute")
      assert.isFalse(yield* client.isClosed)
    }).pipe(
      Effect.provide(
        sessionWith({
          authenticator: AuthenticatorFake(Effect.fail(new AuthenticationUnavailable({ cause: "timeout" })))
        })
      )
    )
  )

  it.effect("refuses a connection past a limit with 421", () =>
    Effect.gen(function* () {
      const client = yield* openSession()
      assert.strictEqual(reply(yield* client.connect), "421 4.7.0 Too many connections [close]")
    }).pipe(
      Effect.provide(
        sessionWith({
          limiter: Layer.mock(RateLimiter, {
            connection: () => Effect.fail(new TooManyConnections({ limit: "process" }))
          })
        })
      )
    )
  )

  it.effect("passes on why the data was not received, and goes on", () =>
    Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      yield* client.login()
      const answer = yield* client.data(Effect.fail(new MessageTooLarge({ limit: 10 })))
      assert.strictEqual(reply(answer), "552 5.3.4 Message too large: the limit is 10 bytes")
      assert.strictEqual((yield* client.data(Effect.succeed(MESSAGE))).code, 250)
    }).pipe(Effect.provide(sessionWith({})))
  )

  it.effect("answers an error of the sink by the table, and closes when the login is lost", () => {
    const errors = [new ApiFailed({ status: 503 }), new AuthenticationFailed({ reason: "credentials" })]
    const sink = Layer.succeed(MessageSink, {
      accept: () => Effect.suspend(() => Effect.fail(errors.shift() ?? new ApiFailed({ status: 500 })))
    })
    return Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      yield* client.login()
      assert.strictEqual(
        reply(yield* client.data(Effect.succeed(MESSAGE))),
        "451 4.3.0 Temporary failure, try again later"
      )
      assert.strictEqual(reply(yield* client.data(Effect.succeed(MESSAGE))), "535 5.7.8 Authentication failed [close]")
    }).pipe(Effect.provide(sessionWith({ sink })))
  })

  it.effect("turns a defect into 451 for that command and goes on", () => {
    let turn = 0
    const sink = Layer.succeed(MessageSink, {
      accept: (submission) =>
        turn++ === 0
          ? Effect.die(new Error("boom"))
          : Effect.succeed({ receipts: [{ recipient: submission.reference, messageId: "ok" }] as const })
    })
    return Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      yield* client.login()
      assert.strictEqual(
        reply(yield* client.data(Effect.succeed(MESSAGE))),
        "451 4.3.0 Temporary failure, try again later"
      )
      assert.strictEqual((yield* client.data(Effect.succeed(MESSAGE))).code, 250)
    }).pipe(Effect.provide(sessionWith({ sink })))
  })

  it.effect("finishes a message whose data has ended though its client is gone", () =>
    Effect.gen(function* () {
      const atApi = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const finished: Array<string> = []
      const sink = Layer.succeed(MessageSink, {
        accept: (submission) =>
          Effect.gen(function* () {
            yield* Deferred.succeed(atApi, undefined)
            yield* Deferred.await(release)
            finished.push(submission.reference)
            return { receipts: [{ recipient: "b@example.com", messageId: "late" }] as const }
          })
      })
      yield* Effect.gen(function* () {
        const { settled } = yield* SmtpSession
        const client = yield* openSession()
        yield* client.connect
        yield* client.login()
        yield* Effect.forkScoped(client.data(Effect.succeed(MESSAGE)))
        yield* Deferred.await(atApi)
        yield* client.vanish
        const waiting = yield* Effect.forkScoped(settled, { startImmediately: true })
        assert.isUndefined(waiting.pollUnsafe())
        yield* Deferred.succeed(release, undefined)
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(finished, ["session1-1"])
      }).pipe(Effect.provide(sessionWith({ sink })))
    })
  )

  it.effect("breaks off a message when the process ends, and waits until that has said so", () =>
    Effect.gen(function* () {
      const atApi = yield* Deferred.make<void>()
      const ended: Array<string> = []
      const sink = Layer.succeed(MessageSink, {
        accept: (submission) =>
          Deferred.succeed(atApi, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() => Effect.sync(() => void ended.push(submission.reference)))
          )
      })
      yield* Effect.gen(function* () {
        const { breakOff, settled } = yield* SmtpSession
        const client = yield* openSession()
        yield* client.connect
        yield* client.login()
        yield* Effect.forkScoped(client.data(Effect.succeed(MESSAGE)))
        yield* Deferred.await(atApi)
        // Within the fiber of the message, which is not under way before it waits.
        yield* Effect.yieldNow
        yield* breakOff
        assert.deepStrictEqual(ended, ["session1-1"])
        yield* settled
      }).pipe(Effect.provide(sessionWith({ sink })))
    })
  )

  it.effect("stops reading and logging in when the client is gone", () =>
    Effect.gen(function* () {
      const interrupted: Array<string> = []
      const waiting = (name: string) =>
        Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted.push(name)))
      yield* Effect.gen(function* () {
        const reading = yield* openSession()
        yield* reading.connect
        yield* reading.login()
        // The adapter ends the reading when the client goes; the session does not answer and does not hang.
        const gone = yield* Deferred.make<never, ClientGone>()
        const receive = Effect.tapError(Deferred.await(gone), () => Effect.sync(() => void interrupted.push("data")))
        yield* Effect.forkScoped(reading.data(receive), { startImmediately: true })
        yield* Effect.yieldNow
        yield* Deferred.fail(gone, new ClientGone())
        yield* reading.vanish
      }).pipe(Effect.provide(sessionWith({})))
      yield* Effect.gen(function* () {
        const client = yield* openSession()
        yield* client.connect
        yield* Effect.forkScoped(client.login(), { startImmediately: true })
        yield* Effect.yieldNow
        yield* client.vanish
      }).pipe(Effect.provide(sessionWith({ authenticator: AuthenticatorFake(waiting("login")) })))
      assert.deepStrictEqual(interrupted, ["data", "login"])
    })
  )

  it.effect("gives back the connection slot when the client is gone", () => {
    let held = 0
    const limiter = Layer.mock(RateLimiter, {
      connection: () =>
        Effect.acquireRelease(
          Effect.sync(() => void held++),
          () => Effect.sync(() => void held--)
        )
    })
    return Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      assert.strictEqual(held, 1)
      yield* client.vanish
      assert.strictEqual(held, 0)
    }).pipe(Effect.provide(sessionWith({ limiter })))
  })

  it.effect("keeps sessions apart: a login is of one connection", () =>
    Effect.gen(function* () {
      const one = yield* openSession({ clientAddress: "192.0.2.1" })
      const other = yield* openSession({ clientAddress: "192.0.2.1" })
      yield* one.connect
      yield* other.connect
      yield* one.login()
      assert.strictEqual((yield* one.mail).code, 250)
      assert.strictEqual((yield* other.mail).code, 530)
    }).pipe(Effect.provide(sessionWith({})))
  )
})
