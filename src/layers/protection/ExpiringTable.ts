/** What a table holds for one key. */
export interface Expiring {
  /** Milliseconds of the monotonic clock. */
  expiresAt: number
  /** About what it takes in memory, its key and its place in the table left out. */
  readonly bytes: number
  /** What the table has counted for it. */
  charged: number
}

/** Bytes of all tables that share it. */
export interface Ledger {
  bytes: number
}

/** Of a key, without its characters, and of its place in a Map that has just grown. */
const PLACE_BYTES = 112

/** Dropped at each insertion: more than come in, so that a table shrinks, and few enough not to be felt. */
const EXPIRED_DROPPED = 16

/**
 * Entries in the order in which they were last put. All that are put into one table live equally long, so this is the
 * order in which they expire, too.
 */
export class ExpiringTable<Entry extends Expiring> {
  readonly #entries = new Map<string, Entry>()
  readonly #ledger: Ledger
  #newest: Entry | undefined

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && entry.expiresAt > now ? entry : undefined
  }

  /** Makes the entry the last to expire, and counts what it has grown to. */
  put(key: string, entry: Entry, expiresAt: number, now: number): void {
    entry.expiresAt = expiresAt
    if (entry === this.#newest && entry.bytes === entry.charged) return
    const before = this.#entries.get(key)
    if (before === undefined) this.#dropExpired(now)
    else this.#remove(key, before)
    entry.charged = entry.bytes
    this.#ledger.bytes += PLACE_BYTES + key.length + entry.charged
    this.#entries.set(key, entry)
    this.#newest = entry
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#remove(key, entry)
  }

  /** When the entry that expires first does; infinite when there is none. */
  get nextExpiry(): number {
    for (const entry of this.#entries.values()) return entry.expiresAt
    return Number.POSITIVE_INFINITY
  }

  dropOldest(): void {
    for (const [key, entry] of this.#entries) {
      this.#remove(key, entry)
      return
    }
  }

  #dropExpired(now: number): void {
    let dropped = 0
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAt > now || dropped++ >= EXPIRED_DROPPED) return
      this.#remove(key, entry)
    }
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#ledger.bytes -= PLACE_BYTES + key.length + entry.charged
    if (this.#newest === entry) this.#newest = undefined
  }
}
