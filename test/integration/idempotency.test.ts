/** A client that lost the reply builds its mail anew and sends it again, over the wire in both contracts. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../kit/GatewayKit.ts"
import { openLoggedInWire, type Wire } from "../kit/SmtpWire.ts"

let builds = 0

/** Another date, Message-ID and boundary each time. */
const built = (key: string, text: string): string => {
  builds++
  return [
    "From: demo@example.com",
    "Subject: Your order",
    `Date: Fri, 2 Jan 2026 03:04:${10 + builds} +0000`,
    `Message-ID: <${builds}@example.com>`,
    key,
    `Content-Type: multipart/mixed; boundary=b${builds}`,
    "",
    `--b${builds}`,
    "",
    text,
    `--b${builds}--`,
    "."
  ].join("\r\n")
}

const send = Effect.fnUntraced(function* (wire: Wire, key: string, text = "Thank you.") {
  yield* wire.ask("MAIL FROM:<demo@example.com>")
  yield* wire.ask("RCPT TO:<to@example.com>")
  yield* wire.ask("DATA")
  return (yield* wire.ask(built(key, text))).raw
})

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  describe(`idempotency keys with ${contract}`, () => {
    for (const name of ["Idempotency-Key", "X-Idempotency-Key", "Resend-Idempotency-Key"]) {
      it.live(`${name}: the first receipt again, another mail refused, and the header goes no further`, () =>
        Effect.scoped(
          Effect.gen(function* () {
            const settings = { api: { contract }, smtp: { showReference: false } } as const
            const { sandbox, smtpPort } = yield* startGateway({ settings })
            const wire = yield* openLoggedInWire(smtpPort)
            const first = yield* send(wire, `${name}: order-1042`)
            assert.match(first, /^250 2\.0\.0 Message accepted for delivery: /)
            assert.strictEqual(yield* send(wire, `${name}: order-1042`), first)
            assert.strictEqual(
              yield* send(wire, `${name}: order-1042`, "We are sorry."),
              "550 5.6.0 Idempotency key was used for another message to this recipient"
            )
            const captured = yield* sandbox.captured
            assert.strictEqual(captured.length, 1)
            assert.notMatch(JSON.stringify(captured[0]), /idempotency|order-1042/i)
            assert.notStrictEqual(yield* send(wire, `${name}: order-1043`), first)
            assert.strictEqual((yield* sandbox.captured).length, 2)
          })
        )
      )
    }
  })
}
