import type { StrikeRule } from "../../services/RateLimiterStore.ts"
import { Expiring } from "./ExpiringTable.ts"

/** Of the list and what it is held by. */
const OWN_BYTES = 120

/** The distinct wrong passwords of one offender. There are never more than the rule's limit, so the list is searched. */
export class Strikes extends Expiring {
  /** Mark, time, mark, time: one list of numbers takes half the memory of a list of pairs. */
  #marks: Array<number> = []

  override get bytes(): number {
    return OWN_BYTES + 8 * this.#marks.length
  }

  /** Distinct marks within the window. */
  count(window: number, now: number): number {
    let count = 0
    for (let index = 1; index < this.#marks.length; index += 2) {
      if ((this.#marks[index] ?? 0) > now - window) count++
    }
    return count
  }

  /** Returns how many distinct marks lie within the window; a mark that is known already is as old as its last use. */
  add(mark: number, rule: StrikeRule, now: number): number {
    const kept: Array<number> = []
    for (let index = 0; index < this.#marks.length; index += 2) {
      const known = this.#marks[index] ?? 0
      const at = this.#marks[index + 1] ?? 0
      if (known !== mark && at > now - rule.window) kept.push(known, at)
    }
    kept.push(mark, now)
    // A list that has been pushed to keeps room for many more.
    this.#marks = kept.slice()
    return kept.length / 2
  }
}
