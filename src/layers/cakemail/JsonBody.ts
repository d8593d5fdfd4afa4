/** Request bodies that differ by their recipient only: encoded once, whatever the number of recipients. */
import { Predicate } from "effect"
import type { PreparedMessage } from "../../services/CakemailClient.ts"

/** JSON text; the inside of a JSON string that is still to be escaped; or JSON that is encoded already. */
export type JsonPiece =
  | { readonly kind: "json" | "unescaped"; readonly text: string }
  | { readonly kind: "encoded"; readonly octets: Uint8Array }

/**
 * The object `{<recipientField>:<recipient>,<rest>}`, or `undefined` when there is no room for it.
 *
 * `rest` is the inside of a JSON object, without its braces, not empty; `recipientValue` gives JSON text; `room` is asked
 * for so many bytes more before they are kept.
 */
export const bodyWithHole = (options: {
  readonly recipientField: string
  readonly recipientValue: (recipient: string) => string
  readonly rest: ReadonlyArray<JsonPiece>
  readonly query: string
  readonly room: (bytes: number) => boolean
}): PreparedMessage | undefined => {
  const before = `{${JSON.stringify(options.recipientField)}:`
  // By itself: with `options` the body would keep the texts that it was made of alive as long as the calls last.
  const { recipientValue } = options
  const shared = new SharedBytes(options.room)
  let json = ","
  const flush = (): boolean => {
    const text = json
    json = ""
    return text === "" || shared.add(Buffer.from(text, "utf8"))
  }
  for (const piece of options.rest) {
    if (piece.kind === "json") json += piece.text
    else if (!flush()) return undefined
    else if (!(piece.kind === "encoded" ? shared.add(piece.octets) : addEscaped(shared, piece.text))) return undefined
  }
  json += "}"
  if (!flush()) return undefined
  const { chunks, size } = shared
  return {
    bodyFor: (recipient) => [Buffer.from(before + recipientValue(recipient), "utf8"), ...chunks],
    sharedBytes: size,
    query: options.query
  }
}

/**
 * The members of `fields`, then `<name>: [...]` whose entries each carry `content`. `undefined` members are left
 * out; without entries so is the array.
 */
export const jsonMembers = (
  fields: { readonly [name: string]: unknown },
  name: string,
  entries: ReadonlyArray<{ readonly fields: { readonly [name: string]: string }; readonly base64: Uint8Array }>
): ReadonlyArray<JsonPiece> => {
  const pieces = membersOf(fields)
  if (entries.length === 0) return pieces
  pieces.push({ kind: "json", text: `${pieces.length > 0 ? "," : ""}${JSON.stringify(name)}:[` })
  for (const [index, entry] of entries.entries()) {
    const opening = `${index === 0 ? "" : ","}${JSON.stringify(entry.fields).slice(0, -1)},"content":"`
    pieces.push(
      { kind: "json", text: opening },
      { kind: "encoded", octets: entry.base64 },
      { kind: "json", text: `"}` }
    )
  }
  pieces.push({ kind: "json", text: "]" })
  return pieces
}

/** Characters. An escaped one takes up to six bytes: longer texts are escaped slice by slice, asking for room in between. */
const LONG_TEXT = 256 * 1024

const membersOf = (fields: { readonly [name: string]: unknown }): Array<JsonPiece> => {
  if (!holdsLongText(fields)) return [{ kind: "json", text: JSON.stringify(fields).slice(1, -1) }]
  const pieces: Array<JsonPiece> = []
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    pieces.push({ kind: "json", text: `${pieces.length > 0 ? "," : ""}${JSON.stringify(name)}:` }, ...piecesOf(value))
  }
  return pieces
}

const piecesOf = (value: unknown): ReadonlyArray<JsonPiece> => {
  if (!holdsLongText(value)) return [{ kind: "json", text: JSON.stringify(value) }]
  const [open, close, inside]: readonly [string, string, ReadonlyArray<JsonPiece>] =
    typeof value === "string"
      ? [`"`, `"`, [{ kind: "unescaped", text: value }]]
      : ["{", "}", Predicate.isObject(value) ? membersOf({ ...value }) : []]
  return [{ kind: "json", text: open }, ...inside, { kind: "json", text: close }]
}

/** Looks into objects, not into arrays: no contract has long texts there. */
const holdsLongText = (value: unknown): boolean =>
  typeof value === "string"
    ? value.length > LONG_TEXT
    : Predicate.isObject(value) && !Array.isArray(value) && Object.values(value).some(holdsLongText)

const addEscaped = (shared: SharedBytes, text: string): boolean => {
  for (let start = 0; start < text.length;) {
    const end = sliceEnd(text, start + LONG_TEXT)
    const escaped = JSON.stringify(text.slice(start, end)).slice(1, -1)
    if (!shared.add(Buffer.from(escaped, "utf8"))) return false
    start = end
  }
  return true
}

/** Never between the halves of a character: each alone would be escaped as if the other were missing. */
const sliceEnd = (text: string, end: number): number => {
  const last = text.charCodeAt(end - 1)
  return end < text.length && last >= 0xd800 && last <= 0xdbff ? end - 1 : end
}

/** The part of a body that all recipients have in common. */
class SharedBytes {
  readonly chunks: Array<Uint8Array> = []
  size = 0
  readonly #room: (bytes: number) => boolean

  constructor(room: (bytes: number) => boolean) {
    this.#room = room
  }

  add(chunk: Uint8Array): boolean {
    if (!this.#room(chunk.byteLength)) return false
    this.chunks.push(chunk)
    this.size += chunk.byteLength
    return true
  }
}
