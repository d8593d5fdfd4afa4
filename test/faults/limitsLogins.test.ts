/** What failed logins cost those who make them, and nobody else. */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { active, BLOCKED, greetingAt, SUSPENDED, TOO_MANY, withLimits } from "../kit/LimitsKit.ts"
import { sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openSecureWire, openWire } from "../kit/SmtpWire.ts"

describe.concurrent("failed logins", () => {
  /** One wrong password a connection. */
  const guess = (port: number, password: string, localAddress = "127.0.0.1", username = "demo@example.com") =>
    Effect.scoped(
      Effect.flatMap(openSecureWire(port, { localAddress }), (wire) =>
        Effect.map(wire.login(username, password), ({ raw }) => raw)
      )
    )

  withLimits("of five passwords block the address at connect, and no other", {}, ({ httpUrl, sandbox, smtpPort }) =>
    Effect.gen(function* () {
      const open = yield* openLoggedInWire(smtpPort)
      for (let attempt = 0; attempt < 5; attempt++) {
        assert.match(
          yield* guess(smtpPort, `wrong${attempt}`, "127.0.0.1", `user${attempt}@example.com`),
          /^535 5\.7\.8 /
        )
      }
      assert.strictEqual(yield* greetingAt(smtpPort), BLOCKED)
      assert.strictEqual(yield* greetingAt(smtpPort), BLOCKED)
      assert.match(yield* greetingAt(smtpPort, "127.0.0.2"), /^220 /)
      assert.strictEqual(yield* metricOf(httpUrl, 'smtp_rate_limited_total{limit="address_blocked"}'), 2)
      // Who is in stays in.
      assert.match(yield* sendMail(open), /^250 /)
      assert.strictEqual((yield* sandbox.captured).length, 1)
    })
  )

  withLimits(
    "turn the address away on the port of implicit TLS too, before any handshake",
    {
      smtp: {
        ports: [
          { port: 0, implicitTls: false },
          { port: 0, implicitTls: true }
        ]
      },
      limits: { maxConnectionsPerAddress: 2 }
    },
    (gateway) =>
      Effect.gen(function* () {
        const { httpUrl, smtpPort, smtpPorts } = gateway
        const implicit = smtpPorts.find(({ implicitTls }) => implicitTls)?.port ?? 0
        const open = yield* openWire(implicit, { implicitTls: true })
        assert.match((yield* open.reply).raw, /^220 /)
        // Counted from connect on: a handshake that never comes holds a place.
        yield* openWire(implicit)
        yield* eventually(Effect.map(active(gateway), (count) => count === 2))
        assert.strictEqual(yield* greetingAt(implicit), TOO_MANY)
        for (let attempt = 0; attempt < 5; attempt++) {
          yield* guess(smtpPort, `wrong${attempt}`, "127.0.0.2", `user${attempt}@example.com`)
        }
        assert.strictEqual(yield* greetingAt(implicit, "127.0.0.2"), BLOCKED)
        assert.strictEqual(yield* metricOf(httpUrl, 'smtp_rate_limited_total{limit="address_blocked"}'), 1)
      })
  )

  withLimits("block the address on the connections that it has open, too", {}, ({ sandbox, smtpPort }) =>
    Effect.gen(function* () {
      const wires = yield* Effect.forEach([1, 2], () => openSecureWire(smtpPort))
      for (let attempt = 0; attempt < 5; attempt++) {
        yield* guess(smtpPort, `wrong${attempt}`, "127.0.0.1", `user${attempt}@example.com`)
      }
      const calls = yield* sandbox.callsOf("token")
      for (const wire of wires) {
        assert.strictEqual((yield* wire.login("demo@example.com", "demo")).raw, BLOCKED)
        yield* wire.ended
      }
      assert.strictEqual(yield* sandbox.callsOf("token"), calls)
    })
  )

  withLimits("of one password, over and over, block nobody", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      for (let attempt = 0; attempt < 8; attempt++) assert.match(yield* guess(smtpPort, "old"), /^535 5\.7\.8 /)
      assert.match(yield* greetingAt(smtpPort), /^220 /)
    })
  )

  withLimits("from many addresses suspend the name: no call, but what is cached passes", {}, ({ sandbox, smtpPort }) =>
    Effect.gen(function* () {
      const good = yield* openLoggedInWire(smtpPort, { localAddress: "127.0.0.9" })
      for (let attempt = 1; attempt <= 5; attempt++) {
        assert.match(yield* guess(smtpPort, `wrong${attempt}`, `127.0.0.${attempt}`), /^535 /)
      }
      const calls = yield* sandbox.callsOf("token")
      assert.strictEqual(yield* guess(smtpPort, "wrong6", "127.0.0.6"), SUSPENDED)
      assert.strictEqual(yield* guess(smtpPort, "wrong7", "127.0.0.7"), SUSPENDED)
      assert.match(yield* guess(smtpPort, "demo", "127.0.0.8"), /^235 /)
      assert.strictEqual(yield* sandbox.callsOf("token"), calls)
      assert.match(yield* sendMail(good), /^250 /)
      assert.match(yield* guess(smtpPort, "x", "127.0.0.8", "other@example.com"), /^535 /)
    })
  )

  withLimits("of trusted networks block no address", { trustedNetworks: ["127.0.0.0/8"] }, ({ smtpPort }) =>
    Effect.gen(function* () {
      for (let attempt = 0; attempt < 7; attempt++)
        yield* guess(smtpPort, `w${attempt}`, "127.0.0.1", `${attempt}@example.com`)
      assert.match(yield* greetingAt(smtpPort), /^220 /)
    })
  )

  withLimits(
    "behind a PROXY block the client that the header names",
    { smtp: { proxyTrusted: ["127.0.0.0/8"] } },
    ({ smtpPort }) =>
      Effect.gen(function* () {
        const connectAs = Effect.fnUntraced(function* (client: string) {
          const wire = yield* openWire(smtpPort)
          yield* wire.send(`PROXY TCP4 ${client} 192.0.2.200 40000 587\r\n`)
          return { wire, greeting: (yield* wire.reply).raw }
        })
        for (let attempt = 0; attempt < 5; attempt++) {
          const { wire } = yield* connectAs("192.0.2.1")
          yield* wire.ask("EHLO client.example.com")
          yield* wire.ask("STARTTLS")
          yield* wire.startTls
          yield* wire.ask("EHLO client.example.com")
          assert.match((yield* wire.login(`user${attempt}@example.com`, "wrong")).raw, /^535 /)
        }
        assert.strictEqual((yield* connectAs("192.0.2.1")).greeting, BLOCKED)
        assert.match((yield* connectAs("192.0.2.2")).greeting, /^220 /)
      })
  )

  withLimits("end the connection with the second", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openSecureWire(smtpPort)
      assert.match((yield* wire.login("demo@example.com", "one")).raw, /^535 /)
      assert.match((yield* wire.login("demo@example.com", "two")).raw, /^535 /)
      yield* wire.ended
    })
  )

  withLimits("end the connection a second after the first", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openSecureWire(smtpPort)
      assert.match((yield* wire.login("demo@example.com", "one")).raw, /^535 /)
      yield* wire.ended
    })
  )
})
