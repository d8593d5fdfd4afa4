/** What is under way for a key: equal marks are one, however often they were begun. */
export class UnderWay {
  readonly #marks = new Map<string, Map<number, number>>()

  /** False, and nothing has begun, when the key would have more than `limit` distinct marks. */
  begin(key: string, mark: number, limit: number): boolean {
    const marks = this.#marks.get(key) ?? new Map<number, number>()
    const same = marks.get(mark) ?? 0
    if (marks.size + (same === 0 ? 1 : 0) > limit) return false
    marks.set(mark, same + 1)
    this.#marks.set(key, marks)
    return true
  }

  /** Once for each time that `begin` was true. */
  end(key: string, mark: number): void {
    const marks = this.#marks.get(key)
    const same = marks?.get(mark)
    if (marks === undefined || same === undefined) return
    if (same > 1) marks.set(mark, same - 1)
    else marks.delete(mark)
    if (marks.size === 0) this.#marks.delete(key)
  }
}
