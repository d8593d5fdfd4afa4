import { Buffer } from "node:buffer"
import { base64Value } from "./base64.ts"

const PLUS = 0x2b
const MINUS = 0x2d

/** RFC 2152: ASCII, and UTF-16 in base64 from a plus to the first octet that is no base64, dropped if it is a minus. */
export const decodeUtf7 = (bytes: Buffer): string => {
  const decoded = Buffer.allocUnsafe(bytes.length * 2)
  let length = 0
  let shifted = false
  let bits = -1
  let pending = 0
  for (let at = 0; at < bytes.length; at++) {
    const octet = bytes[at] ?? 0
    if (shifted) {
      const value = base64Value(octet)
      if (value !== undefined) {
        bits = (bits < 0 ? 0 : bits) + 6
        pending = ((pending << 6) | value) & 0x3fffff
        if (bits >= 16) {
          bits -= 16
          length = decoded.writeUInt16LE((pending >> bits) & 0xffff, length)
        }
        continue
      }
      shifted = false
      if (bits < 0) length = decoded.writeUInt16LE(PLUS, length)
      if (octet === MINUS) continue
    }
    if (octet === PLUS) {
      shifted = true
      bits = -1
      pending = 0
    } else length = decoded.writeUInt16LE(octet, length)
  }
  return decoded.toString("utf16le", 0, length)
}
