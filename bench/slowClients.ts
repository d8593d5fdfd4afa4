/** Clients that hold a connection by saying little, and never the whole of it. */
import { Effect, type Scope } from "effect"
import { openLoggedInWire, openSecureWire, openWire, type Wire } from "../test/kit/SmtpWire.ts"

export interface SlowClient {
  /** A little more, which completes nothing. */
  readonly trickle: Effect.Effect<void>
}

/** Connects to the port and goes as far as its shape has it. */
export type SlowShape = (port: number) => Effect.Effect<SlowClient, never, Scope.Scope>

const trickling = (wire: Wire, octets: string | Uint8Array): SlowClient => ({ trickle: wire.send(octets) })

/** In its first command. */
const inCommand: SlowShape = Effect.fnUntraced(function* (port) {
  const wire = yield* openWire(port)
  yield* wire.reply
  yield* wire.send("EHLO ")
  return trickling(wire, "x")
})

/** In the ClientHello: a record of the greatest length, of which octet by octet comes. */
const inHandshake: SlowShape = Effect.fnUntraced(function* (port) {
  const wire = yield* openWire(port)
  yield* wire.reply
  yield* wire.ask("EHLO client.example.com")
  yield* wire.ask("STARTTLS")
  yield* wire.send(Uint8Array.of(0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x3f, 0xfc, 0x03, 0x03))
  return trickling(wire, Uint8Array.of(0x00))
})

/** In the answer to the challenge of AUTH. */
const inAuth: SlowShape = Effect.fnUntraced(function* (port) {
  const wire = yield* openSecureWire(port)
  yield* wire.ask("AUTH PLAIN")
  return trickling(wire, "QUFB")
})

/** In a command, logged in. */
const inMail: SlowShape = Effect.fnUntraced(function* (port) {
  const wire = yield* openLoggedInWire(port)
  yield* wire.send("MAIL FROM:<")
  return trickling(wire, "x")
})

/** In its data, slower than MIN_DATA_RATE allows, which is measured over 30 seconds. */
const inData: SlowShape = Effect.fnUntraced(function* (port) {
  const wire = yield* openLoggedInWire(port)
  yield* wire.ask("MAIL FROM:<demo@example.com>")
  yield* wire.ask("RCPT TO:<to@example.com>")
  yield* wire.ask("DATA")
  return trickling(wire, "From: demo@example.com\r\n")
})

export const SLOW_SHAPES: ReadonlyArray<SlowShape> = [inCommand, inHandshake, inAuth, inMail, inData]
