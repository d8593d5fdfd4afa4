/** An SMTP client that sends exactly the octets it is told to: for what no mail library would ever send. */
import { Effect } from "effect"
import { X509Certificate } from "node:crypto"
import { connect as connectTcp, type Socket } from "node:net"
import { connect as connectTls, type ConnectionOptions, TLSSocket } from "node:tls"

export interface WireReply {
  readonly code: number
  /** Without codes and line ends. */
  readonly lines: ReadonlyArray<string>
  /** As it came, lines joined by a line feed. */
  readonly raw: string
}

export class ConnectionEnded extends Error {}

export interface Wire {
  readonly send: (octets: string | Uint8Array) => Effect.Effect<void>
  /** The next whole reply; dies with `ConnectionEnded` when the server closes first. */
  readonly reply: Effect.Effect<WireReply>
  readonly ask: (line: string) => Effect.Effect<WireReply>
  readonly startTls: Effect.Effect<void>
  /** Waits until the server has closed. */
  readonly ended: Effect.Effect<void>
  /** Ends the connection without a farewell, and with a RST: nothing that is still under way counts any more. */
  readonly reset: Effect.Effect<void>
  readonly login: (username?: string, password?: string) => Effect.Effect<WireReply>
  /** Everything that came so far, one character an octet, replies that were taken included. */
  readonly received: Effect.Effect<string>
  /** What TLS agreed on, once it is up. */
  readonly security: Effect.Effect<Security>
}

export interface Security {
  /** `TLSv1.3` or the like. */
  readonly protocol: string
  readonly cipher: string
  /** PEM of the certificate that the server showed, in the form of `X509Certificate.toString`. */
  readonly certificate: string
}

export interface WireOptions {
  readonly implicitTls?: boolean
  /** Another address of the loopback network than 127.0.0.1, for limits that count each by itself. */
  readonly localAddress?: string
  /** What the client offers, and whom it trusts: anybody, unless told otherwise. */
  readonly tls?: Pick<
    ConnectionOptions,
    "minVersion" | "maxVersion" | "ciphers" | "ca" | "rejectUnauthorized" | "checkServerIdentity"
  >
}

/** Connects in the scope; the greeting is the first `reply`. */
export const openWire = Effect.fnUntraced(function* (port: number, options: WireOptions = {}) {
  let buffered = ""
  let received = ""
  let waiting: (() => void) | undefined
  let over = false
  const wake = () => {
    const next = waiting
    waiting = undefined
    next?.()
  }
  const listen = (socket: Socket): Socket => {
    socket.on("data", (chunk: Buffer) => {
      const text = chunk.toString("latin1")
      buffered += text
      received += text
      wake()
    })
    socket.on("error", () => {})
    socket.on("close", () => {
      over = true
      wake()
    })
    return socket
  }
  const { implicitTls = false, localAddress } = options
  const tcp: Socket = yield* Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const opened = connectTcp({ port, host: "127.0.0.1", noDelay: true, ...(localAddress && { localAddress }) }, () =>
        resume(Effect.succeed(opened))
      )
      opened.on("error", (error) => resume(Effect.die(error)))
    }),
    (opened) => Effect.sync(() => opened.destroy())
  )
  let socket = tcp
  if (implicitTls) {
    socket = yield* Effect.callback<Socket>((resume) => {
      const secure = connectTls({ socket: tcp, rejectUnauthorized: false, ...options.tls }, () =>
        resume(Effect.succeed(secure))
      )
      secure.on("error", (error) => resume(Effect.die(error)))
    })
  }
  listen(socket)

  const takeReply = (): WireReply | undefined => {
    const match = /^(?:\d{3}-[^\n]*\n)*(\d{3}) ?[^\n]*\n/.exec(buffered)
    if (match === null) return undefined
    buffered = buffered.slice(match[0].length)
    const rows = match[0].trimEnd().split("\r\n")
    return { code: Number(match[1]), lines: rows.map((row) => row.slice(4)), raw: rows.join("\n") }
  }

  const reply: Effect.Effect<WireReply> = Effect.callback((resume) => {
    const look = () => {
      const found = takeReply()
      if (found !== undefined) resume(Effect.succeed(found))
      else if (over) resume(Effect.die(new ConnectionEnded(`connection ended; left: ${JSON.stringify(buffered)}`)))
      else waiting = look
    }
    look()
  })

  const send = (octets: string | Uint8Array) =>
    Effect.sync(() => void socket.write(typeof octets === "string" ? Buffer.from(octets, "utf8") : octets))

  const ask = (line: string) => Effect.andThen(send(`${line}\r\n`), reply)

  const ended: Effect.Effect<void> = Effect.callback((resume) => {
    const look = () => {
      if (over) resume(Effect.void)
      else waiting = look
    }
    look()
  })

  const startTls = Effect.callback<void>((resume) => {
    socket.removeAllListeners()
    const secure = connectTls({ socket, rejectUnauthorized: false, ...options.tls }, () => resume(Effect.void))
    secure.on("error", (error) => resume(Effect.die(error)))
    socket = listen(secure)
  })

  const wire: Wire = {
    send,
    reply,
    ask,
    startTls,
    ended,
    reset: Effect.sync(() => void tcp.resetAndDestroy()),
    login: (username = "demo@example.com", password = "demo") =>
      ask(`AUTH PLAIN ${Buffer.from(`\0${username}\0${password}`).toString("base64")}`),
    received: Effect.sync(() => received),
    security: Effect.sync(() => {
      if (!(socket instanceof TLSSocket)) throw new Error("not over TLS")
      return {
        protocol: socket.getProtocol() ?? "",
        cipher: socket.getCipher().name,
        certificate: new X509Certificate(socket.getPeerCertificate().raw).toString()
      }
    })
  }
  return wire
})

/** Connected, greeted, over TLS, and greeted again. */
export const openSecureWire = Effect.fnUntraced(function* (port: number, options: WireOptions = {}) {
  const wire = yield* openWire(port, options)
  yield* wire.reply
  yield* wire.ask("EHLO client.example.com")
  yield* wire.ask("STARTTLS")
  yield* wire.startTls
  yield* wire.ask("EHLO client.example.com")
  return wire
})

/** Logged in as the demo user. */
export const openLoggedInWire = Effect.fnUntraced(function* (port: number, options: WireOptions = {}) {
  const wire = yield* openSecureWire(port, options)
  yield* wire.login()
  return wire
})
