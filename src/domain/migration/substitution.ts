/** Placeholders in a mail, and what stands in their place. */
import type { Email } from "../Email.ts"

/** What a reader sees, and placeholders are replaced in. */
export type Content = Pick<Email, "subject" | "text" | "html">

/** Placeholders of a mail, and characters of each: all of them are looked for at every character. */
export const MAX_PLACEHOLDERS = 50
export const MAX_PLACEHOLDER_LENGTH = 64

/** Characters of a body, before and after: a placeholder may stand a thousand times for a long text. */
const MAX_BODY_LENGTH = 262_144

/** `undefined` when a body is or becomes too long. */
export const substituted = (content: Content, values: ReadonlyMap<string, string>): Content | undefined => {
  const [subject, text, html] = [content.subject, content.text ?? "", content.html ?? ""].map((each) =>
    replaced(each, values, MAX_BODY_LENGTH)
  )
  if (subject === undefined || text === undefined || html === undefined) return undefined
  return {
    subject: subject.replace(/[\x00-\x1f\x7f]+/g, " "),
    text: content.text === undefined ? undefined : text,
    html: content.html === undefined ? undefined : html
  }
}

/**
 * Every placeholder in one pass: what is put in is not looked at again. `undefined` when the text has or would have more
 * characters than `maxLength`.
 */
export const replaced = (text: string, values: ReadonlyMap<string, string>, maxLength: number): string | undefined => {
  if (text.length > maxLength) return undefined
  // Of two that begin at the same place the longer one is meant. No pattern: a client could make one that takes seconds.
  const found = [...values]
    .toSorted(([one], [other]) => other.length - one.length)
    .map(([placeholder, value]) => ({ placeholder, value, at: text.indexOf(placeholder) }))
    .filter(({ at }) => at >= 0)
  let result = ""
  let end = 0
  while (found.length > 0) {
    const next = found.reduce((one, other) => (other.at < one.at ? other : one))
    result += text.slice(end, next.at) + next.value
    if (result.length > maxLength) return undefined
    end = next.at + next.placeholder.length
    for (let index = found.length - 1; index >= 0; index--) {
      const each = found[index]
      if (each === undefined || each.at >= end) continue
      each.at = text.indexOf(each.placeholder, end)
      if (each.at < 0) found.splice(index, 1)
    }
  }
  result += text.slice(end)
  return result.length > maxLength ? undefined : result
}
