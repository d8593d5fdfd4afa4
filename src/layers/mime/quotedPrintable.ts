/**
 * Quoted-printable bodies (RFC 2045 section 6.7) in one pass: libqp strips blanks by a pattern that takes
 * quadratic time on a long run of them.
 */
import { Buffer } from "node:buffer"
import { CR, LF, nextLine, skipBlanks, SPACE, TAB } from "./lines.ts"

const EQUALS = 0x3d

export type LineEnds = "as they are" | "lf"

/**
 * Malformed escapes stay as they are; blanks at the end of a line were added on the way and go. With `lineEnds` `lf` the
 * CR of a CRLF goes, too, which leaves little for `withLfLines` to do.
 */
export const decodeQuotedPrintable = (
  source: Buffer,
  start: number,
  end: number,
  lineEnds: LineEnds = "as they are"
): Buffer => {
  const decoded = Buffer.allocUnsafe(end - start)
  let length = 0
  // Blanks behind this count only if something follows on the line.
  let kept = 0
  let at = start
  while (at < end) {
    let octet = 0
    // Nearly all there is, and by itself twice as fast as with what follows in one loop.
    while (at < end) {
      octet = source[at] ?? 0
      if (octet === EQUALS || octet <= CR) break
      decoded[length++] = octet
      at++
    }
    if (at === end) break
    if (octet === EQUALS) {
      const high = hexValue(source[at + 1])
      const low = hexValue(source[at + 2])
      if (high >= 0 && low >= 0 && at + 2 < end) {
        decoded[length++] = high * 16 + low
        at += 3
      } else {
        const stop = skipBlanks(source, at + 1, end)
        if (stop === end || source[stop] === CR || source[stop] === LF) at = nextLine(source, stop, end)
        else {
          decoded[length++] = octet
          at++
        }
      }
      kept = length
    } else if (octet === CR || octet === LF) {
      length = withoutBlanks(decoded, kept, length)
      const isOfCrLf = octet === CR && at + 1 < end && source[at + 1] === LF
      // Behind another CR it stays: CR CR LF is for `withLfLines` to see.
      const isDropped = lineEnds === "lf" && isOfCrLf && decoded[length - 1] !== CR
      if (!isDropped) decoded[length++] = octet
      at++
      kept = length
    } else {
      decoded[length++] = octet
      at++
    }
  }
  return decoded.subarray(0, withoutBlanks(decoded, kept, length))
}

/** Where the blanks that end at `end` begin, not before `start`. */
const withoutBlanks = (octets: Buffer, start: number, end: number): number => {
  let stop = end
  while (stop > start && (octets[stop - 1] === SPACE || octets[stop - 1] === TAB)) stop--
  return stop
}

/** -1 for what is no hexadecimal digit of either case. */
const hexValue = (octet: number | undefined): number => {
  if (octet === undefined) return -1
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30
  const upper = octet & 0xdf
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1
}
