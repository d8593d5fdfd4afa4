/** The moments of a session in which a client can vanish. */
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { Fault } from "../../src/services/SandboxFaults.ts"
import type { GatewayProcess } from "../kit/GatewayProcess.ts"
import { beginMail, mailData, type WireMail } from "../kit/MailWire.ts"
import { eventually, type RunningSandboxKit } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openSecureWire, openWire, type Wire } from "../kit/SmtpWire.ts"

/** Clients at a time; also the connections to the API, so that none waits for another. */
export const BATCH = 20

/** Whose connections begin with a PROXY header. */
export const BALANCER = "127.0.0.2"

export interface Place {
  readonly gateway: GatewayProcess
  readonly implicitTlsPort: number
  readonly sandbox: RunningSandboxKit
}

export interface Phase {
  readonly name: string
  /** Brings one client to the point where it vanishes. */
  readonly reach: (place: Place, mail: VanishingMail, index: number) => Effect.Effect<Wire, unknown, Scope.Scope>
  /** Waits until a whole batch is where it should be; `before` clients have vanished in earlier ones. */
  readonly reached?: (place: Place, before: number) => Effect.Effect<void>
  readonly faults?: ReadonlyArray<Fault>
  /** The mail was handed over: it may be submitted although its client has gone. */
  readonly handedOver?: true
}

export type VanishingMail = WireMail & { readonly to: readonly [string]; readonly messageId: string }

/** A TLS record that announces more than comes. */
const HALF_CLIENT_HELLO = Buffer.concat([
  Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc]),
  Buffer.alloc(40)
])

/** Version 2, for a client over TCP and IPv4, without most of its addresses. */
const HALF_PROXY_HEADER = Buffer.concat([
  Buffer.from("0d0a0d0a000d0a515549540a", "hex"),
  Buffer.from([0x21, 0x11, 0x00, 0x0c, 192, 0])
])

const callsReach = ({ sandbox }: Place, endpoint: "token" | "emails", calls: number) =>
  eventually(Effect.map(sandbox.callsOf(endpoint), (made) => made >= calls))

const handOver = Effect.fnUntraced(function* ({ gateway }: Place, mail: VanishingMail) {
  const wire = yield* openLoggedInWire(gateway.smtpPort)
  assert.strictEqual((yield* beginMail(wire, mail)).code, 354)
  yield* wire.send(mailData(mail))
  return wire
})

export const PHASES: ReadonlyArray<Phase> = [
  {
    name: "in the PROXY header",
    reach: Effect.fnUntraced(function* ({ gateway }, _mail, index) {
      const wire = yield* openWire(gateway.smtpPort, { localAddress: BALANCER })
      yield* wire.send(index % 4 < 2 ? HALF_PROXY_HEADER : "PROXY TCP4 192.0.2.1 192.0.")
      return wire
    })
  },
  { name: "on connect", reach: ({ gateway }) => openWire(gateway.smtpPort) },
  {
    name: "in the handshake behind STARTTLS",
    reach: Effect.fnUntraced(function* ({ gateway }) {
      const wire = yield* openWire(gateway.smtpPort)
      yield* wire.reply
      yield* wire.ask("EHLO client.example.com")
      yield* wire.ask("STARTTLS")
      yield* wire.send(HALF_CLIENT_HELLO)
      return wire
    })
  },
  {
    name: "in the handshake of implicit TLS",
    reach: Effect.fnUntraced(function* ({ implicitTlsPort }) {
      const wire = yield* openWire(implicitTlsPort)
      yield* wire.send(HALF_CLIENT_HELLO)
      return wire
    })
  },
  { name: "behind EHLO", reach: ({ gateway }) => openSecureWire(gateway.smtpPort) },
  {
    name: "at the challenge of AUTH",
    reach: Effect.fnUntraced(function* ({ gateway }, _mail, index) {
      const wire = yield* openSecureWire(gateway.smtpPort)
      assert.strictEqual((yield* wire.ask(index % 4 < 2 ? "AUTH PLAIN" : "AUTH LOGIN")).code, 334)
      if (index % 4 === 3) assert.strictEqual((yield* wire.ask("ZGVtb0BleGFtcGxlLmNvbQ==")).code, 334)
      return wire
    })
  },
  {
    name: "in AUTH while the API works",
    reach: Effect.fnUntraced(function* ({ gateway }, _mail, index) {
      const wire = yield* openSecureWire(gateway.smtpPort)
      const credentials = Buffer.from(`\0user${index}@example.com\0secret`).toString("base64")
      yield* wire.send(`AUTH PLAIN ${credentials}\r\n`)
      return wire
    }),
    reached: (place, before) => callsReach(place, "token", before + BATCH),
    faults: [{ endpoint: "token", what: "hang" }]
  },
  { name: "behind the login", reach: ({ gateway }) => openLoggedInWire(gateway.smtpPort) },
  {
    name: "between MAIL and DATA",
    reach: Effect.fnUntraced(function* ({ gateway }, { to }) {
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      yield* wire.ask("MAIL FROM:<demo@example.com>")
      yield* wire.ask(`RCPT TO:<${to[0]}>`)
      return wire
    })
  },
  {
    name: "in DATA",
    reach: Effect.fnUntraced(function* ({ gateway }, mail) {
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      assert.strictEqual((yield* beginMail(wire, mail)).code, 354)
      yield* wire.send(`From: demo@example.com\r\n\r\n${"Not the end.\r\n".repeat(5_000)}`)
      return wire
    }),
    reached: ({ gateway }) =>
      eventually(Effect.map(gateway.metric("smtp_inflight_message_bytes"), (bytes) => bytes > BATCH * 60_000))
  },
  { name: "right behind the dot", reach: handOver, handedOver: true },
  {
    name: "while the API works on the mail",
    reach: handOver,
    reached: (place, before) => callsReach(place, "emails", before + BATCH),
    faults: [{ endpoint: "emails", what: "latency", latency: 100 }],
    handedOver: true
  },
  {
    name: "before it reads the reply",
    reach: Effect.fnUntraced(function* (place, mail) {
      const wire = yield* handOver(place, mail)
      yield* place.sandbox.sandbox.messages.waitFor(({ message }) => message.recipient.address === mail.to[0])
      return wire
    }),
    handedOver: true
  }
]
