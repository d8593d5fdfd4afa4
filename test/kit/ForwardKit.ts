/** Forwarding without a network: the real ForwardSink and Authenticator over an API whose answers a test decides. */
import { Clock, Context, Effect, Fiber, Layer, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Email } from "../../src/domain/Email.ts"
import {
  type ApiCallError,
  type AuthenticationFailed,
  MessageBudgetExhausted,
  type ParseError,
  type PrepareError,
  type SubmissionError,
  type SubmitError,
  TokenRejected
} from "../../src/domain/GatewayError.ts"
import type { Identity } from "../../src/domain/Identity.ts"
import * as SmtpReply from "../../src/domain/SmtpReply.ts"
import type { Accepted, Submission, SubmissionReceipt } from "../../src/domain/Submission.ts"
import { AuthCacheLive } from "../../src/layers/cakemail/AuthCacheLive.ts"
import { AuthenticatorLive } from "../../src/layers/cakemail/AuthenticatorLive.ts"
import { ForwardSink } from "../../src/programs/forward.ts"
import { CakemailClient, type MessageToPrepare } from "../../src/services/CakemailClient.ts"
import { type DeadLetter, DeadLetters } from "../../src/services/DeadLetters.ts"
import { MailParser } from "../../src/services/MailParser.ts"
import { MessageSink } from "../../src/services/MessageSink.ts"
import { Readiness } from "../../src/services/Readiness.ts"
import { makeLogRecorder } from "./LogRecorder.ts"
import { anEmail, anEnvelope, anIdentity, aTransit, credentials } from "./mail.ts"
import { layerMetricsRecorder, MetricsRecorder } from "./MetricsRecorder.ts"
import { layerReadiness } from "./ReadinessKit.ts"
import { RateLimiterOpen, RecentSubmissionsForgetful, reply } from "./SessionKit.ts"
import { configWith } from "./SettingsKit.ts"

/** One call that submits the message for one recipient. */
export interface SubmitCall {
  readonly recipient: string
  readonly token: string
  /** Milliseconds of the test clock. */
  readonly at: number
}

export interface FakeApi {
  readonly settings?: NonNullable<Parameters<typeof configWith>[0]>
  readonly parse?: Effect.Effect<Email, ParseError>
  /** The n-th login, counted from 1; absent: every login is good, and its token is `token-n`. */
  readonly login?: (
    n: number,
    revokeTokens: Effect.Effect<void>
  ) => Effect.Effect<void, AuthenticationFailed | ApiCallError>
  /** The n-th preparation, counted from 1. */
  readonly prepare?: (n: number) => Effect.Effect<void, PrepareError>
  /** What the n-th call for the recipient meets, counted from 1; absent: success. */
  readonly submit?: (
    recipient: string,
    n: number,
    revokeTokens: Effect.Effect<void>
  ) => Effect.Effect<void, SubmitError>
}

/** In the scope; messages are accepted by `accept`, in which the test clock runs as long as they take. */
export const startForwarding = Effect.fnUntraced(function* (api: FakeApi = {}) {
  const log = makeLogRecorder()
  const calls: Array<SubmitCall> = []
  const prepared: Array<MessageToPrepare> = []
  const deadLetters: Array<DeadLetter> = []
  const revoked = new Set<string>()
  let logins = 0
  const revokeTokens = Effect.sync(() => {
    for (let n = 1; n <= logins; n++) revoked.add(`token-${n}`)
  })

  const checkToken = (identity: Identity) =>
    revoked.has(Redacted.value(identity.token)) ? Effect.fail(new TokenRejected()) : Effect.void
  const ClientFake = Layer.mock(CakemailClient, {
    login: ({ username }) =>
      Effect.suspend(() => {
        const token = `token-${++logins}`
        return Effect.as(
          api.login?.(logins, revokeTokens) ?? Effect.void,
          anIdentity({ username, token: Redacted.make(token) })
        )
      }),
    prepare: (identity, message) =>
      Effect.suspend(() => {
        prepared.push(message)
        return checkToken(identity).pipe(
          Effect.andThen(api.prepare?.(prepared.length) ?? Effect.void),
          Effect.andThen(
            Effect.suspend(() => (message.room(1_000) ? Effect.void : Effect.fail(new MessageBudgetExhausted())))
          ),
          Effect.as({ bodyFor: () => [], sharedBytes: 1_000, query: "" })
        )
      }),
    submit: (identity, _prepared, recipient) =>
      Effect.gen(function* () {
        calls.push({ recipient, token: Redacted.value(identity.token), at: yield* Clock.currentTimeMillis })
        yield* checkToken(identity)
        const n = calls.filter((call) => call.recipient === recipient).length
        yield* api.submit?.(recipient, n, revokeTokens) ?? Effect.void
        const receipt: SubmissionReceipt = { recipient, messageId: `id-of-${recipient}` }
        return receipt
      })
  })
  const context = yield* Layer.build(
    ForwardSink.pipe(
      Layer.provide(AuthenticatorLive),
      Layer.provide(AuthCacheLive),
      Layer.provide([
        ClientFake,
        RateLimiterOpen,
        RecentSubmissionsForgetful,
        Layer.succeed(DeadLetters, { record: (letter) => Effect.sync(() => void deadLetters.push(letter)) })
      ]),
      Layer.provide(Layer.succeed(MailParser, { parse: () => api.parse ?? Effect.succeed(anEmail()) })),
      Layer.provideMerge(Layer.mergeAll(layerMetricsRecorder, layerReadiness())),
      Layer.provide(configWith(api.settings))
    )
  )
  const sink = Context.get(context, MessageSink)

  /** Accepts a message for the recipients; ends when it is settled. */
  const accept = Effect.fnUntraced(function* (
    recipients: ReadonlyArray<string>,
    given: Partial<Submission> = {}
  ): Effect.fn.Return<Accepted, SubmissionError, Scope.Scope> {
    const receivedAt = yield* Clock.currentTimeMillis
    const submission: Submission = {
      envelope: anEnvelope({ recipients }),
      identity: anIdentity(),
      credentials: credentials(),
      raw: Buffer.from("Subject: Hello\r\n\r\nGood morning\r\n"),
      grow: () => true,
      reference: "s1-1",
      transit: aTransit({ receivedAt }),
      ...given
    }
    const fiber = yield* sink
      .accept(submission)
      .pipe(Effect.provide(log.layer), Effect.forkScoped({ startImmediately: true }))
    yield* TestClock.adjust("2 minutes")
    return yield* Fiber.join(fiber)
  })

  return {
    accept,
    calls,
    prepared,
    deadLetters,
    events: log.events,
    logins: () => logins,
    /** The API refuses every token that it has given so far. */
    revokeTokens,
    metric: Context.get(context, MetricsRecorder).value,
    readiness: Context.get(context, Readiness)
  }
})

/** What the client would read. */
export const replyOf = <R>(outcome: Effect.Effect<Accepted, SubmissionError, R>) =>
  Effect.match(outcome, {
    onSuccess: (accepted) => reply(SmtpReply.accepted(accepted, undefined)),
    onFailure: (error) => reply(SmtpReply.fromError(error))
  })

/** For whom it was accepted. */
export const acceptedFor = ({ receipts }: Accepted): ReadonlyArray<string> => receipts.map(({ recipient }) => recipient)

/** `r0@example.com` and so on. */
export const people = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `r${index}@example.com`)
