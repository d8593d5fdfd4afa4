/** What the metrics say of commands that fail. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ApiFailed, SubmissionRejected, TooManyConnections } from "../../src/domain/GatewayError.ts"
import { SmtpSessionLive } from "../../src/programs/session.ts"
import { MessageSink } from "../../src/services/MessageSink.ts"
import { RateLimiter } from "../../src/services/RateLimiter.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../kit/MetricsRecorder.ts"
import {
  AuthenticatorFake,
  MessageBudgetUnlimited,
  MessageSinkFake,
  openSession,
  RateLimiterOpen
} from "../kit/SessionKit.ts"
import { configWith } from "../kit/SettingsKit.ts"

const sessionWith = (
  parts: { readonly sink?: Layer.Layer<MessageSink>; readonly limiter?: Layer.Layer<RateLimiter> } = {}
) =>
  SmtpSessionLive.pipe(
    Layer.provide([configWith(), MessageBudgetUnlimited, AuthenticatorFake()]),
    Layer.provide([parts.limiter ?? RateLimiterOpen, parts.sink ?? MessageSinkFake([])]),
    Layer.provideMerge(layerMetricsRecorder)
  )

const sinkThat = (outcome: ReturnType<MessageSink["Service"]["accept"]>) =>
  Layer.succeed(MessageSink, { accept: () => outcome })

const sendOneMail = Effect.gen(function* () {
  const client = yield* openSession()
  yield* client.connect
  yield* client.login()
  yield* client.data(Effect.succeed(Buffer.from("Subject: hi\r\n\r\nhello\r\n")))
})

const answered = (recorder: MetricsRecorder["Service"]) =>
  ["accepted", "refused", "failed"].map((answer) => recorder.value("smtp_emails_answered_total", { answer }))

const errors = (recorder: MetricsRecorder["Service"], error_type: string, fault: string) =>
  recorder.value("smtp_errors_total", { error_type, fault })

describe("the metrics of a session", () => {
  it.effect("count an accepted mail, and no error", () =>
    Effect.gen(function* () {
      yield* sendOneMail
      const recorder = yield* MetricsRecorder
      assert.deepStrictEqual(answered(recorder), [1, 0, 0])
      assert.strictEqual(errors(recorder, "ApiFailed", "service"), 0)
    }).pipe(Effect.provide(sessionWith()))
  )

  it.effect("count a mail that Cakemail refuses as the sender's matter", () =>
    Effect.gen(function* () {
      yield* sendOneMail
      const recorder = yield* MetricsRecorder
      assert.deepStrictEqual(answered(recorder), [0, 1, 0])
      assert.strictEqual(errors(recorder, "SubmissionRejected", "sender"), 1)
    }).pipe(
      Effect.provide(
        sessionWith({
          sink: sinkThat(Effect.fail(new SubmissionRejected({ subject: "content", reason: "no", status: 400 })))
        })
      )
    )
  )

  it.effect("count a mail that Cakemail fails for as the service's", () =>
    Effect.gen(function* () {
      yield* sendOneMail
      const recorder = yield* MetricsRecorder
      assert.deepStrictEqual(answered(recorder), [0, 0, 1])
      assert.strictEqual(errors(recorder, "ApiFailed", "service"), 1)
    }).pipe(Effect.provide(sessionWith({ sink: sinkThat(Effect.fail(new ApiFailed({ status: 503 }))) })))
  )

  it.effect("count a defect as the service's", () =>
    Effect.gen(function* () {
      yield* sendOneMail
      const recorder = yield* MetricsRecorder
      assert.deepStrictEqual(answered(recorder), [0, 0, 1])
      assert.strictEqual(errors(recorder, "InternalError", "service"), 1)
      assert.strictEqual(recorder.value("smtp_defects_total"), 1)
    }).pipe(Effect.provide(sessionWith({ sink: sinkThat(Effect.die("nobody foresaw it")) })))
  )

  it.effect("count each refused login once, and what comes without one", () =>
    Effect.gen(function* () {
      const client = yield* openSession()
      yield* client.connect
      yield* client.mail
      yield* client.login("demo@example.com", "wrong")
      const recorder = yield* MetricsRecorder
      assert.strictEqual(errors(recorder, "NotAuthenticated", "sender"), 1)
      assert.strictEqual(errors(recorder, "AuthenticationFailed", "sender"), 1)
      assert.deepStrictEqual(answered(recorder), [0, 0, 0])
    }).pipe(Effect.provide(sessionWith()))
  )

  for (const [limit, fault] of [
    ["process", "service"],
    ["address", "sender"]
  ] as const) {
    it.effect(`lay a limit of connections of the ${limit} at the door of the ${fault}`, () =>
      Effect.gen(function* () {
        const client = yield* openSession()
        yield* client.connect
        assert.strictEqual(errors(yield* MetricsRecorder, "TooManyConnections", fault), 1)
      }).pipe(
        Effect.provide(
          sessionWith({
            limiter: Layer.mock(RateLimiter, { connection: () => Effect.fail(new TooManyConnections({ limit })) })
          })
        )
      )
    )
  }
})
