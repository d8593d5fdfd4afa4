/** The header block of a message or part, read line by line (RFC 5322 section 2.2, obsolete forms of section 4.5). */
import type { Buffer } from "node:buffer"
import { decodeRawHeader } from "./charset.ts"
import { DASH, lineEnd, nextLine, skipBlanks, SPACE, TAB } from "./lines.ts"
import type { Warnings } from "./Warnings.ts"

/** One header field before its encoded words are decoded. */
export interface Field {
  /** As the client spelled it. */
  readonly name: string
  /** The name in lower case. */
  readonly key: string
  /** Unfolded, trimmed, without NUL; raw 8-bit text is decoded. */
  readonly value: string
}

/** Bytes of one block; reading stops behind them. */
export const MAX_HEADER_BYTES = 262_144

export interface HeaderBlock {
  readonly fields: ReadonlyArray<Field>
  /** Offset of the first octet of the body; more than MAX_HEADER_BYTES behind the start if the block is too large. */
  readonly bodyStart: number
}

/**
 * Lines that are no headers are skipped with a warning, unless what follows shows that the blank line is
 * missing and the body has begun. `isDelimiter` tells whether the line at an offset is a boundary of an
 * enclosing multipart: that ends a block which lacks its blank line.
 */
export const readHeaderBlock = (
  source: Buffer,
  start: number,
  end: number,
  isDelimiter: (at: number) => boolean,
  warnings: Warnings
): HeaderBlock => {
  const ranges: Array<FieldRange> = []
  let last: FieldRange | undefined
  let at = start
  while (at < end) {
    const stop = lineEnd(source, at, end)
    const next = nextLine(source, stop, end)
    if (stop === at) {
      at = next
      break
    }
    const first = source[at]
    if (first === DASH && isDelimiter(at)) break
    if (first === SPACE || first === TAB) {
      if (isSeparatorOfBlanks(source, at, stop, next, end)) {
        at = next
        break
      }
      if (last !== undefined) last.end = stop
      else warnings.add("continuation of no header skipped")
    } else {
      const colon = colonAfterName(source, at, stop)
      if (colon >= 0) {
        last = { start: at, colon, end: stop }
        ranges.push(last)
      } else if (bodyBegins(source, at, next, end, ranges.length > 0)) {
        warnings.add("blank line between headers and body missing")
        break
      } else {
        last = undefined
        warnings.add("line that is no header skipped")
      }
    }
    at = next
    if (at - start > MAX_HEADER_BYTES) return { fields: [], bodyStart: at }
  }
  return { fields: readFields(source, ranges, warnings), bodyStart: at }
}

interface FieldRange {
  readonly start: number
  readonly colon: number
  end: number
}

const COLON = 0x3a

/** The offset of the colon behind a field name, or -1. Blanks before the colon are obsolete syntax and allowed. */
const colonAfterName = (source: Buffer, at: number, stop: number): number => {
  let next = at
  while (next < stop) {
    const octet = source[next] ?? 0
    if (octet === COLON || octet <= SPACE || octet > 0x7e) break
    next++
  }
  if (next === at) return -1
  next = skipBlanks(source, next, stop)
  return next < stop && source[next] === COLON ? next : -1
}

/** A line of nothing but blanks is a (pointless) continuation, unless the line after it can only be body. */
const isSeparatorOfBlanks = (source: Buffer, at: number, stop: number, next: number, end: number): boolean =>
  skipBlanks(source, at, stop) === stop && next < end && !continuesBlock(source, next, end)

const continuesBlock = (source: Buffer, at: number, end: number): boolean => {
  const stop = lineEnd(source, at, end)
  const first = source[at]
  return stop === at || first === SPACE || first === TAB || colonAfterName(source, at, stop) >= 0
}

/**
 * Whether the line at `at`, which is no header, is the first of the body rather than rubbish among headers.
 * Rubbish has a header or the blank line behind it; two lines of it, or a boundary, are a body.
 */
const bodyBegins = (source: Buffer, at: number, next: number, end: number, afterHeaders: boolean): boolean => {
  if (source[at] === DASH && source[at + 1] === DASH) return true
  let behind = next
  let stop = lineEnd(source, behind, end)
  while (behind < stop && skipBlanks(source, behind, stop) > behind) {
    behind = nextLine(source, stop, end)
    stop = lineEnd(source, behind, end)
  }
  if (behind >= end) return true
  return stop === behind ? !afterHeaders : colonAfterName(source, behind, stop) < 0
}

const readFields = (source: Buffer, ranges: ReadonlyArray<FieldRange>, warnings: Warnings): ReadonlyArray<Field> => {
  const raw = ranges.map((range) => source.toString("latin1", range.colon + 1, range.end))
  let bodyCharset: string | undefined
  return ranges.map((range, index) => {
    const name = source.toString("latin1", range.start, range.colon).trimEnd()
    let value = raw[index] ?? ""
    if (/[\x80-\xff]/.test(value)) {
      bodyCharset ??= declaredCharset(raw, ranges, source)
      value = decodeRawHeader(source.subarray(range.colon + 1, range.end), bodyCharset)
    }
    if (value.includes("\0")) {
      warnings.add("NUL removed")
      value = value.replaceAll("\0", "")
    }
    if (value.includes("\n") || value.includes("\r")) value = value.replace(/(?:\r\n|\n|\r)[ \t]*/g, " ")
    return { name, key: name.toLowerCase(), value: value.trim() }
  })
}

/** Empty when there is none, so that it is looked for once only. */
const declaredCharset = (raw: ReadonlyArray<string>, ranges: ReadonlyArray<FieldRange>, source: Buffer): string => {
  const index = ranges.findIndex(
    (range) => source.toString("latin1", range.start, range.colon).trimEnd().toLowerCase() === "content-type"
  )
  return /charset\s*=\s*"?([\w.:-]+)/i.exec(raw[index] ?? "")?.[1] ?? ""
}
