/** Request bodies that differ by their recipient only: encoded once, whatever the number of recipients. */
import type { PreparedMessage } from "../../services/CakemailClient.ts"

/** JSON text and, between, base64 that needs no escaping and is never copied as text. */
export interface JsonPiece {
  readonly kind: "json" | "base64"
  readonly text: string
}

/**
 * The object `{<recipientField>:<recipient>,<rest>}`.
 *
 * `rest` is the inside of a JSON object, without its braces, not empty; `recipientValue` gives JSON text.
 */
export const bodyWithHole = (options: {
  readonly recipientField: string
  readonly recipientValue: (recipient: string) => string
  readonly rest: ReadonlyArray<JsonPiece>
  readonly query: string
}): PreparedMessage => {
  const before = `{${JSON.stringify(options.recipientField)}:`
  // By itself: with `options` the body would keep the texts that it was made of alive as long as the calls last.
  const { recipientValue } = options
  const shared: Array<Uint8Array> = []
  let sharedBytes = 0
  let json = ","
  const flush = (text: string) => {
    const bytes = Buffer.from(text, "utf8")
    shared.push(bytes)
    sharedBytes += bytes.byteLength
  }
  for (const piece of options.rest) {
    if (piece.kind === "json") {
      json += piece.text
      continue
    }
    flush(json)
    json = ""
    // Base64 is ASCII: latin1 copies bytes where utf8 has to look at each.
    const bytes = Buffer.from(piece.text, "latin1")
    shared.push(bytes)
    sharedBytes += bytes.byteLength
  }
  flush(`${json}}`)
  return {
    bodyFor: (recipient) => [Buffer.from(before + recipientValue(recipient), "utf8"), ...shared],
    sharedBytes,
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
  entries: ReadonlyArray<{ readonly fields: { readonly [name: string]: string }; readonly base64: string }>
): ReadonlyArray<JsonPiece> => {
  const members = JSON.stringify(fields).slice(1, -1)
  if (entries.length === 0) return [{ kind: "json", text: members }]
  const pieces: Array<JsonPiece> = [{ kind: "json", text: `${members},${JSON.stringify(name)}:[` }]
  for (const [index, entry] of entries.entries()) {
    const opening = `${index === 0 ? "" : ","}${JSON.stringify(entry.fields).slice(0, -1)},"content":"`
    pieces.push({ kind: "json", text: opening }, { kind: "base64", text: entry.base64 }, { kind: "json", text: `"}` })
  }
  pieces.push({ kind: "json", text: "]" })
  return pieces
}
