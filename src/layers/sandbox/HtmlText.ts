/** The words of an HTML document, for snippets and search. One pass, whatever the document is made of. */

/** Characters of a document that are looked at: enough for a search, bounded for a hostile one. */
export const MAX_LENGTH = 262_144

/** Elements whose content nobody reads. */
const SILENT = ["script", "style", "head", "title"]

/** The words; once there are as many characters of them as are `enough`, the rest is left. */
export const htmlToText = (html: string, enough = MAX_LENGTH): string => {
  const source = html.slice(0, MAX_LENGTH)
  const lower = source.toLowerCase()
  let text = ""
  let at = 0
  while (at < source.length && text.length < enough) {
    const open = source.indexOf("<", at)
    if (open < 0) {
      text += source.slice(at)
      break
    }
    text += `${source.slice(at, open)} `
    const end = endOfMarkup(lower, open)
    if (end < 0) break
    at = end
  }
  return collapse(decodeEntities(text))
}

export const collapse = (text: string): string => text.replace(/[\s\uFEFF]+/g, " ").trim()

/** Behind the comment, the silent element or the tag that starts at `open`; -1 when it does not end. */
const endOfMarkup = (lower: string, open: number): number => {
  if (lower.startsWith("<!--", open)) return after(lower, "-->", open)
  for (const name of SILENT) {
    if (lower.startsWith(name, open + 1) && !/[a-z0-9]/.test(lower.charAt(open + 1 + name.length))) {
      return after(lower, `</${name}>`, open)
    }
  }
  return after(lower, ">", open)
}

const after = (text: string, sought: string, from: number): number => {
  const at = text.indexOf(sought, from)
  return at < 0 ? -1 : at + sought.length
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " }

const decodeEntities = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (entity, decimal, hex, name) => {
    if (typeof name === "string") return ENTITIES[name.toLowerCase()] ?? entity
    const code = typeof decimal === "string" ? Number(decimal) : Number.parseInt(String(hex), 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : entity
  })
