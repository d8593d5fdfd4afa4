/** Clients that vanish, two hundred times in each phase of a session. Half of them say so with a FIN, half reset. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { existsSync, readdirSync, readlinkSync } from "node:fs"
import type { Fault } from "../../src/services/SandboxFaults.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { beginMail, mailData, sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { testSettings } from "../kit/SettingsKit.ts"
import { openLoggedInWire, openSecureWire, openWire, type Wire } from "../kit/SmtpWire.ts"

const TIMES = 200

/** At a time; also the connections to the API, so that none waits for another. */
const BATCH = 20

type Gateway = Effect.Success<ReturnType<typeof startGateway>>

const start = startGateway({
  sandbox: { maxMessages: 5_000 },
  settings: {
    trustedNetworks: [],
    limits: { ...testSettings.limits, maxConnectionsPerAddress: BATCH, ratePerAddress: 100_000 },
    smtp: {
      ports: [
        { port: 0, implicitTls: false },
        { port: 0, implicitTls: true }
      ]
    },
    api: { poolSize: BATCH }
  }
})

/** Sockets of this process: the gateway's, the sandbox's and the clients'. */
const openSockets = (): number => {
  const descriptors = "/proc/self/fd"
  if (!existsSync(descriptors)) {
    return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
  }
  let sockets = 0
  for (const name of readdirSync(descriptors)) {
    try {
      if (readlinkSync(`${descriptors}/${name}`).startsWith("socket:")) sockets++
    } catch {
      // Closed meanwhile: the directory's own descriptor, at least.
    }
  }
  return sockets
}

const recipientOf = (phase: string, index: number) => `${phase.replaceAll(" ", "-")}.${index}@example.com`

interface Phase {
  readonly name: string
  /** Brings one client to the point where it vanishes. */
  readonly reach: (gateway: Gateway, recipient: string, index: number) => Effect.Effect<Wire, unknown, Scope.Scope>
  /** Waits until a whole batch is where it should be; `before` clients have vanished in earlier ones. */
  readonly reached?: (gateway: Gateway, before: number) => Effect.Effect<void>
  readonly faults?: ReadonlyArray<Fault>
  /** How often each message must have been submitted; a reset behind the dot may overtake it. */
  readonly submitted: readonly [least: number, most: number]
}

/** A TLS record that announces more than comes. */
const HALF_CLIENT_HELLO = Buffer.concat([
  Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc]),
  Buffer.alloc(40)
])

const phases: ReadonlyArray<Phase> = [
  { name: "on connect", reach: ({ smtpPort }) => openWire(smtpPort), submitted: [0, 0] },
  {
    name: "in the handshake behind STARTTLS",
    reach: Effect.fnUntraced(function* ({ smtpPort }) {
      const wire = yield* openWire(smtpPort)
      yield* wire.reply
      yield* wire.ask("EHLO client.example.com")
      yield* wire.ask("STARTTLS")
      yield* wire.send(HALF_CLIENT_HELLO)
      return wire
    }),
    submitted: [0, 0]
  },
  {
    name: "in the handshake of implicit TLS",
    reach: Effect.fnUntraced(function* ({ smtpPorts }) {
      const wire = yield* openWire(smtpPorts[1]?.port ?? 0)
      yield* wire.send(HALF_CLIENT_HELLO)
      return wire
    }),
    submitted: [0, 0]
  },
  { name: "behind EHLO", reach: ({ smtpPort }) => openSecureWire(smtpPort), submitted: [0, 0] },
  {
    name: "in AUTH while the API works",
    reach: Effect.fnUntraced(function* ({ smtpPort }, _recipient, index) {
      const wire = yield* openSecureWire(smtpPort)
      const credentials = Buffer.from(`\0user${index}@example.com\0secret`).toString("base64")
      yield* wire.send(`AUTH PLAIN ${credentials}\r\n`)
      return wire
    }),
    reached: ({ sandbox }, before) =>
      eventually(Effect.map(sandbox.callsOf("token"), (calls) => calls >= before + BATCH)),
    faults: [{ endpoint: "token", what: "hang" }],
    submitted: [0, 0]
  },
  {
    name: "between MAIL and DATA",
    reach: Effect.fnUntraced(function* ({ smtpPort }, recipient) {
      const wire = yield* openLoggedInWire(smtpPort)
      yield* wire.ask("MAIL FROM:<demo@example.com>")
      yield* wire.ask(`RCPT TO:<${recipient}>`)
      return wire
    }),
    submitted: [0, 0]
  },
  {
    name: "in DATA",
    reach: Effect.fnUntraced(function* ({ smtpPort }, recipient) {
      const wire = yield* openLoggedInWire(smtpPort)
      assert.strictEqual((yield* beginMail(wire, { to: [recipient] })).code, 354)
      yield* wire.send(`From: demo@example.com\r\n\r\n${"Not the end.\r\n".repeat(5_000)}`)
      return wire
    }),
    reached: ({ httpUrl }) =>
      eventually(Effect.map(metricOf(httpUrl, "smtp_inflight_message_bytes"), (bytes) => bytes > BATCH * 60_000)),
    submitted: [0, 0]
  },
  {
    name: "right behind the dot",
    reach: Effect.fnUntraced(function* ({ smtpPort }, recipient) {
      const wire = yield* openLoggedInWire(smtpPort)
      yield* beginMail(wire, { to: [recipient] })
      yield* wire.send(mailData())
      return wire
    }),
    submitted: [0, 1]
  },
  {
    name: "while the API works on the mail",
    reach: Effect.fnUntraced(function* ({ smtpPort }, recipient) {
      const wire = yield* openLoggedInWire(smtpPort)
      yield* beginMail(wire, { to: [recipient] })
      yield* wire.send(mailData())
      return wire
    }),
    reached: ({ sandbox }, before) =>
      eventually(Effect.map(sandbox.callsOf("emails"), (calls) => calls >= before + BATCH)),
    faults: [{ endpoint: "emails", what: "latency", latency: 100 }],
    submitted: [1, 1]
  },
  {
    name: "before it reads the reply",
    reach: Effect.fnUntraced(function* ({ sandbox, smtpPort }, recipient) {
      const wire = yield* openLoggedInWire(smtpPort)
      yield* beginMail(wire, { to: [recipient] })
      yield* wire.send(mailData())
      yield* sandbox.sandbox.messages.waitFor(({ message }) => message.recipient.address === recipient)
      return wire
    }),
    submitted: [1, 1]
  }
]

const vanishAll = Effect.fnUntraced(function* (gateway: Gateway, { faults = [], name, reach, reached }: Phase) {
  yield* gateway.sandbox.inject(...faults)
  yield* gateway.sandbox.sandbox.calls.reset
  for (let before = 0; before < TIMES; before += BATCH) {
    // The last batch has to be gone, or there would be no places for this one.
    yield* eventually(Effect.map(metricOf(gateway.httpUrl, "smtp_active_connections"), (open) => open === 0))
    const batch = Array.from({ length: BATCH }, (_, index) => before + index)
    yield* Effect.scoped(
      Effect.gen(function* () {
        const wires = yield* Effect.forEach(batch, (index) => reach(gateway, recipientOf(name, index), index), {
          concurrency: "unbounded"
        })
        if (reached !== undefined) yield* reached(gateway, before)
        // The others go as their scope closes.
        for (const [index, wire] of wires.entries()) if (index % 2 === 0) yield* wire.reset
      })
    )
  }
  yield* gateway.sandbox.inject()
})

describe("clients that vanish", () => {
  it.live(
    "leave nothing behind, and what they had handed over is submitted once",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const gateway = yield* start
          const { httpUrl, sandbox, smtpPort } = gateway
          // As many connections to the API as there will ever be, and the login in the cache.
          yield* sandbox.inject({ endpoint: "emails", what: "latency", latency: 200 })
          yield* Effect.scoped(
            Effect.gen(function* () {
              const wires = yield* Effect.forEach(Array.from({ length: BATCH }), () => openLoggedInWire(smtpPort))
              yield* Effect.forEach(wires, (wire) => sendMail(wire), { concurrency: "unbounded", discard: true })
            })
          )
          yield* eventually(Effect.map(metricOf(httpUrl, "smtp_active_connections"), (open) => open === 0))
          const socketsBefore = openSockets()

          for (const phase of phases) {
            yield* vanishAll(gateway, phase)
            yield* eventually(
              Effect.map(
                Effect.all([
                  metricOf(httpUrl, "smtp_active_connections"),
                  metricOf(httpUrl, "smtp_inflight_message_bytes")
                ]),
                ([connections, bytes]) => connections === 0 && bytes === 0 && openSockets() <= socketsBefore
              )
            )
          }

          const times = new Map<string, number>()
          for (const { recipient } of yield* sandbox.captured) {
            times.set(recipient.address, (times.get(recipient.address) ?? 0) + 1)
          }
          for (const { name, submitted } of phases) {
            for (let index = 0; index < TIMES; index++) {
              const recipient = recipientOf(name, index)
              const [least, most] = submitted
              assert.isAtLeast(times.get(recipient) ?? 0, least, recipient)
              assert.isAtMost(times.get(recipient) ?? 0, most, recipient)
            }
          }
          assert.strictEqual(yield* metricOf(httpUrl, "smtp_defects_total"), 0)
          // Logins that were broken off are neither remembered nor held against the API.
          assert.strictEqual(yield* metricOf(httpUrl, "smtp_api_key_cache_size"), 1)
          assert.strictEqual(yield* metricOf(httpUrl, "smtp_circuit_breaker_state"), 0)

          // Every place of the address is free again.
          const wires = yield* Effect.forEach(Array.from({ length: BATCH }), () => openLoggedInWire(smtpPort))
          for (const wire of wires) assert.match(yield* sendMail(wire), /^250 /)
        })
      ),
    90_000
  )
})
