/** An HTTP server for the few who watch the process: nobody can keep them away by holding connections open. */
import { createServer, type Server } from "node:http"
import type { Socket } from "node:net"

export interface HttpBounds {
  /** At one more the oldest goes: who asks gets an answer at once, so the oldest is one that does not ask. */
  readonly connections: number
  /** Milliseconds for a whole request to arrive, and for nothing to happen on a connection. */
  readonly patience: number
  /** Bytes of the headers of a request. */
  readonly headerSize: number
}

/** Prometheus, two probes of Kubernetes and a few people leave plenty of room. */
export const HTTP_BOUNDS: HttpBounds = { connections: 100, patience: 5_000, headerSize: 8_192 }

export const boundedHttpServer = ({ connections, headerSize, patience }: HttpBounds): Server => {
  const server = createServer({
    headersTimeout: patience,
    requestTimeout: patience,
    keepAliveTimeout: patience,
    connectionsCheckingInterval: patience / 2,
    maxHeaderSize: headerSize
  })
  // Also for who asks and does not read the answer.
  server.timeout = patience
  const open = new Set<Socket>()
  server.on("connection", (socket) => {
    open.add(socket)
    socket.once("close", () => open.delete(socket))
    if (open.size <= connections) return
    const [oldest] = open
    oldest?.destroy()
  })
  return server
}
