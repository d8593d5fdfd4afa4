/**
 * Collects message data: finds its end and takes the stuffed dots out (RFC 5321 section 4.5.2).
 *
 * The data ends at CRLF . CRLF and nowhere else. A dot before or after a bare LF is content, so that no message can
 * smuggle another one past the gateway.
 */

const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e

/** Where in a line the last octet left us. Small integers, for this is compared once an octet. */
const TEXT = 0
const AFTER_CR = 1
/** After CRLF: a dot here is stuffing, or the end. */
const AFTER_CRLF = 2
/** After an LF that no CR came before. */
const AFTER_BARE_LF = 3
/** After CRLF and a dot, which is withheld until the next octets tell what it was. */
const AFTER_DOT = 4
/** After CRLF, the withheld dot and CR. */
const AFTER_DOT_CR = 5
/** After a bare LF and a dot. */
const AFTER_BARE_DOT = 6

/** Octets of the first buffer: most mail is text. It grows by the factor while it is small, then doubles. */
const FIRST_CAPACITY = 8 * 1024
const SMALL_CAPACITY = 1024 * 1024
const SMALL_GROWTH = 8

const NOTHING = Buffer.alloc(0)
const WITHHELD_DOT = Buffer.from([DOT])
const WITHHELD_CR = Buffer.from([CR])

export class MailData {
  /** Octets of content so far; goes on counting past the limit. */
  size = 0
  /** There was no room for what came; nothing is kept any more. */
  refused = false
  readonly #grow: (octets: number) => boolean
  readonly #limit: number
  #discarding = false
  #position = AFTER_CRLF
  /** One buffer, copied into: to keep the pieces of a socket would hold each of them twice at the end. */
  #buffer = NOTHING
  #used = 0
  #taken = NOTHING

  /**
   * Once the content is larger than `limit`, or `grow` has no room for more of it, it is only counted, and what was kept
   * is let go: `grow` is told by a negative number.
   */
  constructor(limit: number, grow: (octets: number) => boolean) {
    this.#limit = limit
    this.#grow = grow
  }

  get oversize(): boolean {
    return this.size > this.#limit
  }

  /** Lets go of what was kept and keeps nothing more; the end is still found. */
  discard(): void {
    this.#discarding = true
    this.#drop()
  }

  /** Takes the next octets, which it may overwrite. Returns the index behind the final CRLF, or -1 when there is more to come. */
  push(chunk: Buffer): number {
    const inLine = this.#position <= AFTER_CR || (this.#position <= AFTER_BARE_LF && chunk[0] !== DOT)
    // Nothing matters before the first dot that begins a line, and mostly there is none: a native search.
    const start = inLine ? chunk.indexOf("\n.", 0, "latin1") : 0
    if (start < 0) {
      this.#keep(chunk)
      this.#position = positionAfter(chunk, this.#position)
      return -1
    }
    if (start > 0) this.#position = chunk[start - 1] === CR ? AFTER_CR : TEXT
    return this.#scan(chunk, start)
  }

  /** Everything that was kept, until `forget`; can be called once. */
  take(): Buffer {
    this.#taken = this.#buffer
    this.#buffer = NOTHING
    const whole = this.#taken.subarray(0, this.#used)
    this.#used = 0
    return whole
  }

  /** Nobody reads any more what was taken. */
  forget(): void {
    free(this.#taken)
    this.#taken = NOTHING
  }

  /** Octet by octet from `start`, moving the content up over the dots that are taken out. */
  #scan(chunk: Buffer, start: number): number {
    let written = start
    let position = this.#position
    for (let read = start; read < chunk.length; read++) {
      const octet = chunk[read] ?? 0
      if (position === AFTER_DOT) {
        if (octet === CR) {
          position = AFTER_DOT_CR
          continue
        }
        // A dot is stuffing when its line goes on (RFC 5321 section 4.5.2); CRLF . LF is neither a line nor an end.
        if (octet === LF) written = this.#restore(WITHHELD_DOT, chunk, written, read)
        position = TEXT
      } else if (position === AFTER_DOT_CR) {
        if (octet === LF) {
          this.#keep(chunk.subarray(0, written))
          this.#position = AFTER_CRLF
          return read + 1
        }
        written = this.#restore(WITHHELD_CR, chunk, written, read)
        position = AFTER_CR
      } else if (octet === DOT) {
        if (position === AFTER_CRLF) {
          position = AFTER_DOT
          continue
        }
        if (position === AFTER_BARE_DOT) {
          position = TEXT
          continue
        }
      }
      chunk[written++] = octet
      position =
        octet === LF
          ? position === AFTER_CR
            ? AFTER_CRLF
            : AFTER_BARE_LF
          : octet === CR
            ? AFTER_CR
            : octet === DOT && position === AFTER_BARE_LF
              ? AFTER_BARE_DOT
              : TEXT
    }
    this.#position = position
    this.#keep(chunk.subarray(0, written))
    return -1
  }

  /** Puts back an octet that was withheld: into the gap that it left, or, if that was in the chunk before, on its own. */
  #restore(octet: Buffer, chunk: Buffer, written: number, read: number): number {
    if (written < read) {
      chunk[written] = octet[0] ?? 0
      return written + 1
    }
    this.#keep(octet)
    return written
  }

  #keep(piece: Buffer): void {
    this.size += piece.length
    if (this.#discarding || this.oversize) {
      this.#drop()
      return
    }
    if (!this.#grow(piece.length)) {
      this.refused = true
      this.discard()
      return
    }
    const size = this.#used + piece.length
    if (size > this.#buffer.length) this.#enlarge(size)
    piece.copy(this.#buffer, this.#used)
    this.#used = size
  }

  #enlarge(size: number): void {
    let capacity = Math.max(this.#buffer.length, FIRST_CAPACITY)
    while (capacity < size) capacity *= capacity < SMALL_CAPACITY ? SMALL_GROWTH : 2
    // Not from the pool, which other buffers would keep alive. What is not yet written to takes no memory.
    const larger = Buffer.allocUnsafeSlow(Math.min(capacity, Math.max(this.#limit, size)))
    this.#buffer.copy(larger, 0, 0, this.#used)
    free(this.#buffer)
    this.#buffer = larger
  }

  #drop(): void {
    free(this.#buffer)
    if (this.#used > 0) this.#grow(-this.#used)
    this.#buffer = NOTHING
    this.#used = 0
  }
}

/** Gives the memory back now: the garbage collector would wait until there is much more of it. */
const free = (buffer: Buffer<ArrayBuffer>): void => {
  if (buffer.length > 0) buffer.buffer.transfer(0)
}

/** For a chunk in which no dot begins a line. */
const positionAfter = (chunk: Buffer, before: number): number => {
  const last = chunk[chunk.length - 1]
  if (last === undefined) return before
  if (last === CR) return AFTER_CR
  if (last !== LF) return TEXT
  const cameCr = chunk.length > 1 ? chunk[chunk.length - 2] === CR : before === AFTER_CR
  return cameCr ? AFTER_CRLF : AFTER_BARE_LF
}
