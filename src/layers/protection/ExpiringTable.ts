/** What a table holds for one key. */
export abstract class Expiring {
  /** About what it takes in memory, its key and its place in the table left out. */
  abstract readonly bytes: number
  /** Milliseconds of the monotonic clock. */
  expiresAt = 0

  // The rest belongs to the table.
  key = ""
  /** What the ledger has been told. */
  charged = 0
  older: Expiring | undefined = undefined
  newer: Expiring | undefined = undefined
}

/** Bytes of all tables that share it. */
export interface Ledger {
  bytes: number
}

/** Of a key put together from parts, without its characters, and of its place in a Map that has just grown. */
const PLACE_BYTES = 160

/** Dropped at each insertion: more than come in, so that a table shrinks, and few enough not to be felt. */
const EXPIRED_DROPPED = 16

/**
 * Entries in the order in which they were last put. All that are put into one table live equally long, so this is the
 * order in which they expire, too. It is kept in a list of its own: a Map is slow to find its first entry when others
 * before it were deleted.
 */
export class ExpiringTable<Entry extends Expiring> {
  readonly #entries = new Map<string, Entry>()
  readonly #ledger: Ledger
  #oldest: Expiring | undefined
  #newest: Expiring | undefined

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** When the entry that expires first does; infinite when there is none. */
  get nextExpiry(): number {
    return this.#oldest?.expiresAt ?? Number.POSITIVE_INFINITY
  }

  get(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && entry.expiresAt > now ? entry : undefined
  }

  /** For a key that has no entry, or an expired one. */
  add(key: string, entry: Entry, expiresAt: number, now: number): void {
    for (let dropped = 0; dropped < EXPIRED_DROPPED && this.nextExpiry <= now; dropped++) this.dropOldest()
    this.delete(key)
    entry.key = key
    entry.charged = PLACE_BYTES + key.length + entry.bytes
    this.#ledger.bytes += entry.charged
    this.#entries.set(key, entry)
    this.#append(entry, expiresAt)
  }

  /** Makes an entry of the table the last to expire, and counts what it has grown to. */
  renew(entry: Entry, expiresAt: number): void {
    const charge = PLACE_BYTES + entry.key.length + entry.bytes
    this.#ledger.bytes += charge - entry.charged
    entry.charged = charge
    this.#unlink(entry)
    this.#append(entry, expiresAt)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#remove(entry)
  }

  dropOldest(): void {
    if (this.#oldest !== undefined) this.#remove(this.#oldest)
  }

  #remove(entry: Expiring): void {
    this.#entries.delete(entry.key)
    this.#ledger.bytes -= entry.charged
    this.#unlink(entry)
  }

  #append(entry: Expiring, expiresAt: number): void {
    entry.expiresAt = expiresAt
    entry.older = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  #unlink(entry: Expiring): void {
    const { newer, older } = entry
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    entry.older = undefined
    entry.newer = undefined
  }
}
