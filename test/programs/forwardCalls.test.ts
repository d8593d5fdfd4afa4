/** The calls that one message makes: logins, retries, and the time for all of them. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import {
  ApiAnswerUnreadable,
  ApiFailed,
  ApiOutcomeUnknown,
  ApiRateLimited,
  ApiUnreachable,
  AuthenticationFailed,
  CircuitOpen,
  SubmissionErrored,
  SubmissionRejected,
  SubmissionTooLarge,
  TokenRejected
} from "../../src/domain/GatewayError.ts"
import * as SmtpReply from "../../src/domain/SmtpReply.ts"
import { acceptedFor, type FakeApi, people, replyOf, startForwarding } from "../kit/ForwardKit.ts"
import { reply } from "../kit/SessionKit.ts"

const REJECTED = new SubmissionRejected({ subject: "recipient", reason: "unknown", status: 400 })
const FAILED = new ApiFailed({ status: 503 })

describe("a token that ended", () => {
  it.effect("is renewed, and everybody gets the mail", () =>
    Effect.gen(function* () {
      const { accept, calls, logins, revokeTokens } = yield* startForwarding()
      yield* accept(["first@example.com"])
      yield* revokeTokens
      const recipients = people(30)
      assert.deepStrictEqual(acceptedFor(yield* accept(recipients)), recipients)
      assert.strictEqual(logins(), 2)
      assert.strictEqual(calls.filter(({ token }) => token === "token-2").length, 30)
    })
  )

  it.effect("is renewed by one login when it ends for many recipients at once", () =>
    Effect.gen(function* () {
      const { accept, calls, logins } = yield* startForwarding({
        // Ends while the first recipient is at the API and the others are on their way.
        submit: (recipient, n, revokeTokens) =>
          recipient === "r0@example.com" && n === 1 ? revokeTokens : Effect.sleep("10 millis"),
        login: () => Effect.sleep("1 second")
      })
      const recipients = people(10)
      assert.deepStrictEqual(acceptedFor(yield* accept(recipients)), recipients)
      assert.strictEqual(calls.filter(({ token }) => token === "token-1").length, 10)
      assert.strictEqual(calls.filter(({ token }) => token === "token-2").length, 9)
      assert.strictEqual(logins(), 2)
    })
  )

  it.effect("refused again after the renewal: 535, and the connection ends", () =>
    Effect.gen(function* () {
      const { accept, calls, logins } = yield* startForwarding({
        submit: (_recipient, _n, revokeTokens) => Effect.andThen(revokeTokens, Effect.fail(new TokenRejected()))
      })
      assert.strictEqual(yield* replyOf(accept(["a@example.com"])), "535 5.7.8 Authentication failed [close]")
      assert.strictEqual(logins(), 2)
      assert.strictEqual(calls.length, 2)
    })
  )

  it.effect("and the password is good no more: 535", () =>
    Effect.gen(function* () {
      const { accept, revokeTokens } = yield* startForwarding({
        login: (n) => (n === 1 ? Effect.void : Effect.fail(new AuthenticationFailed({ reason: "credentials" })))
      })
      yield* accept(["a@example.com"])
      yield* revokeTokens
      assert.strictEqual(yield* replyOf(accept(["a@example.com"])), "535 5.7.8 Authentication failed")
    })
  )

  it.effect("and the API is away: 451 4.7.0", () =>
    Effect.gen(function* () {
      const { accept, revokeTokens } = yield* startForwarding({
        login: (n) => (n === 1 ? Effect.void : Effect.fail(new ApiUnreachable({ cause: "x" })))
      })
      yield* accept(["a@example.com"])
      yield* revokeTokens
      assert.strictEqual(
        yield* replyOf(accept(["a@example.com"])),
        "451 4.7.0 Authentication is temporarily unavailable, try again later"
      )
    })
  )
})

describe("SUBMIT_DEADLINE", () => {
  const slow = (recipient: string) => (recipient.startsWith("slow") ? Effect.never : Effect.void)

  it.effect("ends what is under way with 451 4.4.1 after 30 s", () =>
    Effect.gen(function* () {
      const { accept, events } = yield* startForwarding({ submit: slow })
      assert.strictEqual(yield* replyOf(accept(["slow@example.com"])), "451 4.4.1 Service temporarily unavailable")
      const summary = events.find(({ event }) => event === "email_received")
      assert.strictEqual(summary?.fields["processing_time_ms"], 30_000)
    })
  )

  it.effect("counts those that were accepted before", () =>
    Effect.gen(function* () {
      const { accept, deadLetters, metric } = yield* startForwarding({ submit: slow })
      const accepted = yield* accept(["slow@example.com", "a@example.com", "slow@example.org", "b@example.com"])
      assert.deepStrictEqual(acceptedFor(accepted), ["a@example.com", "b@example.com"])
      assert.deepStrictEqual(
        deadLetters.flatMap(({ failures }) => failures.map(({ error }) => error._tag)),
        ["SubmitDeadlineExceeded", "SubmitDeadlineExceeded"]
      )
      assert.strictEqual(metric("smtp_emails_forwarded_total", { result: "failure" }), 2)
    })
  )

  it.effect("is 451 under PARTIAL_FAILURE=defer even when others were accepted", () =>
    Effect.gen(function* () {
      const { accept } = yield* startForwarding({ submit: slow, settings: { partialFailure: "defer" } })
      assert.strictEqual(
        yield* replyOf(accept(["a@example.com", "slow@example.com"])),
        "451 4.4.1 Service temporarily unavailable"
      )
    })
  )

  it.effect("covers the parser, the login and the preparation too", () =>
    Effect.gen(function* () {
      const stuck: ReadonlyArray<FakeApi> = [
        { parse: Effect.never },
        { prepare: () => Effect.never },
        { login: () => Effect.never, settings: { api: { authTimeout: Duration.minutes(1) } } }
      ]
      for (const api of stuck) {
        const { accept, calls } = yield* startForwarding(api)
        assert.strictEqual(yield* replyOf(accept(["a@example.com"])), "451 4.4.1 Service temporarily unavailable")
        assert.strictEqual(calls.length, 0)
      }
    })
  )
})

describe("retries", () => {
  const retriable = [FAILED, new ApiUnreachable({ cause: "x" })]
  for (const error of retriable) {
    it.effect(`three calls in all after ${error._tag}, about 1 s and 2 s apart`, () =>
      Effect.gen(function* () {
        const { accept, calls, metric } = yield* startForwarding({ submit: () => Effect.fail(error) })
        assert.match(yield* replyOf(accept(["a@example.com"])), /^451 /)
        const [first, second, third, ...more] = calls.map(({ at }) => at)
        assert.deepStrictEqual(more, [])
        assert.isTrue(first === 0 && second !== undefined && third !== undefined)
        assert.isTrue(second! >= 800 && second! <= 1_200, `${second}`)
        assert.isTrue(third! - second! >= 1_600 && third! - second! <= 2_400, `${third}`)
        assert.strictEqual(metric("smtp_retries_total", { operation: "submit" }), 2)
      })
    )

    it.effect(`a second call that is good after ${error._tag} makes a 250`, () =>
      Effect.gen(function* () {
        const { accept, calls } = yield* startForwarding({
          submit: (_, n) => (n === 1 ? Effect.fail(error) : Effect.void)
        })
        assert.deepStrictEqual(acceptedFor(yield* accept(["a@example.com"])), ["a@example.com"])
        assert.strictEqual(calls.length, 2)
      })
    )
  }

  it.effect("one recipient's retry holds up nobody else", () =>
    Effect.gen(function* () {
      const { accept, calls } = yield* startForwarding({
        submit: (recipient, n) => (recipient === "a@example.com" && n === 1 ? Effect.fail(FAILED) : Effect.void)
      })
      assert.deepStrictEqual(acceptedFor(yield* accept(["a@example.com", "b@example.com"])), [
        "a@example.com",
        "b@example.com"
      ])
      assert.deepStrictEqual(
        calls.map(({ recipient }) => recipient),
        ["a@example.com", "b@example.com", "a@example.com"]
      )
    })
  )

  it.effect("an unknown outcome is tried once more, and told as a possible duplicate", () =>
    Effect.gen(function* () {
      const { accept, calls, events } = yield* startForwarding({
        submit: () => Effect.fail(new ApiOutcomeUnknown({ kind: "reset", cause: "x" }))
      })
      assert.match(yield* replyOf(accept(["a@example.com"])), /^451 4\.4\.1 /)
      assert.strictEqual(calls.length, 2)
      assert.include(
        events.map(({ event }) => event),
        "possible_duplicate"
      )
    })
  )

  const final = [
    REJECTED,
    new SubmissionTooLarge(),
    new SubmissionErrored(),
    new ApiRateLimited({ retryAfter: 1 }),
    new ApiAnswerUnreadable({ status: 201, cause: "x" }),
    new CircuitOpen()
  ]
  for (const error of final) {
    it.effect(`none after ${error._tag}`, () =>
      Effect.gen(function* () {
        const { accept, calls } = yield* startForwarding({ submit: () => Effect.fail(error) })
        assert.strictEqual(yield* replyOf(accept(["a@example.com"])), reply(SmtpReply.fromError(error)))
        assert.strictEqual(calls.length, 1)
      })
    )
  }

  it.effect("none while draining", () =>
    Effect.gen(function* () {
      const { accept, calls, readiness } = yield* startForwarding({ submit: () => Effect.fail(FAILED) })
      yield* readiness.set("draining", true)
      assert.match(yield* replyOf(accept(["a@example.com"])), /^451 4\.3\.0 /)
      assert.strictEqual(calls.length, 1)
    })
  )

  it.effect("preparing is tried again too", () =>
    Effect.gen(function* () {
      const { accept, metric, prepared } = yield* startForwarding({
        prepare: (n) => (n < 3 ? Effect.fail(FAILED) : Effect.void)
      })
      assert.deepStrictEqual(acceptedFor(yield* accept(["a@example.com"])), ["a@example.com"])
      assert.strictEqual(prepared.length, 3)
      assert.strictEqual(metric("smtp_retries_total", { operation: "prepare" }), 2)
    })
  )
})
