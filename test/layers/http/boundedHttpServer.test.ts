/** Whoever holds connections open for nothing keeps nobody else away. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect, type Socket } from "node:net"
import { boundedHttpServer, HTTP_BOUNDS } from "../../../src/layers/http/boundedHttpServer.ts"
import { eventually } from "../../kit/SandboxKit.ts"

interface Served {
  readonly port: number
  /** Those that are open now. */
  readonly connections: Effect.Effect<number>
  readonly close: () => void
}

/** Answers "ok" to all, with as many bytes more as the path says. */
const serve = (bounds: Partial<typeof HTTP_BOUNDS>) =>
  Effect.acquireRelease(
    Effect.callback<Served>((resume) => {
      const server = boundedHttpServer({ ...HTTP_BOUNDS, ...bounds })
      server.on("request", (request, response) => {
        response.end(`ok${" ".repeat(Number(request.url?.slice(1)))}`)
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" ? (address?.port ?? 0) : 0
        const close = () => {
          server.close()
          server.closeAllConnections()
        }
        const connections = Effect.callback<number>((answer) => {
          server.getConnections((_, open) => answer(Effect.succeed(open)))
        })
        resume(Effect.succeed({ port, connections, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

interface Client {
  readonly socket: Socket
  /** All that was sent until the server closed. */
  readonly ended: Effect.Effect<string>
}

/** Sends some octets and then nothing. */
const client = (port: number, octets: string): Effect.Effect<Client> =>
  Effect.callback((resume) => {
    let received = ""
    let over = false
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(octets)
      resume(Effect.succeed({ socket, ended }))
    })
    socket.on("data", (chunk: Buffer) => (received += chunk.toString()))
    socket.on("error", () => {})
    socket.on("close", () => (over = true))
    const ended = Effect.callback<string>((done) => {
      if (over) done(Effect.succeed(received))
      else socket.once("close", () => done(Effect.succeed(received)))
    })
  })

const GET = "GET /0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

describe("boundedHttpServer", () => {
  it.live("lets the oldest connection go for a new one when all are taken", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port } = yield* serve({ connections: 5 })
        const idle = yield* Effect.forEach([1, 2, 3, 4, 5], () => client(port, "GET /0 HTTP/1.1\r\nX-Slow: "))
        for (const _ of [1, 2, 3]) {
          const asking = yield* client(port, GET)
          assert.match(yield* asking.ended, /^HTTP\/1\.1 200 OK\r\n/)
        }
        // Who asked has gone again: only one had to make room.
        assert.strictEqual(yield* idle[0]!.ended, "")
        for (const { socket } of idle.slice(1)) {
          assert.isFalse(socket.readableEnded)
          socket.destroy()
        }
      })
    )
  )

  for (const [who, octets, answer] of [
    ["says nothing", "", /^$|^HTTP\/1\.1 408 /],
    ["never ends its headers", "GET /0 HTTP/1.1\r\nHost: x\r\nX-Slow: ", /^$|^HTTP\/1\.1 408 /],
    ["never ends its body", "POST /0 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", /^HTTP\/1\.1 200 /],
    ["asks once and stays", "GET /0 HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 200 /],
    ["sends endless headers", `GET /0 HTTP/1.1\r\nX: ${"x".repeat(20_000)}`, /^$|^HTTP\/1\.1 431 /],
    ["does not speak HTTP", "EHLO client.example.com\r\n", /^HTTP\/1\.1 400 /]
  ] as const) {
    it.live(`who ${who} is let go`, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { port } = yield* serve({ patience: 200 })
          assert.match(yield* (yield* client(port, octets)).ended, answer)
        })
      )
    )
  }

  it.live("who asks and does not read is let go", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { connections, port } = yield* serve({ patience: 200 })
        const { ended, socket } = yield* client(port, "")
        socket.pause()
        yield* Effect.callback<void>((resume) => {
          socket.write("GET /50000000 HTTP/1.1\r\nHost: x\r\n\r\n", () => resume(Effect.void))
        })
        yield* eventually(Effect.map(connections, (open) => open === 1))
        yield* eventually(Effect.map(connections, (open) => open === 0))
        // What the system had taken arrives still; the rest never does.
        socket.resume()
        yield* ended
        assert.isBelow(socket.bytesRead, 50_000_000)
      })
    )
  )
})
