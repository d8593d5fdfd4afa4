/**
 * Quoted-printable bodies (RFC 2045 section 6.7) in one pass: libqp strips blanks by a pattern that takes
 * quadratic time on a long run of them.
 */
import { Buffer } from "node:buffer"
import { CR, LF, nextLine, skipBlanks, SPACE, TAB } from "./lines.ts"

const EQUALS = 0x3d

/** Malformed escapes stay as they are; blanks at the end of a line were added on the way and go. */
export const decodeQuotedPrintable = (source: Buffer, start: number, end: number): Buffer => {
  const decoded = Buffer.allocUnsafe(end - start)
  let length = 0
  // What lies behind this is blanks that count only if something follows on the line.
  let kept = 0
  let at = start
  while (at < end) {
    const octet = source[at] ?? 0
    // Nearly all there is.
    if (octet > EQUALS || (octet > SPACE && octet < EQUALS)) {
      decoded[length++] = octet
      at++
      kept = length
      continue
    }
    if (octet === SPACE || octet === TAB) {
      decoded[length++] = octet
      at++
      continue
    }
    if (octet === LF || octet === CR) {
      length = kept
      decoded[length++] = octet
      at++
    } else if (octet !== EQUALS) {
      decoded[length++] = octet
      at++
    } else {
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
    }
    kept = length
  }
  return decoded.subarray(0, kept)
}

/** -1 for what is no hexadecimal digit of either case. */
const hexValue = (octet: number | undefined): number => {
  if (octet === undefined) return -1
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30
  const upper = octet & 0xdf
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1
}
