/** What came of the mails: of those of the measured time, and of all. */
import { Histogram, type Latency } from "./Histogram.ts"

/** One mail. Times are on the clock of `now`. */
export interface Outcome {
  readonly code: string
  /** When it should have been begun; under a closed load, when it was. */
  readonly due: number
  readonly answeredAt: number
  /** Milliseconds from the end of its data, if it came so far. */
  readonly took: number | undefined
}

export class Tally {
  readonly replies: Record<string, number> = {}
  readonly allReplies: Record<string, number> = {}
  readonly #reply = new Histogram()
  readonly #whole = new Histogram()
  readonly #late = new Histogram()
  readonly #timeThatCounts: "due" | "answeredAt"
  #from = Number.POSITIVE_INFINITY
  #to = Number.POSITIVE_INFINITY

  constructor(timeThatCounts: "due" | "answeredAt") {
    this.#timeThatCounts = timeThatCounts
  }

  measureFrom(at: number): void {
    this.#from = at
  }

  measureTo(at: number): void {
    this.#to = at
  }

  begun(due: number, at: number): void {
    if (this.#isMeasured(due)) this.#late.add(at - due)
  }

  add(outcome: Outcome): void {
    this.allReplies[outcome.code] = (this.allReplies[outcome.code] ?? 0) + 1
    if (!this.#isMeasured(outcome[this.#timeThatCounts])) return
    this.replies[outcome.code] = (this.replies[outcome.code] ?? 0) + 1
    if (outcome.took === undefined) return
    this.#reply.add(outcome.took)
    this.#whole.add(outcome.answeredAt - outcome.due)
  }

  /** Of mails that have their reply, whatever it says. */
  get latencies(): { readonly reply: Latency; readonly whole: Latency; readonly late: Latency } {
    return { reply: this.#reply.latency, whole: this.#whole.latency, late: this.#late.latency }
  }

  #isMeasured(at: number): boolean {
    return at >= this.#from && at < this.#to
  }
}
