/** Limits of connections and mails, as clients meet them over sockets. */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { active, connectHalfOpen, greetingAt, openUntilClosed, TOO_MANY, withLimits } from "../kit/LimitsKit.ts"
import { sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openWire } from "../kit/SmtpWire.ts"

describe.concurrent("connections", () => {
  withLimits(
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

  withLimits(
    "that are sent away are no sessions, however long their clients hold on to them",
    { smtp: { maxConnections: 1 } },
    (gateway) =>
      Effect.gen(function* () {
        const { smtpPort } = gateway
        const kept = yield* openUntilClosed(smtpPort, "127.0.0.1")
        // Their own ends stay open until the test is over.
        const refused = yield* Effect.forEach(Array.from({ length: 50 }), () => connectHalfOpen(smtpPort))
        for (const { said } of refused) assert.strictEqual(yield* said, TOO_MANY)
        assert.strictEqual(yield* active(gateway), 1)
        yield* kept.close
      })
  )

  withLimits(
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

  withLimits(
    "of trusted networks are limited by the process alone",
    { limits: { maxConnectionsPerAddress: 1 }, smtp: { maxConnections: 3 }, trustedNetworks: ["127.0.0.0/8"] },
    ({ smtpPort }) =>
      Effect.gen(function* () {
        const closings = yield* Effect.forEach([1, 2, 3], () => openUntilClosed(smtpPort, "127.0.0.1"))
        assert.strictEqual(yield* greetingAt(smtpPort), TOO_MANY)
        for (const { close } of closings) yield* close
      })
  )

  withLimits(
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

  withLimits(
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

  withLimits(
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

  withLimits(
    "of trusted networks have no rate of their address",
    { limits: { ratePerAddress: 1 }, trustedNetworks: ["127.0.0.0/8"] },
    ({ smtpPort }) =>
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(smtpPort)
        for (let mail = 0; mail < 3; mail++) assert.match(yield* sendMail(wire), /^250 /)
      })
  )
})
