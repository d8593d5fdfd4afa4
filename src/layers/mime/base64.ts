/** Base64 bodies (RFC 2045 section 6.8). */
import { Buffer } from "node:buffer"

/** Small enough that its strings live and die in the young generation, where they cost next to nothing. */
const CHUNK_OCTETS = 32_768

/** Decoded chunks are only counted, never read, and decoding is synchronous: one place for all of them will do. */
const scratch = Buffer.allocUnsafeSlow(CHUNK_OCTETS)

export interface Base64 {
  /** Padded, without line breaks, as ASCII. */
  readonly text: Buffer
  /** Bytes of the decoded content. */
  readonly size: number
}

/**
 * The encoded text as it stands, less its line breaks. Absent when a strict decoder would refuse it: then it
 * takes `decodeBase64`.
 */
export const cleanBase64 = (source: Buffer, start: number, end: number): Base64 | undefined => {
  const text = Buffer.allocUnsafe(end - start)
  let length = 0
  let size = 0
  let rest = ""
  let padding = 0
  for (let at = start; at < end; at += CHUNK_OCTETS - 4) {
    const joined = rest + withoutLineBreaks(source.toString("latin1", at, Math.min(end, at + CHUNK_OCTETS - 4)))
    const whole = joined.length - (joined.length % 4)
    const chunk = joined.slice(0, whole)
    rest = joined.slice(whole)
    // Node's decoder skips what it does not know and takes the URL alphabet too.
    if (chunk.includes("-") || chunk.includes("_")) return undefined
    // Nothing may follow the padding, in this chunk or a later one.
    if (padding > 0 && chunk !== "") return undefined
    padding = paddingOf(chunk)
    const octets = (whole / 4) * 3 - padding
    if (scratch.write(chunk, "base64") !== octets) return undefined
    length += text.write(chunk, length, "latin1")
    size += octets
  }
  return rest === "" ? { text: text.subarray(0, length), size } : undefined
}

/** Decodes leniently: skips what is not base64, and goes on behind padding, which some clients put at the end of each line. */
export const decodeBase64 = (source: Buffer, start: number, end: number): Buffer => {
  const decoded = Buffer.allocUnsafe(Math.ceil(((end - start) * 3) / 4))
  let length = 0
  let bits = 0
  let pending = 0
  for (let at = start; at < end; at++) {
    const octet = source[at] ?? 0
    const value = VALUES[octet] ?? NOT_BASE64
    if (value < 64) {
      pending = (pending << 6) | value
      bits += 6
      if (bits >= 8) {
        bits -= 8
        decoded[length++] = (pending >> bits) & 0xff
        pending &= 0x3f
      }
    } else if (octet === PADDING) {
      bits = 0
      pending = 0
    }
  }
  return decoded.subarray(0, length)
}

/** Of one octet; absent when it is not of the alphabet. */
export const base64Value = (octet: number): number | undefined => {
  const value = VALUES[octet] ?? NOT_BASE64
  return value === NOT_BASE64 ? undefined : value
}

const withoutLineBreaks = (text: string): string => {
  const stripped = text.replaceAll("\r\n", "")
  return stripped.includes("\n") || stripped.includes("\r") ? stripped.replace(/[\r\n]+/g, "") : stripped
}

const paddingOf = (chunk: string): number => (chunk.endsWith("==") ? 2 : chunk.endsWith("=") ? 1 : 0)

const PADDING = 0x3d
const NOT_BASE64 = 64

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** By octet. Dashes and underscores are not the URL alphabet in mail, but the footer that a list put below. */
const VALUES = new Uint8Array(256).fill(NOT_BASE64)
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value
