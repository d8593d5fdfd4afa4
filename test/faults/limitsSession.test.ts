/** What one session may ask for, and how long it may take. */
import { assert, describe } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { active, withLimits } from "../kit/LimitsKit.ts"
import { beginMail, sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openWire } from "../kit/SmtpWire.ts"

describe.concurrent("one session", () => {
  withLimits(
    "that names recipients without end is told 452, then 421",
    { smtp: { maxRecipients: 5 } },
    ({ sandbox, smtpPort }) =>
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(smtpPort)
        yield* wire.ask("MAIL FROM:<demo@example.com>")
        const names = Array.from({ length: 1_100 }, (_, index) => `RCPT TO:<r${index}@example.com>\r\n`)
        yield* wire.send(names.join(""))
        const codes: Array<number> = []
        for (let index = 0; codes.at(-1) !== 421 && index < names.length; index++) codes.push((yield* wire.reply).code)
        yield* wire.ended
        assert.strictEqual(codes.filter((code) => code === 250).length, 5)
        assert.strictEqual(codes.filter((code) => code === 452).length, 1_000)
        assert.strictEqual(codes.at(-1), 421)
        assert.strictEqual(yield* sandbox.callsOf("emails"), 0)
      })
  )

  withLimits(
    "with some recipients too many goes to the others",
    { smtp: { maxRecipients: 2 } },
    ({ sandbox, smtpPort }) =>
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(smtpPort)
        const to = ["a@example.com", "b@example.com", "c@example.com", "A@EXAMPLE.com", "a@EXAMPLE.com"]
        assert.match(yield* sendMail(wire, { to }), /^250 .*\(\+1 more\)/)
        assert.strictEqual((yield* sandbox.captured).length, 2)
      })
  )

  withLimits("of bad commands ends with 421 at the tenth", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openWire(smtpPort)
      yield* wire.reply
      for (let bad = 0; bad < 9; bad++) assert.strictEqual((yield* wire.ask("NONSENSE")).code, 500)
      assert.strictEqual((yield* wire.ask("NONSENSE")).raw, "421 4.7.0 Too many bad commands, closing connection")
      yield* wire.ended
    })
  )

  withLimits("without a login ends with 421 at the fiftieth command", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openWire(smtpPort)
      yield* wire.reply
      for (let command = 1; command < 50; command++) assert.strictEqual((yield* wire.ask("NOOP")).code, 250)
      assert.strictEqual((yield* wire.ask("NOOP")).raw, "421 4.7.0 Too many commands without a login")
      yield* wire.ended
    })
  )

  withLimits(
    "that is idle for CONNECTION_TIMEOUT ends with 421",
    { smtp: { connectionTimeout: Duration.millis(300) } },
    ({ smtpPort }) =>
      Effect.gen(function* () {
        const wire = yield* openWire(smtpPort)
        yield* wire.reply
        assert.strictEqual((yield* wire.reply).raw, "421 4.4.2 Timeout, closing connection")
        yield* wire.ended
      })
  )

  withLimits(
    "whose data takes longer than DATA_TIMEOUT ends with 421",
    { smtp: { dataTimeout: Duration.millis(300) } },
    (gateway) =>
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        assert.strictEqual((yield* beginMail(wire)).code, 354)
        yield* wire.send("From: demo@example.com\r\n")
        assert.strictEqual((yield* wire.reply).raw, "421 4.4.2 Message data too slow, closing connection")
        yield* wire.ended
        yield* eventually(Effect.map(active(gateway), (open) => open === 0))
        assert.strictEqual(yield* metricOf(gateway.httpUrl, "smtp_inflight_message_bytes"), 0)
        assert.strictEqual(yield* gateway.sandbox.callsOf("emails"), 0)
      })
  )
})
