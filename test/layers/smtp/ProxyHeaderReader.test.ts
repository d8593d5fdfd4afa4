import { assert, describe, it } from "@effect/vitest"
import { createServer, connect, type Socket } from "node:net"
import { connect as connectTls, TLSSocket } from "node:tls"
import { Effect, Redacted } from "effect"
import {
  PROXY_HEADER_TIMEOUT,
  ProxyHeaderReader,
  type ProxyOutcome
} from "../../../src/layers/smtp/ProxyHeaderReader.ts"
import { makeSelfSigned } from "../../../src/layers/tls/selfSigned.ts"

const HEADER = "PROXY TCP4 192.0.2.1 198.51.100.7 51000 587\r\n"

const FORWARDED: ProxyOutcome = {
  _tag: "Forwarded",
  source: { address: "192.0.2.1", port: 51_000 },
  destination: { address: "198.51.100.7", port: 587 }
}

/** Both ends of one connection over 127.0.0.1; the server's end has not been read from. */
const connected = Effect.gen(function* () {
  const server = createServer()
  yield* Effect.addFinalizer(() => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void))))
  const port = yield* Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
    })
  })
  const accepted = Effect.callback<Socket>(
    (resume) => void server.once("connection", (it) => resume(Effect.succeed(it)))
  )
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => connect({ port, host: "127.0.0.1", noDelay: true })),
    (socket) => Effect.sync(() => socket.destroy())
  )
  client.on("error", () => {})
  const socket = yield* accepted
  yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
  return { client, socket }
})

const outcomeOf = (reader: ProxyHeaderReader, socket: Socket): Effect.Effect<ProxyOutcome> =>
  Effect.callback((resume) => reader.read(socket, (outcome) => resume(Effect.succeed(outcome))))

/** What arrives until the sum of it has the length. */
const received = (socket: Socket | TLSSocket, length: number): Effect.Effect<string> =>
  Effect.callback((resume) => {
    let text = ""
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1")
      if (text.length >= length) resume(Effect.succeed(text))
    })
  })

const event = (socket: Socket | TLSSocket, name: string): Effect.Effect<void> =>
  Effect.callback((resume) => void socket.once(name, () => resume(Effect.void)))

describe("ProxyHeaderReader", () => {
  it.effect("gives what came with the header to who reads next", () =>
    Effect.gen(function* () {
      const { client, socket } = yield* connected
      const reader = new ProxyHeaderReader(() => 0)
      client.write(`${HEADER}EHLO client.example.com\r\n`)
      assert.deepStrictEqual(yield* outcomeOf(reader, socket), FORWARDED)
      assert.strictEqual(reader.size, 0)
      client.write("NOOP\r\n")
      assert.strictEqual(yield* received(socket, 30), "EHLO client.example.com\r\nNOOP\r\n")
      assert.strictEqual(socket.listenerCount("error"), 0)
      assert.strictEqual(socket.listenerCount("close"), 0)
    })
  )

  it.effect("waits for a header that comes octet by octet, and loses nothing that comes behind it", () =>
    Effect.gen(function* () {
      const { client, socket } = yield* connected
      const reader = new ProxyHeaderReader(() => 0)
      const outcome = outcomeOf(reader, socket)
      const send = (rest: string): void => {
        client.write(rest.slice(0, 1), () => {
          if (rest.length > 1) setImmediate(() => send(rest.slice(1)))
        })
      }
      send(`${HEADER}EHLO x\r\n`)
      assert.deepStrictEqual(yield* outcome, FORWARDED)
      assert.strictEqual(yield* received(socket, 8), "EHLO x\r\n")
    })
  )

  it.effect("hands a socket over to TLS, the handshake's first octets included", () =>
    Effect.gen(function* () {
      const pair = yield* makeSelfSigned("smtp.example.com")
      for (const together of [true, false]) {
        const { client, socket } = yield* connected
        const reader = new ProxyHeaderReader(() => 0)
        // Corked, the header and the ClientHello arrive as one.
        if (together) client.cork()
        client.write(HEADER)
        const secure = connectTls({ socket: client, rejectUnauthorized: false })
        if (together) setImmediate(() => client.uncork())
        assert.deepStrictEqual(yield* outcomeOf(reader, socket), FORWARDED)
        const server = new TLSSocket(socket, {
          isServer: true,
          cert: pair.certificate,
          key: Redacted.value(pair.privateKey)
        })
        server.on("error", () => {})
        secure.on("error", () => {})
        server.write("220 smtp.example.com\r\n")
        assert.strictEqual(yield* received(secure, 22), "220 smtp.example.com\r\n")
        secure.destroy()
      }
    })
  )

  it.effect("keeps the socket's own address for a health check", () =>
    Effect.gen(function* () {
      const { client, socket } = yield* connected
      client.write("PROXY UNKNOWN\r\n")
      assert.deepStrictEqual(yield* outcomeOf(new ProxyHeaderReader(() => 0), socket), { _tag: "Local" })
    })
  )

  it.effect("cuts what is no header, without a word", () =>
    Effect.gen(function* () {
      const { client, socket } = yield* connected
      let answered = 0
      client.on("data", (chunk) => {
        answered += chunk.length
      })
      const closed = event(client, "close")
      client.write("EHLO client.example.com\r\n")
      const reader = new ProxyHeaderReader(() => 0)
      assert.deepStrictEqual(yield* outcomeOf(reader, socket), { _tag: "Refused", reason: "invalid" })
      assert.isTrue(socket.destroyed)
      yield* closed
      assert.strictEqual(answered, 0)
      assert.strictEqual(reader.size, 0)
    })
  )

  it.effect("cuts who sends no whole header in time, and nobody earlier", () =>
    Effect.gen(function* () {
      let now = 1_000
      const reader = new ProxyHeaderReader(() => now)
      const early = yield* connected
      const late = yield* connected
      const outcomes: Array<ProxyOutcome> = []
      reader.read(early.socket, (outcome) => outcomes.push(outcome))
      now += 2_000
      reader.read(late.socket, (outcome) => outcomes.push(outcome))
      now = 1_000 + PROXY_HEADER_TIMEOUT - 1
      reader.expire()
      assert.deepStrictEqual(outcomes, [])
      assert.strictEqual(reader.size, 2)
      now += 1
      reader.expire()
      assert.deepStrictEqual(outcomes, [{ _tag: "Refused", reason: "timeout" }])
      assert.isTrue(early.socket.destroyed)
      assert.isFalse(late.socket.destroyed)
      reader.close()
      assert.deepStrictEqual(outcomes, [
        { _tag: "Refused", reason: "timeout" },
        { _tag: "Refused", reason: "closed" }
      ])
      assert.isTrue(late.socket.destroyed)
    })
  )

  it.effect("tells of a peer that goes, in whatever way, before its header is whole", () =>
    Effect.gen(function* () {
      const reader = new ProxyHeaderReader(() => 0)
      for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
        const { client, socket } = yield* connected
        client.write("PROXY TCP4 192.0")
        yield* Effect.callback<void>((resume) => {
          reader.read(socket, (outcome) => {
            assert.deepStrictEqual(outcome, { _tag: "Refused", reason: "closed" })
            resume(Effect.void)
          })
          client[leave]()
        })
        assert.isTrue(socket.destroyed)
      }
      const { socket } = yield* connected
      socket.destroy()
      assert.deepStrictEqual(yield* outcomeOf(reader, socket), { _tag: "Refused", reason: "closed" })
      assert.strictEqual(reader.size, 0)
    })
  )
})
