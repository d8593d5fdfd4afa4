/** Distinct warnings kept of one message. */
const MAX_WARNINGS = 20

/** Gathers what was repaired or left out, each phrase once and not many of them. */
export class Warnings {
  private readonly phrases = new Set<string>()
  private omitted = 0

  /** `phrase` holds nothing of the message but what `token` made of a name. */
  add(phrase: string): void {
    if (this.phrases.has(phrase)) return
    if (this.phrases.size < MAX_WARNINGS) this.phrases.add(phrase)
    else this.omitted++
  }

  /** At most 20, then one more that says how many were left out. */
  list(): ReadonlyArray<string> {
    const phrases = [...this.phrases]
    if (this.omitted > 0) phrases.push(`${this.omitted} more warnings left out`)
    return phrases
  }
}

/** A charset, encoding or media type as a warning may show it: token characters, at most 40 of them. */
export const token = (name: string): string => name.replace(/[^\w.+:/-]/g, "").slice(0, 40)
