/** The ports that services offer: 587, 2525 and 2587 with STARTTLS, 465 with TLS from the start. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createTransport } from "nodemailer"
import { startGateway } from "../kit/GatewayKit.ts"
import { openWire } from "../kit/SmtpWire.ts"

/** As SMTP_PORT, two SMTP_EXTRA_PORTS and SMTPS_PORT make them, on free ports. */
const start = startGateway({
  settings: {
    smtp: {
      ports: [
        { port: 0, implicitTls: false },
        { port: 0, implicitTls: false },
        { port: 0, implicitTls: false },
        { port: 0, implicitTls: true }
      ]
    }
  }
})

describe("every port", () => {
  it.live("takes mail, the one with TLS from the start and those with STARTTLS", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPorts } = yield* start
        assert.deepStrictEqual(
          smtpPorts.map(({ implicitTls }) => implicitTls),
          [false, false, false, true]
        )
        assert.strictEqual(new Set(smtpPorts.map(({ port }) => port)).size, 4)
        for (const [index, { implicitTls, port }] of smtpPorts.entries()) {
          const { response } = yield* Effect.promise(() =>
            createTransport({
              host: "127.0.0.1",
              port,
              secure: implicitTls,
              requireTLS: !implicitTls,
              tls: { rejectUnauthorized: false },
              auth: { user: "demo@example.com", pass: "demo" }
            }).sendMail({ from: "demo@example.com", to: "to@example.com", subject: `Port ${index}`, text: "It works." })
          )
          assert.match(response, /^250 2\.0\.0 /)
        }
        assert.deepStrictEqual(
          (yield* sandbox.captured).map(({ subject }) => subject),
          ["Port 0", "Port 1", "Port 2", "Port 3"]
        )
      })
    )
  )

  it.live("wants TLS before a login", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { smtpPorts } = yield* start
        for (const { implicitTls, port } of smtpPorts) {
          const wire = yield* openWire(port, { implicitTls })
          assert.strictEqual((yield* wire.reply).code, 220)
          const { lines } = yield* wire.ask("EHLO client.example.com")
          assert.strictEqual(lines.includes("STARTTLS"), !implicitTls)
          assert.strictEqual(lines.includes("AUTH PLAIN LOGIN"), implicitTls)
          const { raw } = yield* wire.login()
          if (implicitTls) assert.strictEqual(raw, "235 2.7.0 Authentication successful")
          else assert.strictEqual(raw, "530 5.7.0 Must issue a STARTTLS command first")
        }
      })
    )
  )
})
