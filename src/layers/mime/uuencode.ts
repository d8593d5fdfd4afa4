/** Bodies in the encoding of Unix mail before MIME, still labelled `x-uuencode` by a few clients. */
import { Buffer } from "node:buffer"
import { lineEnd, nextLine } from "./lines.ts"

export interface Uuencoded {
  readonly content: Buffer
  /** Of the `begin` line; absent when it names none. */
  readonly fileName: string | undefined
}

/** Absent when there is no `begin` line. What is missing at the end of a line counts as zero. */
export const decodeUuencoded = (source: Buffer, start: number, end: number): Uuencoded | undefined => {
  const decoded = Buffer.alloc(end - start)
  let length = 0
  let fileName: string | undefined
  let begun = false
  for (let at = start; at < end;) {
    const stop = lineEnd(source, at, end)
    if (!begun && source[at] === SMALL_B) {
      const begin = /^begin [0-7]{3,4}(?: (.*))?$/.exec(source.toString("latin1", at, Math.min(stop, at + 300)))
      if (begin !== null) {
        begun = true
        fileName = begin[1]?.trim() || undefined
      }
    } else if (begun) {
      const count = stop > at ? sextet(source[at]) : 0
      if (count === 0) break
      length += decodeLine(source, at + 1, stop, decoded, length, count)
    }
    at = nextLine(source, stop, end)
  }
  return begun ? { content: decoded.subarray(0, length), fileName } : undefined
}

/** Writes at most `count` octets; returns how many the line held. */
const decodeLine = (
  source: Buffer,
  start: number,
  stop: number,
  decoded: Buffer,
  offset: number,
  count: number
): number => {
  const held = Math.min(count, Math.floor(((stop - start) * 3) / 4))
  let written = 0
  for (let at = start; written < held; at += 4) {
    const group =
      (sextet(source[at]) << 18) |
      (sextet(at + 1 < stop ? source[at + 1] : undefined) << 12) |
      (sextet(at + 2 < stop ? source[at + 2] : undefined) << 6) |
      sextet(at + 3 < stop ? source[at + 3] : undefined)
    for (let shift = 16; shift >= 0 && written < held; shift -= 8) decoded[offset + written++] = (group >> shift) & 0xff
  }
  return held
}

const SMALL_B = 0x62

const sextet = (octet: number | undefined): number => (octet === undefined ? 0 : (octet - 0x20) & 0x3f)
