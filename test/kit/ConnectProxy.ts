/** A forward proxy on 127.0.0.1 that opens tunnels (CONNECT, RFC 9110 section 9.3.6) and keeps who asked for which. */
import { createServer, type IncomingMessage } from "node:http"
import { type AddressInfo, connect } from "node:net"
import type { Duplex } from "node:stream"
import { Effect, type Scope } from "effect"
import { listening } from "./ScriptedApi.ts"

export interface ConnectProxy {
  readonly url: string
  /** `host:port` of each tunnel asked for. */
  readonly tunnels: ReadonlyArray<string>
  /** The `proxy-authorization` of each. */
  readonly authorizations: ReadonlyArray<string | undefined>
}

/** With `refuse` it answers that status, or nothing at all, instead of opening tunnels. */
export const startConnectProxy = (refuse?: number | "hang"): Effect.Effect<ConnectProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const tunnels: Array<string> = []
    const authorizations: Array<string | undefined> = []
    const sockets = new Set<Duplex>()
    const onConnect = (request: IncomingMessage, client: Duplex) => {
      const target = request.url ?? ""
      tunnels.push(target)
      authorizations.push(request.headers["proxy-authorization"])
      sockets.add(client)
      if (refuse === "hang") return
      if (refuse !== undefined) return void client.end(`HTTP/1.1 ${refuse} No\r\ncontent-length: 0\r\n\r\n`)
      const { hostname, port } = new URL(`http://${target}`)
      const api = connect(Number(port), hostname, () => client.write("HTTP/1.1 200 OK\r\n\r\n"))
      for (const [from, to] of [
        [client, api],
        [api, client]
      ] as const) {
        sockets.add(from)
        from.on("error", () => to.destroy())
        from.pipe(to)
      }
    }
    const server = yield* listening(() => createServer().on("connect", onConnect))
    // Tunnels are no longer the server's connections: it would wait for them.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
      })
    )
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels, authorizations }
  })
