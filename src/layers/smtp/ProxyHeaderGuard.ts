import { mayBecomeProxyHeader, startsLikeProxyHeader } from "./ProxyHeader.ts"

const NOTHING = Buffer.alloc(0)
const LF = 0x0a

/**
 * Looks at the first octets of a connection for a PROXY header from a peer that is not in PROXY_TRUSTED, in however many
 * pieces it comes.
 */
export class ProxyHeaderGuard {
  #over = false
  #seen: Buffer = NOTHING
  #held: Buffer = NOTHING

  /** What may be read as commands now, perhaps nothing yet; `undefined` when a header has begun. */
  pass(chunk: Buffer): Buffer | undefined {
    if (this.#over) return chunk
    this.#seen = this.#seen.length === 0 ? chunk : Buffer.concat([this.#seen, chunk])
    if (startsLikeProxyHeader(this.#seen)) return undefined
    const waiting = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#over = !mayBecomeProxyHeader(this.#seen)
    if (this.#over) this.#seen = NOTHING
    // A client waits for an answer to a line, and to nothing less.
    const goesOn = this.#over || waiting.at(-1) === LF
    this.#held = goesOn ? NOTHING : waiting
    return goesOn ? waiting : NOTHING
  }
}
