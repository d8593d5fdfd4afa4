/** Tags as Cakemail takes them: `^[a-zA-Z0-9-_]{1,255}$`. */

const MAX_LENGTH = 255

/** Each made to fit, in their order, none twice. Empty ones are left out. */
export const fittedTags = (texts: Iterable<string>): ReadonlyArray<string> => {
  const tags = new Set<string>()
  for (const text of texts) {
    const tag = fitted(text.trim())
    if (tag !== "") tags.add(tag)
  }
  return [...tags]
}

/** Letters lose their accents, everything else that does not fit becomes a hyphen. */
const fitted = (text: string): string => {
  const plain = text.normalize("NFKD").replace(/\p{M}+/gu, "")
  const tag = plain.replace(/[^a-zA-Z0-9_-]/gu, "-")
  return (tag === plain || /[a-zA-Z0-9]/.test(tag) ? tag : codePoints(plain)).slice(0, MAX_LENGTH)
}

/** Nothing of it fits: hyphens alone would make one tag of all such tags. */
const codePoints = (text: string): string =>
  Array.from(text.replace(/\s+/gu, ""), (character) => `u${character.codePointAt(0)?.toString(16) ?? ""}`).join("")
