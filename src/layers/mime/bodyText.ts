/** A text part as the API gets it: UTF-8, with LF line ends. */
import type { Buffer } from "node:buffer"
import { decodeText, isWide } from "./charset.ts"
import { unwrapFlowed } from "./flowedText.ts"
import { withLfLines } from "./lines.ts"
import type { MimePart } from "./mimeTree.ts"
import { decodeContent } from "./transferEncoding.ts"
import { Warnings } from "./Warnings.ts"

/**
 * CRLF and CR become LF, flowed paragraphs are joined, NUL goes. The last line keeps its end, unless it is the
 * line break that belongs to a boundary (RFC 2046 section 5.1.1).
 */
export const plainText = (part: MimePart, warnings: Warnings): string => {
  const text = readText(part, part.content.charset, warnings)
  return part.content.flowed ? unwrapFlowed(text, part.content.delSp) : text
}

/** Nothing but the charset, the line ends and what the document says of its own charset is changed. */
export const htmlText = (part: MimePart, warnings: Warnings): string => {
  const { charset } = part.content
  return withUtf8Meta(readText(part, charset === undefined || charset === "" ? metaCharset : charset, warnings))
}

type CharsetOf = string | undefined | ((bytes: Buffer) => string | undefined)

const readText = (part: MimePart, charset: CharsetOf, warnings: Warnings): string => {
  const content = { ...part, encoding: part.content.encoding }
  const bytes = decodeContent(content, warnings, "lf")
  const name = typeof charset === "function" ? charset(bytes) : charset
  // Where octets of a line end may be halves of characters they are left alone. A byte order mark, which may tell, has none.
  const readable = isWide(bytes, name) ? decodeContent(content, new Warnings()) : withLfLines(bytes)
  let text = decodeText(readable, name, warnings)
  if (text.includes("\r")) text = text.replace(/\r\n?/g, "\n")
  if (text.includes("\0")) {
    warnings.add("NUL removed")
    text = text.replaceAll("\0", "")
  }
  return text
}

/** How far into a document its meta elements are looked for. */
const META_LENGTH = 8192

const META_CHARSET = /(<meta\b[^>]{0,500}?\bcharset\s{0,9}=\s{0,9}["']?)([\w.:-]+)/i
const META_CHARSETS = new RegExp(META_CHARSET, "gi")

const metaCharset = (bytes: Buffer): string | undefined => {
  const declared = META_CHARSET.exec(bytes.toString("latin1", 0, Math.min(bytes.length, META_LENGTH)))?.[2]
  // What can be read as ASCII to find this is not UTF-16, whatever it says (HTML, "prescan a byte stream").
  return declared !== undefined && /^utf-?(?:16|32)/i.test(declared) ? "utf-8" : declared
}

/** The text is UTF-8 from here on: a document that says otherwise would be read wrongly at the end of its way. */
const withUtf8Meta = (html: string): string => {
  const head = html.slice(0, META_LENGTH)
  if (!/charset/i.test(head)) return html
  const corrected = head.replace(META_CHARSETS, (whole, before: string, charset: string) =>
    /^utf-?8$/i.test(charset) ? whole : `${before}utf-8`
  )
  return corrected === head ? html : corrected + html.slice(META_LENGTH)
}
