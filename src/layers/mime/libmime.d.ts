/** What the parser uses of libmime, which ships no types. */
declare module "libmime" {
  interface HeaderValue {
    /** `false` when the header value is empty. */
    readonly value: string | false
    /** Keyed by lower-case name; RFC 2231 continuations are joined and decoded. */
    readonly params: Readonly<Record<string, string | undefined>>
  }
  const libmime: {
    /** Decodes the encoded words of RFC 2047 and leaves the rest as it is. */
    readonly decodeWords: (text: string) => string
    /** `value; name=value` as in Content-Type. */
    readonly parseHeaderValue: (text: string) => HeaderValue
    /** The media type for a file extension, `application/octet-stream` when unknown. */
    readonly detectMimeType: (extension: string) => string
  }
  export default libmime
}

declare module "libmime/lib/charset.js" {
  import type { Buffer } from "node:buffer"
  const charset: {
    /** Reads the bytes as UTF-8 when it does not know the charset; never throws. */
    readonly decode: (bytes: Buffer, charset: string) => string
    /** The canonical name; an unknown one comes back in upper case. */
    readonly normalizeCharset: (charset: string) => string
  }
  export default charset
}
