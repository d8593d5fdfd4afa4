/** The window is forgotten in this many steps, so it reaches back between 59 and 60 sixtieths of its length. */
const BUCKETS = 60

/** Counts the finished calls of the last while, at a cost that does not grow with their number. */
export class CallWindow {
  calls = 0
  failures = 0
  readonly #windowMillis: number
  readonly #calls = new Uint32Array(BUCKETS)
  readonly #failures = new Uint32Array(BUCKETS)
  /** Number of the newest bucket, counted from time zero. */
  #newest: number

  /** Times are milliseconds of one clock that only goes forward. */
  constructor(windowMillis: number, now: number) {
    this.#windowMillis = windowMillis
    this.#newest = this.#bucketOf(now)
  }

  add(failed: boolean, now: number): void {
    const bucket = this.#forget(now)
    this.#calls[bucket] = (this.#calls[bucket] ?? 0) + 1
    this.calls++
    if (!failed) return
    this.#failures[bucket] = (this.#failures[bucket] ?? 0) + 1
    this.failures++
  }

  /** Empties the buckets that have come round again; returns the one of now. */
  #forget(now: number): number {
    const current = this.#bucketOf(now)
    const stale = Math.min(current - this.#newest, BUCKETS)
    for (let step = 0; step < stale; step++) {
      const bucket = (current - step) % BUCKETS
      this.calls -= this.#calls[bucket] ?? 0
      this.failures -= this.#failures[bucket] ?? 0
      this.#calls[bucket] = 0
      this.#failures[bucket] = 0
    }
    this.#newest = Math.max(current, this.#newest)
    return current % BUCKETS
  }

  #bucketOf(now: number): number {
    return Math.floor((now * BUCKETS) / this.#windowMillis)
  }
}
