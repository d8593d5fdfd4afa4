import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../kit/GatewayKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"

it.live("a mail that Cakemail limits is told when to come back, and then gets through", () =>
  Effect.gen(function* () {
    const { sandbox, smtpPort } = yield* startGateway({ settings: { smtp: { showReference: false } } })
    yield* sandbox.inject({ endpoint: "emails", what: "rate-limit", retryAfter: 7, next: 1 })

    const wire = yield* openLoggedInWire(smtpPort)
    const send = Effect.gen(function* () {
      yield* wire.ask("MAIL FROM:<demo@example.com>")
      yield* wire.ask("RCPT TO:<you@example.com>")
      yield* wire.ask("DATA")
      return yield* wire.ask("From: demo@example.com\r\nSubject: Hello\r\n\r\nIt works.\r\n.")
    })

    assert.strictEqual((yield* send).raw, "451 4.7.1 Rate limit exceeded, retry after 7s")
    const { raw } = yield* send
    const captured = yield* sandbox.captured
    assert.strictEqual(raw, `250 2.0.0 Message accepted for delivery: ${captured[0]?.id}`)
    assert.strictEqual(captured[0]?.subject, "Hello")
    assert.strictEqual(yield* sandbox.callsOf("emails"), 2)
  })
)
