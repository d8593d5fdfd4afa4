/**
 * From bytes to text, whatever the charset is called and whether it is true.
 *
 * Gotcha: libmime reads us-ascii as windows-1252 and an unknown charset as UTF-8 with replacement
 * characters, so both are decided here before it is asked.
 */
import { Buffer, isUtf8 } from "node:buffer"
import { TextDecoder } from "node:util"
import libmimeCharset from "libmime/lib/charset.js"
import { decodeUtf7 } from "./utf7.ts"
import { token, type Warnings } from "./Warnings.ts"

/** What 8-bit text is when it is not UTF-8: mislabelled mail is nearly always this (WHATWG Encoding, "latin1"). */
export const LEGACY_CHARSET = "windows-1252"

const UTF_8_NAMES = /^(?:utf-?8|us-ascii|ascii|ansi_x3\.4-1968|7-?bit|8-?bit|binary|x-unknown|unknown-8bit)$/
const ISO_2022_JP_NAMES = /^(?:cs)?iso-?2022-?jp/
const UTF_7_NAMES = /^(?:utf-?7|unicode-1-1-utf-7)$/
const ISO_2022_JP_ESCAPE = "\x1b$"

/** `declared` is the charset parameter; without it, and with a name that means nothing more than ASCII, the bytes decide. */
export const decodeText = (bytes: Buffer, declared: string | undefined, warnings: Warnings): string => {
  const name = canonical(declared)
  const marked = decodeMarked(bytes, name)
  if (marked !== undefined) return marked
  if (name === "" || UTF_8_NAMES.test(name)) return decodeUnicode(bytes, name, warnings)
  if (name === "utf-16") return decodeKnown(bytes, looksBigEndian(bytes) ? "utf-16be" : "utf-16le")
  if (UTF_7_NAMES.test(name)) return decodeUtf7(bytes)
  if (ISO_2022_JP_NAMES.test(name)) return decodeKnown(bytes, "iso-2022-jp")
  if (isKnownCharset(name)) return decodeKnown(bytes, name)
  warnings.add(`unknown charset ${token(name)}`)
  return isUtf8(bytes) ? bytes.toString("utf8") : decodeKnown(bytes, LEGACY_CHARSET)
}

/** Whether one octet of the text may be half a character, so that an octet of a line end need not be one. */
export const isWide = (bytes: Buffer, declared: string | undefined): boolean => {
  const name = canonical(declared)
  return /^(?:utf-?(?:16|32)|ucs-?[24]|iso-10646)/.test(name) || (mayBeMarked(name) && hasUtf16Mark(bytes))
}

/** Raw 8-bit text of a header: UTF-8 (RFC 6532), else the charset of the body, else windows-1252. */
export const decodeRawHeader = (bytes: Buffer, bodyCharset: string | undefined): string => {
  if (isUtf8(bytes)) return bytes.toString("utf8")
  const name = canonical(bodyCharset)
  const legible = name !== "" && !UTF_8_NAMES.test(name) && !name.startsWith("utf-") && isKnownCharset(name)
  return decodeKnown(bytes, legible ? name : LEGACY_CHARSET)
}

/** By byte order mark, which outranks the declaration; the mark itself is dropped. */
const decodeMarked = (bytes: Buffer, name: string): string | undefined => {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    const rest = bytes.subarray(3)
    return isUtf8(rest) ? rest.toString("utf8") : decodeKnown(rest, LEGACY_CHARSET)
  }
  if (!mayBeMarked(name) || !hasUtf16Mark(bytes)) return undefined
  return decodeKnown(bytes.subarray(2), bytes[0] === 0xff ? "utf-16le" : "utf-16be")
}

const hasUtf16Mark = (bytes: Buffer): boolean =>
  (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)

/** In a charset of single octets the marks of UTF-16 are two letters. */
const mayBeMarked = (name: string): boolean => name === "" || /^(?:utf|ucs|unicode|iso-10646)/.test(name)

const decodeUnicode = (bytes: Buffer, name: string, warnings: Warnings): string => {
  if (isUtf8(bytes)) {
    const text = bytes.toString("utf8")
    return text.includes(ISO_2022_JP_ESCAPE) ? decodeKnown(bytes, "iso-2022-jp") : text
  }
  const shown = name === "" ? "none" : token(name)
  if (isMostlyUtf8(bytes)) {
    warnings.add(`octets that are not UTF-8 replaced (charset: ${shown})`)
    return bytes.toString("utf8")
  }
  warnings.add(`text that is not UTF-8 read as windows-1252 (charset: ${shown})`)
  return decodeKnown(bytes, LEGACY_CHARSET)
}

/** Enough to judge a text by. */
const SAMPLE_OCTETS = 1_048_576

/**
 * A character cut in two or a few stray octets are no reason to garble all others. In windows-1252 text hardly
 * any octets happen to form UTF-8.
 */
const isMostlyUtf8 = (bytes: Buffer): boolean => {
  const text = bytes.toString("utf8", 0, Math.min(bytes.length, SAMPLE_OCTETS))
  let balance = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 0xfffd) balance--
    else if (unit > 0x7f) balance++
  }
  return balance > 0
}

const decodeKnown = (bytes: Buffer, name: string): string =>
  nativeDecoder(name)?.decode(bytes) ?? libmimeCharset.decode(bytes, name)

/** What Node decodes ten times faster than libmime's tables do; single octets and UTF-16 are fast there too. */
const NATIVE = new Set(["iso-2022-jp", "shift_jis", "euc-jp", "gbk", "gb18030", "big5", "euc-kr"])

const nativeDecoders = new Map<string, TextDecoder>()

const nativeDecoder = (name: string): TextDecoder | undefined => {
  const label = libmimeCharset.normalizeCharset(name).toLowerCase()
  if (!NATIVE.has(label)) return undefined
  const known = nativeDecoders.get(label)
  if (known !== undefined) return known
  const decoder = new TextDecoder(label)
  nativeDecoders.set(label, decoder)
  return decoder
}

/** Without the quotes and blanks that broken clients put around it. */
const canonical = (declared: string | undefined): string =>
  declared === undefined ? "" : declared.replace(/["';\s]/g, "").toLowerCase()

/** An unknown charset falls back to UTF-8, in which alone these two bytes are an e with acute. */
const PROBE = Buffer.from([0xc3, 0xa9])

const isKnownCharset = (name: string): boolean => decodeKnown(PROBE, name) !== "\u00e9"

/** RFC 2781 section 4.3 says big-endian without a mark; most senders mean their own little-endian. Latin text tells. */
const looksBigEndian = (bytes: Buffer): boolean => {
  let balance = 0
  const sample = Math.min(bytes.length, 256)
  for (let at = 0; at < sample; at++) if (bytes[at] === 0) balance += at % 2 === 0 ? 1 : -1
  return balance > 0
}
