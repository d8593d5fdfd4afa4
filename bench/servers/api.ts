/**
 * A Cakemail API that costs next to nothing: `node bench/servers/api.ts '{"latency": 50}'`. It speaks as much of
 * `email-api-v2` as the gateway calls, accepts whatever it is given, and answers after `latency` milliseconds. Prints
 * `{"port": n, "collectorPort": m}` once it listens; at the second port a collector takes spans. `GET /bench/calls`
 * tells what both were asked.
 *
 * Plain callbacks on raw sockets: node:http costs several times as much, on the core that the load generator needs.
 */
import { randomUUID } from "node:crypto"
import { readFileSync } from "node:fs"
import { createServer as createHttpServer } from "node:http"
import { createServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer } from "node:tls"
import { now } from "../load/clock.ts"
import { Histogram } from "../load/Histogram.ts"
import { complaintAbout } from "./submissionCheck.ts"

interface Options {
  /** Milliseconds; 0 answers at once. */
  readonly latency?: number
  /** Whether to look into each submission, and refuse what the real API would. */
  readonly check?: boolean
  /** PEM files, for TLS. */
  readonly certificate?: string
  readonly key?: string
}

const options: Options = JSON.parse(process.argv[2] ?? "{}")
const latency = options.latency ?? 0
const calls = { token: 0, senders: 0, emails: 0, refused: 0, bodyOctets: 0, spanBatches: 0 }
/** From the last octet of a request to its answer. */
const own = new Histogram()

interface Request {
  readonly method: string
  /** Without its query. */
  readonly path: string
  readonly body: Buffer | undefined
}

class Connection {
  readonly #socket: Socket
  #head: Buffer = Buffer.alloc(0)
  #request: { readonly method: string; readonly path: string; readonly body: Array<Buffer> } | undefined
  #bodyLeft = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on("data", (chunk: Buffer) => this.#read(chunk))
    socket.on("error", () => socket.destroy())
  }

  #read(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0) {
      if (this.#request === undefined) {
        const seen = this.#head.length === 0 ? rest : Buffer.concat([this.#head, rest])
        const end = seen.indexOf(END_OF_HEAD)
        if (end === -1) {
          this.#head = seen
          if (seen.length > MAX_HEAD) this.#socket.destroy()
          return
        }
        this.#head = Buffer.alloc(0)
        rest = seen.subarray(end + END_OF_HEAD.length)
        this.#begin(seen.toString("latin1", 0, end + 2))
      } else {
        const part = rest.subarray(0, this.#bodyLeft)
        rest = rest.subarray(part.length)
        this.#bodyLeft -= part.length
        calls.bodyOctets += part.length
        if (options.check === true) this.#request.body.push(part)
      }
      if (this.#bodyLeft === 0) this.#finish()
    }
  }

  #begin(head: string): void {
    const [method = "", target = ""] = head.slice(0, head.indexOf("\r\n")).split(" ")
    this.#bodyLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    this.#request = { method, path: target.split("?", 1)[0] ?? "", body: [] }
  }

  #finish(): void {
    if (this.#request === undefined) return
    const { body, method, path } = this.#request
    this.#request = undefined
    const cameAt = now()
    const answer = answerTo({ method, path, body: options.check === true ? Buffer.concat(body) : undefined })
    const send = () => {
      own.add(now() - cameAt)
      this.#socket.write(answer, "latin1")
    }
    if (latency > 0 && !path.startsWith("/bench/")) setTimeout(send, latency)
    else send()
  }
}

const END_OF_HEAD = "\r\n\r\n"

/** Octets. */
const MAX_HEAD = 65_536

const answerTo = ({ body, method, path }: Request): string => {
  switch (`${method} ${path}`) {
    case "POST /v2/emails": {
      const complaint = body === undefined ? undefined : complaintAbout(body)
      if (complaint !== undefined) {
        calls.refused++
        return http("422 Unprocessable Entity", { detail: [{ loc: ["body"], msg: complaint, type: "value_error" }] })
      }
      calls.emails++
      return http("201 Created", {
        email: "",
        object: "email",
        submitted: true,
        data: { id: randomUUID(), status: "queued" }
      })
    }
    case "POST /token":
      calls.token++
      return http("200 OK", {
        access_token: randomUUID(),
        token_type: "bearer",
        expires_in: 432_000,
        refresh_token: randomUUID(),
        accounts: [1]
      })
    case "GET /brands/default/senders":
      calls.senders++
      return http("200 OK", {
        pagination: { page: 1, per_page: 100, count: 1 },
        data: [{ id: "1", name: "Shop", email: "demo@example.com", confirmed: true }]
      })
    case "GET /bench/calls":
      return http("200 OK", { ...calls, own: own.latency })
    default:
      return http("404 Not Found", { detail: [{ msg: "no such path", type: "value_error" }] })
  }
}

const http = (status: string, value: object): string => {
  const body = JSON.stringify(value)
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

/** An OTLP collector; it is called so rarely that it need not be lean. */
const collector = createHttpServer((request, response) => {
  request.resume().on("end", () => {
    calls.spanBatches++
    response.writeHead(200, { "content-type": request.headers["content-type"] ?? "application/x-protobuf" }).end()
  })
})

const { certificate, key } = options
const open = (socket: Socket) => void new Connection(socket)
const server =
  certificate === undefined || key === undefined
    ? createServer(open)
    : createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, open)

const portOf = (listening: Server): number => {
  const address = listening.address()
  return address !== null && typeof address === "object" ? address.port : 0
}

server.listen(0, "127.0.0.1", () =>
  collector.listen(0, "127.0.0.1", () => {
    process.stdout.write(`${JSON.stringify({ port: portOf(server), collectorPort: portOf(collector) })}\n`)
  })
)
process.on("SIGTERM", () => process.exit(0))
