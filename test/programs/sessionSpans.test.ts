/** The spans of a session and its messages, with nothing but the session behind them. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Logger, type Scope } from "effect"
import { TestClock } from "effect/testing"
import {
  MessageRateExceeded,
  MessageTooLarge,
  type ReceiveError,
  SubmissionRejected,
  TooManyConnections
} from "../../src/domain/GatewayError.ts"
import type { Accepted } from "../../src/domain/Submission.ts"
import { SmtpSessionLive } from "../../src/programs/session.ts"
import { MESSAGES_IN_SESSION_TRACE } from "../../src/programs/sessionSpans.ts"
import { MessageSink } from "../../src/services/MessageSink.ts"
import { RateLimiter } from "../../src/services/RateLimiter.ts"
import type { SmtpSession } from "../../src/services/SmtpSession.ts"
import * as SessionKit from "../kit/SessionKit.ts"
import { configWith } from "../kit/SettingsKit.ts"
import { makeSpanRecorder, type RecordedSpan } from "../kit/SpanRecorder.ts"

type Client = Effect.Success<ReturnType<typeof SessionKit.openSession>>

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const SENDER = "b7ad6b7169203331"

const ACCEPTED: Accepted = { receipts: [{ recipient: "b@example.com", messageId: "id-1" }] }

const plain = Buffer.from("Subject: Hello\r\n\r\nIt works.\r\n")

const sentWithin = (flags: "00" | "01"): Buffer =>
  Buffer.concat([Buffer.from(`traceparent: 00-${TRACE}-${SENDER}-${flags}\r\n`), plain])

const ENDPOINTS = {
  "client.address": "192.0.2.1",
  "server.address": "mail.example.com",
  "server.port": 587,
  "network.protocol.name": "smtp",
  "network.transport": "tcp"
}

/** Effect's own loggers make an event of the current span of every line. */
const WithoutLogs = Logger.layer([])

/** Runs a session of a logged in client to its end, and gives the spans of it. */
const spansOf = Effect.fnUntraced(function* (
  talk: (client: Client) => Effect.Effect<unknown, never, Scope.Scope | SmtpSession>,
  options: {
    readonly accept?: MessageSink["Service"]["accept"]
    readonly keep?: Parameters<typeof makeSpanRecorder>[0]
    readonly limits?: Partial<RateLimiter["Service"]>
    /** The greeting is all that the client hears. */
    readonly sentAway?: boolean
  } = {}
) {
  const recorder = makeSpanRecorder(options.keep)
  const limiter = Layer.effect(
    RateLimiter,
    Effect.map(RateLimiter, (open) => ({ ...open, ...options.limits }))
  ).pipe(Layer.provide(SessionKit.RateLimiterOpen))
  const session = SmtpSessionLive.pipe(
    Layer.provide(Layer.succeed(MessageSink, { accept: options.accept ?? (() => Effect.succeed(ACCEPTED)) })),
    Layer.provide([SessionKit.AuthenticatorFake(), limiter, SessionKit.MessageBudgetUnlimited]),
    Layer.provide([SessionKit.MetricsSilent, configWith({ smtp: { hostname: "mail.example.com" } }), recorder.layer])
  )
  yield* Effect.gen(function* () {
    const client = yield* SessionKit.openSession()
    yield* client.connect
    if (options.sentAway !== true) yield* client.login()
    yield* talk(client)
    yield* client.vanish
  }).pipe(Effect.provide([session, recorder.layer, WithoutLogs]), Effect.scoped)
  return recorder.spans
})

const named = (spans: ReadonlyArray<RecordedSpan>, name: string): RecordedSpan => {
  const [span, ...others] = spans.filter((each) => each.name === name)
  assert.isDefined(span, name)
  assert.strictEqual(others.length, 0, name)
  return span
}

describe("a session", () => {
  it.effect("is a trace, and the message and the login are in it", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf((client) => client.data(Effect.succeed(plain), ["a@example.com", "b@example.com"]))
      const session = named(spans, "SMTP session")
      const message = named(spans, "SMTP message")
      assert.isUndefined(session.parentSpanId)
      assert.strictEqual(session.kind, "server")
      assert.deepStrictEqual(session.attributes, {
        correlation_id: "req_session1",
        ...ENDPOINTS
      })
      assert.strictEqual(named(spans, "authenticate").parentSpanId, session.spanId)
      assert.deepStrictEqual([message.parentSpanId, message.traceId], [session.spanId, session.traceId])
      assert.strictEqual(message.kind, "consumer")
      assert.deepStrictEqual(message.links, [])
      assert.deepStrictEqual(message.events, ["data received"])
      assert.deepStrictEqual(message.attributes, {
        correlation_id: "req_session1",
        "smtp.reference": "session1-1",
        "smtp.recipient.count": 2,
        ...ENDPOINTS,
        "messaging.system": "smtp",
        "messaging.operation.name": "DATA",
        "messaging.operation.type": "process",
        "messaging.message.body.size": plain.byteLength,
        "smtp.reply.code": 250,
        "smtp.reply.enhanced_code": "2.0.0"
      })
    })
  )

  it.effect("knows how it is encrypted", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf((client) =>
        Effect.andThen(
          client.tell({ _tag: "Secure", protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" }),
          client.login()
        )
      )
      const { attributes } = named(spans, "SMTP session")
      assert.strictEqual(attributes["tls.protocol.version"], "1.3")
      assert.strictEqual(attributes["tls.cipher"], "TLS_AES_128_GCM_SHA256")
    })
  )

  it.effect("that is not kept has no message, and no login, that is", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf((client) => client.data(Effect.succeed(plain)), { keep: () => false })
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["SMTP session"]
      )
    })
  )

  it.effect("holds the first hundred messages; each one after them is a trace of its own", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf((client) =>
        Effect.repeat(client.data(Effect.succeed(plain)), { times: MESSAGES_IN_SESSION_TRACE + 1 })
      )
      const session = named(spans, "SMTP session")
      const messages = spans.filter(({ name }) => name === "SMTP message")
      assert.strictEqual(messages.length, MESSAGES_IN_SESSION_TRACE + 2)
      for (const [index, message] of messages.entries()) {
        const within = index < MESSAGES_IN_SESSION_TRACE
        assert.strictEqual(message.parentSpanId, within ? session.spanId : undefined)
        assert.deepStrictEqual(message.links, within ? [] : [session.spanId])
      }
      assert.strictEqual(new Set(messages.map(({ traceId }) => traceId)).size, 3)
      assert.isBelow(Object.keys(session.attributes).length, 10, "nothing of a message stays with the session")
      assert.deepStrictEqual(session.events, [])
    })
  )

  it.effect("that is not kept has later messages that are", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        (client) => Effect.repeat(client.data(Effect.succeed(plain)), { times: MESSAGES_IN_SESSION_TRACE }),
        { keep: ({ name }) => name === "SMTP message" }
      )
      const message = named(spans, "SMTP message")
      assert.strictEqual(message.attributes["smtp.reference"], `session1-${MESSAGES_IN_SESSION_TRACE + 1}`)
      assert.deepStrictEqual(message.links, [], "there is nothing to be seen of the session")
    })
  )
})

describe("a message that nobody will see the trace of", () => {
  const currentSpan = Effect.map(Effect.currentParentSpan, ({ sampled, spanId }) => ({ sampled, spanId }))

  const seenBy = Effect.fnUntraced(function* (message: Buffer, times: number, keep: () => boolean) {
    const seen: Array<{ readonly sampled: boolean; readonly spanId: string }> = []
    const accept = () =>
      Effect.as(
        Effect.map(Effect.orDie(currentSpan), (span) => seen.push(span)),
        ACCEPTED
      )
    const spans = yield* spansOf((client) => Effect.repeat(client.data(Effect.succeed(message)), { times }), {
      accept,
      keep
    })
    return { seen, spans }
  })

  it.effect("stays in that of its session, which nobody will see either, also beyond the first hundred", () =>
    Effect.gen(function* () {
      const { seen, spans } = yield* seenBy(plain, MESSAGES_IN_SESSION_TRACE, () => false)
      const { spanId } = named(spans, "SMTP session")
      assert.strictEqual(seen.length, MESSAGES_IN_SESSION_TRACE + 1)
      for (const span of seen) assert.deepStrictEqual(span, { sampled: false, spanId })
    })
  )

  it.effect("goes on in the trace that the mail named, whatever becomes of the session", () =>
    Effect.gen(function* () {
      for (const kept of [true, false]) {
        const { seen, spans } = yield* seenBy(sentWithin("00"), 0, () => kept)
        const message = named(spans, "SMTP message")
        assert.strictEqual(message.traceId, TRACE)
        assert.deepStrictEqual(seen, [{ sampled: false, spanId: message.spanId }])
      }
    })
  )
})

describe("a command that is refused", () => {
  it.effect("is an event of its session, with the reply; the login has its own", () =>
    Effect.gen(function* () {
      const refuse = () => Effect.fail(new MessageRateExceeded({ limit: "address", retryAfter: 7 }))
      const spans = yield* spansOf((client) => client.mail, { limits: { message: refuse } })
      assert.deepStrictEqual(named(spans, "SMTP session").events, ["command refused"])
      assert.notProperty(named(spans, "SMTP session").attributes, "smtp.reply.code")
      assert.strictEqual(named(spans, "authenticate").attributes["smtp.reply.code"], 235)
    })
  )

  it.effect("at the greeting is the reply of the session", () =>
    Effect.gen(function* () {
      const refuse = () => Effect.fail(new TooManyConnections({ limit: "address" }))
      const spans = yield* spansOf(() => Effect.void, { limits: { connection: refuse }, sentAway: true })
      const { attributes, events } = named(spans, "SMTP session")
      assert.deepStrictEqual(
        [attributes["error.type"], attributes["smtp.reply.code"], attributes["smtp.reply.enhanced_code"]],
        ["TooManyConnections", 421, "4.7.0"]
      )
      assert.deepStrictEqual(events, [])
    })
  )
})

describe("a message that was sent within a trace", () => {
  it.effect("is part of it, and links to its session", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf((client) => client.data(Effect.succeed(sentWithin("01"))))
      const message = named(spans, "SMTP message")
      assert.deepStrictEqual([message.traceId, message.parentSpanId], [TRACE, SENDER])
      assert.deepStrictEqual(message.links, [named(spans, "SMTP session").spanId])
    })
  )

  it.effect("is kept when that is kept, and not when it is not, whatever becomes of the session", () =>
    Effect.gen(function* () {
      const kept = yield* spansOf((client) => client.data(Effect.succeed(sentWithin("01"))), { keep: () => false })
      assert.isTrue(named(kept, "SMTP message").sampled)
      assert.deepStrictEqual(named(kept, "SMTP message").links, [])
      const dropped = yield* spansOf((client) => client.data(Effect.succeed(sentWithin("00"))))
      assert.isFalse(named(dropped, "SMTP message").sampled)
      assert.deepStrictEqual(named(dropped, "SMTP message").attributes, {}, "nothing is worked out for nobody")
    })
  )
})

describe("a message that is refused", () => {
  it.effect("has its reply, whoever refused it", () =>
    Effect.gen(function* () {
      const error = new SubmissionRejected({ subject: "recipient", reason: "unknown", status: 400 })
      const spans = yield* spansOf((client) => client.data(Effect.succeed(plain)), { accept: () => Effect.fail(error) })
      const { attributes, exit } = named(spans, "SMTP message")
      assert.deepStrictEqual([attributes["smtp.reply.code"], attributes["smtp.reply.enhanced_code"]], [550, "5.1.3"])
      assert.isTrue(Exit.hasFails(exit))
    })
  )

  it.effect("before its data has arrived has a span all the same", () =>
    Effect.gen(function* () {
      const tooLarge: Effect.Effect<Uint8Array, ReceiveError> = Effect.fail(new MessageTooLarge({ limit: 10 }))
      const { attributes, events } = named(yield* spansOf((client) => client.data(tooLarge)), "SMTP message")
      assert.deepStrictEqual([attributes["smtp.reply.code"], attributes["smtp.reply.enhanced_code"]], [552, "5.3.4"])
      assert.notProperty(attributes, "messaging.message.body.size")
      assert.deepStrictEqual(events, [])
    })
  )

  it.effect("by a bug has the reply that the client gets", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf((client) => client.data(Effect.succeed(plain)), {
        accept: () => Effect.die(new Error("bug"))
      })
      const { attributes, exit } = named(spans, "SMTP message")
      assert.strictEqual(attributes["smtp.reply.code"], 451)
      assert.isFalse(Exit.hasDies(exit), "it was logged inside of the span, and is an error of ours from there on")
    })
  )
})

describe("the span of a message", () => {
  it.effect("begins with DATA and ends with the outcome, though the client has gone", () =>
    Effect.gen(function* () {
      const recorded = yield* Deferred.make<void>()
      const received = Effect.as(Effect.sleep("3 seconds"), plain)
      const spans = yield* spansOf(
        (client) =>
          Effect.gen(function* () {
            yield* Effect.forkScoped(client.data(received), { startImmediately: true })
            yield* TestClock.adjust("3 seconds")
            yield* client.vanish
            yield* TestClock.adjust("5 seconds")
            yield* Deferred.await(recorded)
          }),
        { accept: () => Effect.as(Effect.delay(Deferred.succeed(recorded, undefined), "5 seconds"), ACCEPTED) }
      )
      const message = named(spans, "SMTP message")
      assert.strictEqual(message.end - message.start, 8_000_000_000n)
      const session = named(spans, "SMTP session")
      assert.strictEqual(session.end - session.start, 3_000_000_000n)
    })
  )
})
