/** Limits, as clients meet them over sockets. Loopback has many addresses: each is a client of its own. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Scope } from "effect"
import type { GatewaySettings } from "../../src/services/GatewayConfig.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { beginMail, sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { testSettings } from "../kit/SettingsKit.ts"
import { openLoggedInWire, openSecureWire, openWire } from "../kit/SmtpWire.ts"

type Gateway = Effect.Success<ReturnType<typeof startGateway>>

interface Options {
  readonly limits?: Partial<GatewaySettings["limits"]>
  readonly smtp?: Partial<GatewaySettings["smtp"]>
  readonly trustedNetworks?: ReadonlyArray<string>
}

const run = (
  name: string,
  { limits = {}, smtp = {}, trustedNetworks = [] }: Options,
  test: (gateway: Gateway) => Effect.Effect<void, unknown, Scope.Scope>
) =>
  it.live(name, () =>
    Effect.scoped(
      Effect.flatMap(
        startGateway({ settings: { limits: { ...testSettings.limits, ...limits }, smtp, trustedNetworks } }),
        test
      )
    )
  )

const TOO_MANY = "421 4.7.0 Too many connections"
const BLOCKED = "421 4.7.0 Too many failed logins, try again later"
const SUSPENDED = "454 4.7.0 Too many failed logins for this user name, try again later"

/** What a new connection is greeted with. */
const greetingAt = (port: number, localAddress = "127.0.0.1") =>
  Effect.scoped(
    Effect.gen(function* () {
      const wire = yield* openWire(port, { localAddress })
      const { code, raw } = yield* wire.reply
      if (code === 421) yield* wire.ended
      return raw
    })
  )

/** Opens a connection that is closed by hand. */
const openUntilClosed = Effect.fnUntraced(function* (port: number, localAddress: string) {
  const scope = yield* Scope.make()
  const wire = yield* Scope.provide(openWire(port, { localAddress }), scope)
  assert.strictEqual((yield* wire.reply).code, 220)
  return { close: Scope.close(scope, Exit.void) }
})

const active = ({ httpUrl }: Gateway) => metricOf(httpUrl, "smtp_active_connections")

describe.concurrent("connections", () => {
  run(
    "past MAX_CONNECTIONS_PER_POD are sent away at connect, until one goes",
    { smtp: { maxConnections: 3 } },
    (gateway) =>
      Effect.gen(function* () {
        const { httpUrl, smtpPort } = gateway
        const closings = yield* Effect.forEach(["127.0.0.1", "127.0.0.2", "127.0.0.3"], (address) =>
          openUntilClosed(smtpPort, address)
        )
        assert.strictEqual(yield* greetingAt(smtpPort, "127.0.0.4"), TOO_MANY)
        assert.strictEqual(yield* metricOf(httpUrl, 'smtp_rate_limited_total{limit="process_connections"}'), 1)
        yield* closings[0]!.close
        yield* eventually(Effect.map(active(gateway), (open) => open === 2))
        assert.match(yield* greetingAt(smtpPort, "127.0.0.4"), /^220 /)
        for (const { close } of closings.slice(1)) yield* close
      })
  )

  run(
    "past MAX_CONNECTIONS_PER_IP are sent away, other addresses are not",
    { limits: { maxConnectionsPerAddress: 2 } },
    (gateway) =>
      Effect.gen(function* () {
        const { httpUrl, smtpPort } = gateway
        const closings = yield* Effect.forEach([1, 2], () => openUntilClosed(smtpPort, "127.0.0.1"))
        assert.strictEqual(yield* greetingAt(smtpPort), TOO_MANY)
        assert.match(yield* greetingAt(smtpPort, "127.0.0.2"), /^220 /)
        assert.strictEqual(yield* metricOf(httpUrl, 'smtp_rate_limited_total{limit="address_connections"}'), 1)
        yield* closings[0]!.close
        yield* eventually(Effect.map(active(gateway), (open) => open === 1))
        assert.match(yield* greetingAt(smtpPort), /^220 /)
        yield* closings[1]!.close
      })
  )

  run(
    "of trusted networks are limited by the process alone",
    { limits: { maxConnectionsPerAddress: 1 }, smtp: { maxConnections: 3 }, trustedNetworks: ["127.0.0.0/8"] },
    ({ smtpPort }) =>
      Effect.gen(function* () {
        const closings = yield* Effect.forEach([1, 2, 3], () => openUntilClosed(smtpPort, "127.0.0.1"))
        assert.strictEqual(yield* greetingAt(smtpPort), TOO_MANY)
        for (const { close } of closings) yield* close
      })
  )

  run(
    "behind a PROXY count for the client that the header names",
    { limits: { maxConnectionsPerAddress: 1 }, smtp: { proxyTrusted: ["127.0.0.0/8"] } },
    ({ smtpPort }) =>
      Effect.gen(function* () {
        const connectAs = Effect.fnUntraced(function* (client: string) {
          const wire = yield* openWire(smtpPort)
          const family = client.includes(":") ? "TCP6" : "TCP4"
          const server = client.includes(":") ? "2001:db8:ffff::1" : "192.0.2.200"
          yield* wire.send(`PROXY ${family} ${client} ${server} 40000 587\r\n`)
          return (yield* wire.reply).raw
        })
        assert.match(yield* connectAs("192.0.2.1"), /^220 /)
        assert.match(yield* connectAs("192.0.2.2"), /^220 /)
        assert.strictEqual(yield* connectAs("192.0.2.1"), TOO_MANY)
        // IPv6 counts by /64.
        assert.match(yield* connectAs("2001:db8:0:1::1"), /^220 /)
        assert.match(yield* connectAs("2001:db8:0:2::1"), /^220 /)
        assert.strictEqual(yield* connectAs("2001:db8:0:1:ffff::9"), TOO_MANY)
      })
  )
})

describe.concurrent("mails", () => {
  const tooManyMails = /^451 4\.7\.1 Too many messages, retry after (\d+)s$/

  run(
    "past RATE_LIMIT_PER_IP wait, other addresses do not",
    { limits: { ratePerAddress: 3 } },
    ({ sandbox, smtpPort }) =>
      Effect.gen(function* () {
        const wires = yield* Effect.forEach([1, 2], () => openLoggedInWire(smtpPort))
        const MAIL_FROM = "MAIL FROM:<demo@example.com>"
        assert.match(yield* sendMail(wires[0]!), /^250 /)
        // A mail counts when MAIL is accepted, whatever becomes of it.
        assert.strictEqual((yield* wires[1]!.ask(MAIL_FROM)).code, 250)
        assert.strictEqual((yield* wires[1]!.ask("RSET")).code, 250)
        assert.match(yield* sendMail(wires[1]!), /^250 /)
        for (const wire of wires) {
          const seconds = Number(tooManyMails.exec((yield* wire.ask(MAIL_FROM)).raw)?.[1])
          assert.isTrue(seconds >= 1 && seconds <= 60, `${seconds}`)
        }
        // Refused, so there is no transaction.
        assert.match((yield* wires[0]!.ask("RCPT TO:<to@example.com>")).raw, /^503 5\.5\.1 /)
        const other = yield* openLoggedInWire(smtpPort, { localAddress: "127.0.0.2" })
        assert.match(yield* sendMail(other), /^250 /)
        assert.strictEqual((yield* sandbox.captured).length, 3)
      })
  )

  run(
    "past RATE_LIMIT_PER_ACCOUNT wait wherever they come from, trusted or not",
    { limits: { ratePerAccount: 2 }, trustedNetworks: ["127.0.0.0/8"] },
    ({ smtpPort }) =>
      Effect.gen(function* () {
        for (const localAddress of ["127.0.0.1", "127.0.0.2"]) {
          assert.match(yield* sendMail(yield* openLoggedInWire(smtpPort, { localAddress })), /^250 /)
        }
        const wire = yield* openLoggedInWire(smtpPort, { localAddress: "127.0.0.3" })
        assert.match((yield* wire.ask("MAIL FROM:<demo@example.com>")).raw, tooManyMails)
      })
  )

  run(
    "of trusted networks have no rate of their address",
    { limits: { ratePerAddress: 1 }, trustedNetworks: ["127.0.0.0/8"] },
    ({ smtpPort }) =>
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(smtpPort)
        for (let mail = 0; mail < 3; mail++) assert.match(yield* sendMail(wire), /^250 /)
      })
  )
})

describe.concurrent("failed logins", () => {
  /** One wrong password a connection. */
  const guess = (port: number, password: string, localAddress = "127.0.0.1", username = "demo@example.com") =>
    Effect.scoped(
      Effect.flatMap(openSecureWire(port, { localAddress }), (wire) =>
        Effect.map(wire.login(username, password), ({ raw }) => raw)
      )
    )

  run("of five passwords block the address at connect, and no other", {}, ({ httpUrl, sandbox, smtpPort }) =>
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

  run(
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

  run("block the address on the connections that it has open, too", {}, ({ sandbox, smtpPort }) =>
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

  run("of one password, over and over, block nobody", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      for (let attempt = 0; attempt < 8; attempt++) assert.match(yield* guess(smtpPort, "old"), /^535 5\.7\.8 /)
      assert.match(yield* greetingAt(smtpPort), /^220 /)
    })
  )

  run("from many addresses suspend the name: no call, but what is cached passes", {}, ({ sandbox, smtpPort }) =>
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

  run("of trusted networks block no address", { trustedNetworks: ["127.0.0.0/8"] }, ({ smtpPort }) =>
    Effect.gen(function* () {
      for (let attempt = 0; attempt < 7; attempt++)
        yield* guess(smtpPort, `w${attempt}`, "127.0.0.1", `${attempt}@example.com`)
      assert.match(yield* greetingAt(smtpPort), /^220 /)
    })
  )

  run(
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

  run("end the connection with the second", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openSecureWire(smtpPort)
      assert.match((yield* wire.login("demo@example.com", "one")).raw, /^535 /)
      assert.match((yield* wire.login("demo@example.com", "two")).raw, /^535 /)
      yield* wire.ended
    })
  )

  run("end the connection a second after the first", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openSecureWire(smtpPort)
      assert.match((yield* wire.login("demo@example.com", "one")).raw, /^535 /)
      yield* wire.ended
    })
  )
})

describe.concurrent("one session", () => {
  run(
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

  run("with some recipients too many goes to the others", { smtp: { maxRecipients: 2 } }, ({ sandbox, smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openLoggedInWire(smtpPort)
      const to = ["a@example.com", "b@example.com", "c@example.com", "A@EXAMPLE.com", "a@EXAMPLE.com"]
      assert.match(yield* sendMail(wire, { to }), /^250 .*\(\+1 more\)/)
      assert.strictEqual((yield* sandbox.captured).length, 2)
    })
  )

  run("of bad commands ends with 421 at the tenth", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openWire(smtpPort)
      yield* wire.reply
      for (let bad = 0; bad < 9; bad++) assert.strictEqual((yield* wire.ask("NONSENSE")).code, 500)
      assert.strictEqual((yield* wire.ask("NONSENSE")).raw, "421 4.7.0 Too many bad commands, closing connection")
      yield* wire.ended
    })
  )

  run("without a login ends with 421 at the fiftieth command", {}, ({ smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openWire(smtpPort)
      yield* wire.reply
      for (let command = 1; command < 50; command++) assert.strictEqual((yield* wire.ask("NOOP")).code, 250)
      assert.strictEqual((yield* wire.ask("NOOP")).raw, "421 4.7.0 Too many commands without a login")
      yield* wire.ended
    })
  )

  run(
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

  run(
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
