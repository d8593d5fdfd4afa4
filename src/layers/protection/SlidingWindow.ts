import { Expiring } from "./ExpiringTable.ts"

/** Of the window with its empty ring. */
const OWN_BYTES = 136

/** The times of the last mails of one sender, in a ring that grows with their number. */
export class SlidingWindow extends Expiring {
  /** Its length is a power of two; most clients send no more than four mails a minute. */
  #times: Array<number> = [0, 0, 0, 0]
  #first = 0
  #count = 0

  override get bytes(): number {
    return OWN_BYTES + 8 * this.#times.length
  }

  /** Milliseconds until there is a place; 0 when there is one now. Times are milliseconds. */
  wait(limit: number, window: number, now: number): number {
    const mask = this.#times.length - 1
    while (this.#count > 0 && (this.#times[this.#first] ?? 0) <= now - window) {
      this.#first = (this.#first + 1) & mask
      this.#count--
    }
    if (this.#count < limit) return 0
    return (this.#times[(this.#first + this.#count - limit) & mask] ?? 0) + window - now
  }

  add(now: number): void {
    if (this.#count === this.#times.length) this.#grow()
    this.#times[(this.#first + this.#count) & (this.#times.length - 1)] = now
    this.#count++
  }

  #grow(): void {
    const times = Array.from({ length: this.#times.length * 2 }, () => 0)
    const mask = this.#times.length - 1
    for (let index = 0; index < this.#count; index++) {
      times[index] = this.#times[(this.#first + index) & mask] ?? 0
    }
    this.#times = times
    this.#first = 0
  }
}
