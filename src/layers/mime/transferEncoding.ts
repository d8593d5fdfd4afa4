/** Content-Transfer-Encoding (RFC 2045 section 6), undone. */
import { Buffer } from "node:buffer"
import { type Base64, cleanBase64, decodeBase64 } from "./base64.ts"
import { decodeQuotedPrintable, type LineEnds } from "./quotedPrintable.ts"
import { decodeUuencoded } from "./uuencode.ts"
import { token, type Warnings } from "./Warnings.ts"

/** Octets that may still be encoded. */
export interface EncodedContent {
  readonly source: Buffer
  readonly start: number
  readonly end: number
  /** In lower case; empty when there is none. */
  readonly encoding: string
}

/** A view of the source where nothing has to be decoded. `lineEnds` is for `decodeQuotedPrintable`. */
export const decodeContent = (
  { encoding, end, source, start }: EncodedContent,
  warnings: Warnings,
  lineEnds?: LineEnds
): Buffer => {
  switch (encodingOf(encoding)) {
    case "base64":
      return decodeBase64(source, start, end)
    case "quoted-printable":
      return decodeQuotedPrintable(source, start, end, lineEnds)
    case "uuencode":
      return decodeUuencoded(source, start, end)?.content ?? source.subarray(start, end)
    case "unknown":
      warnings.add(`unknown transfer encoding ${token(encoding)}`)
      return source.subarray(start, end)
    case "identity":
      return source.subarray(start, end)
  }
}

/** The decoded content as clean base64, without decoding what is clean already. */
export const contentAsBase64 = (content: EncodedContent, warnings: Warnings): Base64 => {
  if (encodingOf(content.encoding) === "base64") {
    const clean = cleanBase64(content.source, content.start, content.end)
    if (clean !== undefined) return clean
    warnings.add("base64 with foreign characters or wrong padding repaired")
  }
  const decoded = decodeContent(content, warnings)
  return { text: Buffer.from(decoded.toString("base64"), "latin1"), size: decoded.length }
}

/** The name that an uuencoded body carries itself. */
export const encodedFileName = ({ encoding, end, source, start }: EncodedContent): string | undefined =>
  encodingOf(encoding) === "uuencode" ? decodeUuencoded(source, start, end)?.fileName : undefined

type Encoding = "identity" | "base64" | "quoted-printable" | "uuencode" | "unknown"

const encodingOf = (name: string): Encoding => {
  switch (name) {
    case "":
    case "7bit":
    case "7-bit":
    case "8bit":
    case "8-bit":
    case "binary":
      return "identity"
    case "base64":
    case "base-64":
      return "base64"
    case "quoted-printable":
    case "quotedprintable":
    case "quoted_printable":
      return "quoted-printable"
    case "x-uuencode":
    case "x-uue":
    case "uuencode":
    case "uue":
      return "uuencode"
    default:
      return "unknown"
  }
}
