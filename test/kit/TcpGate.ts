/** A door on 127.0.0.1 in front of another port that can be shut, opened again, and slammed on whoever is in it. */
import { Effect } from "effect"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer } from "node:tls"

export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

export interface TcpGate {
  readonly port: number
  /** How many connections came through. */
  readonly passed: () => number
  /** Refuses connections from now on, and ends those that are open. */
  readonly shut: Effect.Effect<void>
  readonly open: Effect.Effect<void>
  /** Ends the connections that are open, as a server does with idle ones; returns when they are gone. */
  readonly cut: Effect.Effect<void>
  /** Breaks open connections off at the next octet that comes from the client, which is not passed on. */
  readonly breakOnNextRequest: Effect.Effect<void>
  /** New connections see this certificate; for a gate that was made with one. */
  readonly useCertificate: (pair: CertificatePair) => Effect.Effect<void>
}

export const startTcpGate = Effect.fnUntraced(function* (target: number, tls?: CertificatePair) {
  const sockets = new Set<Socket>()
  const trapped = new Set<Socket>()
  let passed = 0
  const accept = (client: Socket) => {
    passed++
    sockets.add(client)
    const server = connect(target, "127.0.0.1")
    client.on("data", (chunk: Buffer) => {
      if (trapped.delete(client)) client.destroy()
      else server.write(chunk)
    })
    server.on("data", (chunk: Buffer) => client.write(chunk))
    for (const [one, other] of [
      [client, server],
      [server, client]
    ] as const) {
      one.on("error", () => {})
      one.on("end", () => other.end())
      one.on("close", () => other.destroy())
    }
    client.on("close", () => sockets.delete(client))
  }
  const secure = tls === undefined ? undefined : createTlsServer(tls, accept).on("tlsClientError", () => {})
  const server: Server = secure ?? createServer(accept)
  const listen = (port: number) =>
    Effect.callback<void>((resume) => void server.listen(port, "127.0.0.1", () => resume(Effect.void)))
  const cut = Effect.suspend(() =>
    Effect.forEach(
      [...sockets],
      (socket) =>
        Effect.callback<void>((resume) => {
          socket.once("close", () => resume(Effect.void))
          socket.destroy()
        }),
      { concurrency: "unbounded", discard: true }
    )
  )
  const shut = Effect.suspend(() =>
    server.listening
      ? Effect.andThen(
          cut,
          Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
        )
      : Effect.void
  )
  yield* listen(0)
  yield* Effect.addFinalizer(() => shut)
  const { port } = server.address() as AddressInfo
  const gate: TcpGate = {
    port,
    passed: () => passed,
    shut,
    open: listen(port),
    cut,
    breakOnNextRequest: Effect.sync(() => {
      for (const socket of sockets) trapped.add(socket)
    }),
    useCertificate: (pair) => Effect.sync(() => secure?.setSecureContext(pair))
  }
  return gate
})
