/** Clients that begin a TLS handshake and do not go on. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { SmtpServer } from "../../../src/layers/smtp/SmtpServerLive.ts"
import { smtpServerWith } from "../../kit/SmtpServerKit.ts"
import { openSecureWire, openWire } from "../../kit/SmtpWire.ts"

const server = smtpServerWith({
  settings: {
    smtp: {
      ports: [
        { port: 0, implicitTls: false },
        { port: 0, implicitTls: true }
      ]
    }
  }
})

/** The first octets of a ClientHello of 512. */
const HALF_A_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])

/** On the port where TLS comes first: the TLS record layer of the server has what was sent. */
const stallOnConnect = Effect.fnUntraced(function* (port: number, octets: Buffer) {
  const wire = yield* openWire(port)
  yield* wire.send(octets)
  return wire
})

const stallAfterStartTls = Effect.fnUntraced(function* (port: number, octets: Buffer) {
  const wire = yield* openWire(port)
  yield* wire.reply
  yield* wire.ask("EHLO client.example.com")
  assert.strictEqual((yield* wire.ask("STARTTLS")).code, 220)
  yield* wire.send(octets)
  return wire
})

const nextTurn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Sockets take their own time: the clock goes on until what is waited for has happened. */
const whileTimePasses = <A>(happens: Effect.Effect<A>) =>
  Effect.raceFirst(happens, Effect.forever(Effect.andThen(TestClock.adjust("250 millis"), nextTurn)))

/** The ports with STARTTLS and with TLS from the start, and the end of the server, for which time has to pass. */
const startServer = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const [starttls, implicit] = Context.get(yield* Layer.buildWithScope(server, scope), SmtpServer).ports
  return {
    starttls: starttls?.port ?? 0,
    implicit: implicit?.port ?? 0,
    stop: whileTimePasses(Scope.close(scope, Exit.void))
  }
})

for (const [name, octets] of [
  ["says nothing", Buffer.alloc(0)],
  ["sends half a ClientHello", HALF_A_HELLO]
] as const) {
  describe(`a client that ${name}`, () => {
    it.effect("is cut off in the end, and others are served on", () =>
      Effect.gen(function* () {
        const { implicit, starttls, stop } = yield* startServer
        yield* whileTimePasses((yield* stallOnConnect(implicit, octets)).ended)
        yield* whileTimePasses((yield* stallAfterStartTls(starttls, octets)).ended)
        const wire = yield* openSecureWire(starttls)
        assert.strictEqual((yield* wire.ask("NOOP")).code, 250)
        yield* stop
      })
    )

    it.effect("does not hold up the end of the server", () =>
      Effect.gen(function* () {
        const { implicit, starttls, stop } = yield* startServer
        const stalled = [yield* stallOnConnect(implicit, octets), yield* stallAfterStartTls(starttls, octets)]
        // Once this one is served, the server has read what came before.
        yield* openSecureWire(starttls)
        yield* stop
        for (const wire of stalled) yield* wire.ended
      })
    )
  })
}
