import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { SubmissionRejected } from "../../src/domain/GatewayError.ts"
import { SmtpSessionLive } from "../../src/programs/session.ts"
import { MessageSink } from "../../src/services/MessageSink.ts"
import * as SessionKit from "../kit/SessionKit.ts"
import { configWith } from "../kit/SettingsKit.ts"

const refusing = Layer.succeed(MessageSink, {
  accept: () => Effect.fail(new SubmissionRejected({ subject: "recipient", reason: "no such mailbox", status: 400 }))
})

const session = SmtpSessionLive.pipe(
  Layer.provide(refusing),
  Layer.provide([SessionKit.AuthenticatorFake(), SessionKit.RateLimiterOpen, SessionKit.MessageBudgetUnlimited]),
  Layer.provide([SessionKit.MetricsSilent, configWith()])
)

it.effect("a session passes the reason on", () =>
  Effect.gen(function* () {
    const client = yield* SessionKit.openSession()
    yield* client.connect
    yield* client.login()
    yield* client.mail
    yield* client.rcpt("you@example.com")
    const answer = yield* client.data(Effect.succeed(Buffer.from("Subject: Hello\r\n\r\nIt works.\r\n")))
    assert.strictEqual(SessionKit.reply(answer), "550 5.1.3 Message rejected: no such mailbox")
  }).pipe(Effect.provide(session))
)

it.effect("a session closes a second after a wrong password", () =>
  Effect.gen(function* () {
    const client = yield* SessionKit.openSession()
    yield* client.connect
    yield* client.login("demo@example.com", "wrong")
    assert.isFalse(yield* client.isClosed)
    yield* TestClock.adjust("1 second")
    assert.isTrue(yield* client.isClosed)
  }).pipe(Effect.provide(session))
)
