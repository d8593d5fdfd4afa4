/** New messages are refused above this share of the budget (rulings 9). */
const ADMISSION_SHARE = 0.8

/** So many messages refused one after another are more than a passing squeeze: room is made. */
const REFUSALS_BEFORE_RELIEF = 5

/** Room is made down to this share of the budget, which is also what the eldest messages may need in all. */
const RELIEF_SHARE = 0.5

/** Octets. A message that holds no more is never asked to give way: most mail is smaller. */
const SMALL_MESSAGE = 64 * 1024

/** What one message holds. */
export interface Holding {
  bytes: number
}

/**
 * Who holds how many bytes of the budget, and who gets more. Up to the whole budget every message grows; past it the one
 * that asks is refused. Should the budget stay so full that message after message is turned away, the large ones that are
 * still arriving give way, the eldest excepted: a flood of them keeps neither the others nor itself from getting on.
 */
export class BudgetLedger {
  /** Bytes of all holdings. */
  held = 0
  readonly budget: number
  readonly #admitUpTo: number
  readonly #reliefTo: number
  /** As many messages, eldest first, as can be finished within `RELIEF_SHARE`. */
  readonly #eldest: number
  /** In the order in which they began. */
  readonly #arriving = new Set<Holding>()
  #refusedInARow = 0
  #relieving = false

  /** Both in bytes. A message can come to twice its size limit, for it is held as it came and as it goes to the API. */
  constructor(budget: number, messageSizeLimit: number) {
    this.budget = budget
    this.#admitUpTo = budget * ADMISSION_SHARE
    this.#reliefTo = budget * RELIEF_SHARE
    this.#eldest = Math.max(1, Math.floor(this.#reliefTo / (2 * messageSizeLimit)))
  }

  /** Whether there is room for another message. */
  admits(): boolean {
    if (this.held <= this.#admitUpTo) {
      this.#refusedInARow = 0
      return true
    }
    this.#refusedInARow++
    if (this.#refusedInARow >= REFUSALS_BEFORE_RELIEF) this.#relieving = true
    return false
  }

  begin(): Holding {
    const holding = { bytes: 0 }
    this.#arriving.add(holding)
    return holding
  }

  /** Adds to what the message holds, or returns false. A negative number gives back. */
  grow(holding: Holding, bytes: number): boolean {
    if (bytes > 0 && (this.held + bytes > this.budget || this.#givesWay(holding))) return false
    holding.bytes += bytes
    this.held += bytes
    return true
  }

  /** The message is there as a whole: whoever has waited for it does not do so in vain. */
  arrived(holding: Holding): void {
    this.#arriving.delete(holding)
  }

  end(holding: Holding): void {
    this.#arriving.delete(holding)
    this.held -= holding.bytes
    holding.bytes = 0
  }

  #givesWay(holding: Holding): boolean {
    if (!this.#relieving) return false
    this.#relieving = this.held > this.#reliefTo
    return this.#relieving && holding.bytes > SMALL_MESSAGE && this.#arriving.has(holding) && !this.#isEldest(holding)
  }

  #isEldest(holding: Holding): boolean {
    let rank = 0
    for (const each of this.#arriving) {
      if (each === holding) return true
      if (++rank >= this.#eldest) return false
    }
    return false
  }
}
