/** Reads the PROXY header off sockets that a trusted balancer opened, before anything else reads from them. */
import type { Socket } from "node:net"
import { type Endpoint, parseProxyHeader } from "./ProxyHeader.ts"

export type ProxyOutcome =
  | { readonly _tag: "Forwarded"; readonly source: Endpoint; readonly destination: Endpoint }
  /** The socket's own address holds. */
  | { readonly _tag: "Local" }
  /** No usable header; the socket is destroyed, nothing was written to it. */
  | { readonly _tag: "Refused"; readonly reason: "invalid" | "timeout" | "closed" }

/** A trusted peer has so long for its header, in milliseconds. */
export const PROXY_HEADER_TIMEOUT = 5_000

/**
 * Holds the sockets whose header is not complete. Its owner calls `expire` from a sweep over all connections, so that
 * no connection needs a timer, and `close` when it stops.
 */
export class ProxyHeaderReader {
  readonly #now: () => number
  readonly #waiting = new Map<Socket, Waiting>()

  /** `now` gives milliseconds of the monotonic clock. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Sockets that wait for their header. */
  get size(): number {
    return this.#waiting.size
  }

  /**
   * Calls `done` once, never before it has returned. What came behind the header is still to be read from the socket,
   * which is left as if nobody had read from it before.
   */
  read(socket: Socket, done: (outcome: ProxyOutcome) => void): void {
    let received: Buffer | undefined

    const settle = (outcome: ProxyOutcome): void => {
      if (!this.#waiting.delete(socket)) return
      socket.off("readable", onReadable)
      socket.off("end", onClosed)
      socket.off("close", onClosed)
      // The listener for errors stays on a socket that is cut: its peer's reset may still come.
      if (outcome._tag === "Refused") socket.destroy()
      else socket.off("error", onClosed)
      done(outcome)
    }
    const onClosed = (): void => settle({ _tag: "Refused", reason: "closed" })
    const onReadable = (): void => {
      const chunk: Buffer | null = socket.read()
      if (chunk === null) return
      received = received === undefined ? chunk : Buffer.concat([received, chunk])
      const header = parseProxyHeader(received)
      if (header._tag === "Incomplete") return
      if (header._tag === "Invalid") return settle({ _tag: "Refused", reason: "invalid" })
      const { length, ...outcome } = header
      if (length < received.length) socket.unshift(received.subarray(length))
      settle(outcome)
    }

    this.#waiting.set(socket, { since: this.#now(), settle })
    socket.on("error", onClosed)
    socket.on("end", onClosed)
    socket.on("close", onClosed)
    // Not `data`, which would leave the socket paused for whoever reads next.
    socket.on("readable", onReadable)
    // Gone before anybody listened: no event will tell.
    if (socket.destroyed || socket.readableEnded) queueMicrotask(onClosed)
  }

  /** Refuses the sockets whose time is over. */
  expire(): void {
    const now = this.#now()
    for (const { settle, since } of this.#waiting.values()) {
      // They are in the order in which they came.
      if (now - since < PROXY_HEADER_TIMEOUT) return
      settle({ _tag: "Refused", reason: "timeout" })
    }
  }

  /** Refuses all that wait. */
  close(): void {
    for (const { settle } of this.#waiting.values()) settle({ _tag: "Refused", reason: "closed" })
  }
}

interface Waiting {
  readonly since: number
  readonly settle: (outcome: ProxyOutcome) => void
}
