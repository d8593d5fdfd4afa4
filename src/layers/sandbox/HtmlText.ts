/** The words of an HTML document, for snippets and search. One pass, whatever the document is made of. */

/** Characters of a document that are looked at: enough for a search, bounded for a hostile one. */
export const MAX_LENGTH = 262_144

/** The words; once there are as many characters of them as are `enough`, the rest is left. */
export const htmlToText = (html: string, enough = MAX_LENGTH): string => {
  const source = html.slice(0, MAX_LENGTH)
  let text = ""
  let at = 0
  while (at < source.length && text.length < enough) {
    const open = source.indexOf("<", at)
    const words = source.slice(at, open < 0 ? source.length : open).trim()
    if (words !== "") text += `${words} `
    if (open < 0) break
    at = endOfMarkup(source, open)
    if (at < 0) break
  }
  return collapse(text.includes("&") ? decodeEntities(text) : text)
}

/** A single space, as most are, is no match: nothing is put in its place. */
export const collapse = (text: string): string => text.replace(/[^\S ]\s*|\s{2,}/g, " ").trim()

/** A comment, or an element whose content nobody reads. */
const UNREAD = /<(?:!--|(script|style|head|title)(?![a-z\d]))/iy

/** What those names and comments begin with: no other tag is looked at further. */
const UNREAD_INITIALS: ReadonlySet<string | undefined> = new Set(["!", "s", "S", "h", "H", "t", "T"])

/** Behind the comment, the unread element or the tag that starts at `open`; -1 when it does not end. */
const endOfMarkup = (source: string, open: number): number => {
  if (!UNREAD_INITIALS.has(source[open + 1])) return after(source, ">", open)
  UNREAD.lastIndex = open
  const unread = UNREAD.exec(source)
  if (unread === null) return after(source, ">", open)
  const [, name] = unread
  return name === undefined ? after(source, "-->", open) : afterClosingTag(source, name, open)
}

const afterClosingTag = (source: string, name: string, open: number): number => {
  const tag = new RegExp(`</${name}>`, "gi")
  tag.lastIndex = open
  return tag.test(source) ? tag.lastIndex : -1
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
