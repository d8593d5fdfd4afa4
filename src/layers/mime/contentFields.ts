/** What the Content-* headers say of a part (RFC 2045, RFC 2183), mended where they are broken. */
import libmime from "libmime"
import { decodeWords } from "./encodedWords.ts"
import type { Field } from "./headerBlock.ts"
import { token, type Warnings } from "./Warnings.ts"

export interface Content {
  /** Lower case, without parameters. */
  readonly type: string
  readonly charset: string | undefined
  readonly boundary: string | undefined
  /** RFC 3676. */
  readonly flowed: boolean
  readonly delSp: boolean
  /** Of Content-Disposition, else the name of Content-Type; never empty. */
  readonly fileName: string | undefined
  /** Lower case; empty when there is none. */
  readonly disposition: string
  /** Content-ID without angle brackets; never empty. */
  readonly id: string | undefined
  /** Content-Transfer-Encoding in lower case; empty when there is none. */
  readonly encoding: string
}

/** `defaultType` is what a part without Content-Type is: text/plain, or message/rfc822 in a digest. */
export const readContent = (fields: ReadonlyArray<Field>, defaultType: string, warnings: Warnings): Content => {
  let type: string | undefined
  let disposition = ""
  let id = ""
  let encoding = ""
  for (const { key, value } of fields) {
    if (!key.startsWith("content-")) continue
    if (key === "content-type") {
      if (type === undefined || type === "") type = value
      else warnings.add("second Content-Type ignored")
    } else if (key === "content-disposition" && disposition === "") disposition = value
    else if (key === "content-id" && id === "") id = value
    else if (key === "content-transfer-encoding" && encoding === "") encoding = value
  }
  const typeHeader = parameters(type ?? "")
  const dispositionHeader = parameters(disposition)
  const fileName = cleanName(dispositionHeader.params["filename"]) ?? cleanName(typeHeader.params["name"])
  const dispositionName = firstWord(dispositionHeader.value)
  return {
    type: mediaType(type, typeHeader.value, fileName, dispositionName, defaultType, warnings),
    charset: typeHeader.params["charset"],
    boundary: typeHeader.params["boundary"] || undefined,
    flowed: typeHeader.params["format"]?.toLowerCase() === "flowed",
    delSp: typeHeader.params["delsp"]?.toLowerCase() === "yes",
    fileName,
    disposition: dispositionName,
    id: id.replace(/[<>\s]/g, "") || undefined,
    encoding: firstWord(encoding)
  }
}

interface HeaderValue {
  readonly value: string
  readonly params: Readonly<Record<string, string | undefined>>
}

const NO_VALUE: HeaderValue = { value: "", params: {} }

const parameters = (header: string): HeaderValue => {
  if (header === "") return NO_VALUE
  if (!header.includes(";")) return { value: header, params: {} }
  const plain = withPlainParameter(header)
  if (plain !== undefined) return plain
  const { params, value } = libmime.parseHeaderValue(withLiteralPath(header))
  return { value: value === false ? "" : value, params }
}

/** A token, then one parameter, its value a token or, in quotes, a line of what needs no escape. */
const PLAIN_PARAMETER = /^([\w/.+-]+); ?([A-Za-z-]+)=(?:([\w.:+-]+)|"([\w.:+=/ -]+)")$/

/** Most values have one parameter in which there is nothing to interpret: what the library would say of it is known. */
const withPlainParameter = (header: string): HeaderValue | undefined => {
  const [, value, name, token, quoted] = PLAIN_PARAMETER.exec(header) ?? []
  return value === undefined || name === undefined
    ? undefined
    : { value, params: { [name.toLowerCase()]: token ?? quoted } }
}

/** Old clients quote a Windows path without escaping its backslashes, which then would be read as escapes. */
const withLiteralPath = (header: string): string =>
  header.includes(":\\") || header.includes('"\\\\')
    ? header.replace(/="(?:[A-Za-z]:\\|\\\\)[^"]*"/g, (path) => path.replaceAll("\\", "\\\\"))
    : header

/** Behind the comments that may come first (RFC 2045 section 5.1), up to a blank, a comment or what else may follow a token. */
const firstWord = (value: string): string =>
  /^(?:\s*\([^()]*\))*\s*["']?([^\s"'(;,]*)/.exec(value)?.[1]?.toLowerCase() ?? ""

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/

const mediaType = (
  declared: string | undefined,
  value: string,
  fileName: string | undefined,
  disposition: string,
  defaultType: string,
  warnings: Warnings
): string => {
  const type = firstWord(value)
  if (MEDIA_TYPE.test(type)) return type
  if (declared !== undefined) {
    warnings.add(`Content-Type is malformed: ${token(type) || "empty"}`)
    // Without a subtype it still says how the body is built (RFC 2046 section 5.1.7).
    if (type === "multipart" || type === "multipart/") return "multipart/mixed"
  }
  if (fileName !== undefined) return libmime.detectMimeType(fileName)
  return declared === undefined && disposition === "attachment" ? "application/octet-stream" : defaultType
}

/** Encoded words in a parameter are forbidden (RFC 2047 section 5) and what most clients send. */
const cleanName = (name: string | undefined): string | undefined => {
  if (name === undefined || name === "") return undefined
  return (
    decodeWords(name)
      .replace(/[\x00-\x1f\x7f]+/g, " ")
      .trim() || undefined
  )
}
