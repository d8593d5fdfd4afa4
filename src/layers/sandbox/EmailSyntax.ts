/** Field rules that both contracts share. */
import { Schema } from "effect"

/** RFC 5321 mailbox with a domain of at least two labels; non-ASCII allowed (RFC 6531). Linear in its input. */
const ADDRESS_PATTERN =
  /^(?=.{3,254}$)(?:"(?:[^"\\\r\n]|\\[\x20-\x7e])*"|[^\s"(),.:;<>@[\\\]\x00-\x1f\x7f]+(?:\.[^\s"(),.:;<>@[\\\]\x00-\x1f\x7f]+)*)@[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}])?)+$/u

export const Address = Schema.String.check(
  Schema.isPattern(ADDRESS_PATTERN, { message: "value is not a valid email address" })
)

export const isAddress = Schema.is(Address)

export const Text = Schema.String.check(
  Schema.isMinLength(1, { message: "ensure this value has at least 1 characters" })
)

/** Padded, without line breaks. */
export const Base64 = Schema.String.check(Schema.isBase64({ message: "content is not valid base64" }))

/** RFC 5322 section 3.6.8: printable ASCII without colon. */
export const HeaderName = Schema.String.check(
  Schema.isPattern(/^[\x21-\x39\x3b-\x7e]+$/, { message: "header name is not valid" })
)

export const HeaderValue = Schema.String.check(
  Schema.isPattern(/^[^\r\n\0]*$/, { message: "header value must not contain line breaks" })
)

/** Bytes that padded base64 stands for. */
export const decodedSize = (base64: string): number => {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0
  return (base64.length / 4) * 3 - padding
}
