/** An HTTP server on 127.0.0.1 that answers each route as a test scripts it, and keeps what it was asked. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo } from "node:net"
import { freePort } from "./freePort.ts"
import { Effect, type Scope } from "effect"

export interface RecordedRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: { readonly [name: string]: string }
  readonly body: string
  /** Tells connections apart. */
  readonly clientPort: number
}

export type Reaction =
  | { readonly status: number; readonly body?: unknown; readonly headers?: { readonly [name: string]: string } }
  /** Reads the request and never answers. */
  | "hang"
  /** Reads the request, then breaks the connection. */
  | "reset"
  /** Breaks the connection on the headers of the request. */
  | "reset-early"
  /** Answers without end, a piece every 20 ms: of the body, or 102 (Processing) in front of an answer that never comes. */
  | "drip-body"
  | "drip-processing"
  /** Answers the headers and half the body, then breaks the connection. */
  | { readonly cutAt: number; readonly status: number; readonly body: string }

export interface ScriptedApi {
  readonly url: string
  readonly port: number
  readonly requests: ReadonlyArray<RecordedRequest>
  /** What `METHOD /path` answers from now on: the reactions in turn, the last one ever after. */
  readonly script: (
    route: string,
    ...reactions: ReadonlyArray<Reaction | ((request: RecordedRequest) => Reaction)>
  ) => void
  /** How often a route was asked. */
  readonly countOf: (route: string) => number
  /** How many requests ended without an answer because the client went away. */
  readonly abandoned: () => number
}

export const startScriptedApi = (tls?: {
  readonly cert: string
  readonly key: string
}): Effect.Effect<ScriptedApi, never, Scope.Scope> =>
  Effect.gen(function* () {
    const requests: Array<RecordedRequest> = []
    const scripts = new Map<string, Array<Reaction | ((request: RecordedRequest) => Reaction)>>()
    let abandoned = 0

    const react = (request: RecordedRequest): Reaction => {
      const script = scripts.get(routeOf(request))
      const reaction = script !== undefined && script.length > 1 ? script.shift() : script?.[0]
      if (reaction === undefined) return { status: 404, body: { detail: "not scripted" } }
      return typeof reaction === "function" ? reaction(request) : reaction
    }

    const serve = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      const head = {
        method: incoming.method ?? "",
        path: incoming.url ?? "",
        headers: Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
        clientPort: incoming.socket.remotePort ?? 0
      }
      if (scripts.get(routeOf(head))?.[0] === "reset-early") {
        requests.push({ ...head, body: "" })
        react({ ...head, body: "" })
        incoming.socket.resetAndDestroy()
        return
      }
      outgoing.on("close", () => {
        if (!outgoing.writableEnded) abandoned++
      })
      const chunks: Array<Buffer> = []
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
      incoming.on("end", () => {
        const request = { ...head, body: Buffer.concat(chunks).toString("utf8") }
        requests.push(request)
        const reaction = react(request)
        if (reaction === "hang") return
        if (reaction === "drip-body" || reaction === "drip-processing") return drip(reaction, outgoing)
        if (typeof reaction === "string") return void incoming.socket.resetAndDestroy()
        if ("cutAt" in reaction) {
          outgoing.writeHead(reaction.status, { "content-length": String(Buffer.byteLength(reaction.body)) })
          outgoing.write(reaction.body.slice(0, reaction.cutAt), () => incoming.socket.destroy())
          return
        }
        const { body = "", headers = {}, status } = reaction
        outgoing.writeHead(status, { "content-type": "application/json", ...headers })
        outgoing.end(typeof body === "string" ? body : JSON.stringify(body))
      })
    }

    const server = yield* listening(() => (tls === undefined ? createServer(serve) : createTlsServer(tls, serve)))
    const { port } = server.address() as AddressInfo
    return {
      url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
      port,
      requests,
      script: (route, ...reactions) => void scripts.set(route, [...reactions]),
      countOf: (route) => requests.filter((request) => routeOf(request) === route).length,
      abandoned: () => abandoned
    }
  })

const drip = (what: "drip-body" | "drip-processing", outgoing: ServerResponse): void => {
  if (what === "drip-body") outgoing.writeHead(201, { "content-type": "application/json" })
  const timer = setInterval(() => {
    if (what === "drip-body") outgoing.write(" ")
    else outgoing.writeProcessing()
  }, 20)
  outgoing.on("close", () => clearInterval(timer))
}

/** A port of 127.0.0.1 on which nobody listens. */
export const deadPort: Effect.Effect<number> = freePort

/** Listens on a free port of 127.0.0.1 until the scope closes. */
export function listening<S extends Server>(make: () => S): Effect.Effect<S, never, Scope.Scope> {
  return Effect.acquireRelease(
    Effect.callback((resume) => {
      const server = make()
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
}

const routeOf = ({ method, path }: Pick<RecordedRequest, "method" | "path">): string =>
  `${method} ${path.split("?")[0]}`
