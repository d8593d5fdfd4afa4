import libmime from "libmime"

/** Decodes the encoded words of RFC 2047; malformed ones stay as they are. The result has no CR, LF or NUL. */
export const decodeWords = (text: string): string =>
  text.includes("=?") ? libmime.decodeWords(text).replace(/[\r\n\0]+/g, " ") : text
