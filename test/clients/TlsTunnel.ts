/** Plain SMTP on 127.0.0.1, carried on by TLS: what stunnel does for programs that speak no TLS of today. */
import { Effect } from "effect"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { connect } from "node:tls"
import { HOST } from "./Workshop.ts"

/** The port to connect to. `target` is one where TLS starts with the connection. */
export const openTlsTunnel = Effect.fnUntraced(function* (target: number, ca: string) {
  const sockets = new Set<Socket>()
  const carry = (client: Socket) => {
    const server = connect({ host: "127.0.0.1", port: target, servername: HOST, ca })
    for (const [one, other] of [
      [client, server],
      [server, client]
    ] as const) {
      sockets.add(one)
      one.on("error", () => other.destroy())
      one.on("close", () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }
  const listener = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(carry)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )
  return (listener.address() as AddressInfo).port
})
