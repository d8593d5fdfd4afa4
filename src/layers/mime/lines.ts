import { Buffer } from "node:buffer"

export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20
export const TAB = 0x09
export const DASH = 0x2d

/** Where the line that `at` is in ends: the offset of its CR or LF, or `end`. */
export const lineEnd = (source: Buffer, at: number, end: number): number => {
  let stop = at
  while (stop < end) {
    const octet = source[stop]
    if (octet === LF || octet === CR) break
    stop++
  }
  return stop
}

/** Where the next line begins, given where this one ends. CRLF, bare LF and bare CR all end a line. */
export const nextLine = (source: Buffer, stop: number, end: number): number => {
  if (stop >= end) return end
  return source[stop] === CR && stop + 1 < end && source[stop + 1] === LF ? stop + 2 : stop + 1
}

/** Where the line before the one at `at` ends, not before `start`. */
export const previousLineEnd = (source: Buffer, start: number, at: number): number => {
  let stop = at
  if (stop > start && source[stop - 1] === LF) stop--
  else if (stop > start && source[stop - 1] === CR) return stop - 1
  if (stop < at && stop > start && source[stop - 1] === CR) stop--
  return stop
}

/** The first offset from `at` on that holds neither space nor tab. */
export const skipBlanks = (source: Buffer, at: number, end: number): number => {
  let next = at
  while (next < end && (source[next] === SPACE || source[next] === TAB)) next++
  return next
}

/**
 * A copy in which CRLF and bare CR are LF, or the source itself if it has neither. CR CR LF is one line end too:
 * Ruby's mail library up to 2.7 encodes the CR of a CRLF, and then ends the line once more.
 */
export const withLfLines = (source: Buffer): Buffer => {
  const first = source.indexOf(CR)
  if (first < 0) return source
  const lines = Buffer.allocUnsafe(source.length)
  source.copy(lines, 0, 0, first)
  let length = first
  let at = first
  while (at < source.length) {
    if (source[at + 1] !== LF && !(source[at + 1] === CR && source[at + 2] === LF)) lines[length++] = LF
    at++
    // A loop by itself: twice as fast as with the line ends in it.
    while (at < source.length) {
      const octet = source[at] ?? 0
      if (octet === CR) break
      lines[length++] = octet
      at++
    }
  }
  return lines.subarray(0, length)
}
