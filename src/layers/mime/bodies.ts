/**
 * Which parts are the bodies, which are attachments, and which are left out (rulings 12).
 *
 * The first text/plain and the first text/html without a file name are the bodies. Where parts follow each other
 * (anything but multipart/alternative) later ones are appended, HTML to HTML and text to text. Neither is ever written
 * into the other: what the sender made stays as it was made.
 */
import { decodeWords } from "./encodedWords.ts"
import { htmlText, plainText } from "./bodyText.ts"
import { readHeaderBlock } from "./headerBlock.ts"
import type { MimePart } from "./mimeTree.ts"
import { decodeContent, encodedFileName } from "./transferEncoding.ts"
import { token, Warnings } from "./Warnings.ts"

export interface Bodies {
  /** Absent when there is none or it is empty. */
  readonly text: string | undefined
  readonly html: string | undefined
  readonly attachments: ReadonlyArray<AttachmentPart>
}

/** A part that is a file, not yet encoded. */
export interface AttachmentPart {
  readonly part: MimePart
  readonly fileName: string | undefined
}

export const selectBodies = (root: MimePart, warnings: Warnings): Bodies => {
  const selection: Selection = { attachments: [], warnings }
  const { html, text } = read(root, undefined, selection)
  return {
    text: joinTexts(text) || undefined,
    html: html.join("\n") || undefined,
    attachments: withoutSecondInvite(selection)
  }
}

/** Invitations come as an alternative body and, for some readers, as a file beside it: one of them is enough. */
const withoutSecondInvite = ({ attachments, warnings }: Selection): ReadonlyArray<AttachmentPart> => {
  const isFile = ({ part: { content } }: AttachmentPart): boolean =>
    content.fileName !== undefined && content.fileName.toLowerCase().endsWith(".ics")
  if (!attachments.some(isFile)) return attachments
  const others = attachments.filter(
    ({ part: { content } }) => content.type !== "text/calendar" || content.fileName !== undefined
  )
  if (others.length < attachments.length) warnings.add("text/calendar left out: it is attached as a file")
  return others
}

interface Selection {
  readonly attachments: Array<AttachmentPart>
  readonly warnings: Warnings
}

/** Pieces in order, joined only at the end: a thousand of them would be copied a thousand times otherwise. */
interface Pieces {
  readonly text: ReadonlyArray<string>
  readonly html: ReadonlyArray<string>
}

const NOTHING: Pieces = { text: [], html: [] }

/** `container` is the subtype of the multipart around the part; absent for the message itself. */
const read = (part: MimePart, container: string | undefined, selection: Selection): Pieces => {
  const { type } = part.content
  switch (type) {
    case "multipart/alternative":
      return readAlternatives(part, selection)
    case "multipart/signed":
      return readSigned(part, selection)
    default:
      if (type.startsWith("multipart/")) return readSequence(part, type.slice("multipart/".length), selection)
      return readLeaf(part, container, selection)
  }
}

const readSequence = (multipart: MimePart, subtype: string, selection: Selection): Pieces => {
  const text: Array<string> = []
  const html: Array<string> = []
  for (const part of multipart.children) {
    const next = read(part, subtype, selection)
    for (const piece of next.html) html.push(piece)
    for (const piece of next.text) text.push(piece)
  }
  return { text, html }
}

/** One of each kind; a second text or HTML is another version of what the first says. */
const readAlternatives = (multipart: MimePart, selection: Selection): Pieces => {
  let { html, text } = NOTHING
  for (const part of multipart.children) {
    const next = read(part, "alternative", selection)
    if ((text.length > 0 && next.text.length > 0) || (html.length > 0 && next.html.length > 0)) {
      selection.warnings.add("second version of a body left out")
    }
    if (text.length === 0) text = next.text
    if (html.length === 0) html = next.html
  }
  return { text, html }
}

/** RFC 1847 section 2.1: what is signed, then the signature, which the API would break anyway. */
const readSigned = (multipart: MimePart, selection: Selection): Pieces => {
  const [signed, ...rest] = multipart.children
  if (signed === undefined) return NOTHING
  const pieces = read(signed, "signed", selection)
  for (const part of rest) {
    if (isSignature(part, "signed")) leaveOut(part, selection)
    else read(part, "signed", selection)
  }
  return pieces
}

const readLeaf = (part: MimePart, container: string | undefined, selection: Selection): Pieces => {
  const { content } = part
  const { disposition, type } = content
  const fileName = content.fileName ?? encodedFileName({ ...part, encoding: content.encoding })
  if (fileName === undefined && disposition !== "attachment") {
    if (type === "text/plain") return { text: nonEmpty(plainText(part, selection.warnings)), html: [] }
    if (type === "text/html") return { text: [], html: nonEmpty(htmlText(part, selection.warnings)) }
    // RFC 2046 section 4.1.4: unknown text is shown as plain text. As the only part it is the message.
    if (container === undefined && type.startsWith("text/") && type !== "text/calendar") {
      selection.warnings.add(`${token(type)} read as plain text`)
      return { text: nonEmpty(plainText(part, selection.warnings)), html: [] }
    }
    if (container === "alternative" && type !== "text/calendar" && content.id === undefined) {
      leaveOut(part, selection)
      return NOTHING
    }
  }
  if (isSignature(part, container)) leaveOut(part, selection)
  else selection.attachments.push({ part, fileName: fileName ?? standingName(part) })
  return NOTHING
}

const nonEmpty = (text: string): ReadonlyArray<string> => (text === "" ? [] : [text])

const joinTexts = (pieces: ReadonlyArray<string>): string => {
  const [first] = pieces
  if (first === undefined || pieces.length === 1) return first ?? ""
  return pieces
    .map((piece, index) => (index < pieces.length - 1 && !piece.endsWith("\n") ? `${piece}\n` : piece))
    .join("")
}

const leaveOut = (part: MimePart, selection: Selection): void =>
  selection.warnings.add(`${token(part.content.type)} left out`)

const SIGNATURE_TYPES = new Set([
  "application/pgp-signature",
  "application/pkcs7-signature",
  "application/x-pkcs7-signature"
])

const isSignature = ({ content: { fileName, type } }: MimePart, container: string | undefined): boolean => {
  if (SIGNATURE_TYPES.has(type)) return true
  if (fileName === undefined || container === "encrypted") return false
  const name = fileName.toLowerCase()
  return name.endsWith(".p7s") || (name.endsWith(".asc") && type !== "application/pgp-keys")
}

/** The name of a nameless attachment whose type says enough. */
const standingName = (part: MimePart): string | undefined => {
  switch (part.content.type) {
    case "text/calendar":
      return "invite.ics"
    case "message/rfc822":
    case "message/global":
      return `${embeddedSubject(part) || "message"}.eml`
    default:
      return undefined
  }
}

/** Without what file systems refuse. */
const embeddedSubject = (part: MimePart): string => {
  const unheard = new Warnings()
  const message = decodeContent({ ...part, encoding: part.content.encoding }, unheard)
  const { fields } = readHeaderBlock(message, 0, message.length, () => false, unheard)
  const subject = decodeWords(fields.find(({ key }) => key === "subject")?.value ?? "")
  return [...subject.replace(/[\s\x00-\x1f\x7f"*/:<>?\\|]+/g, " ").trim()].slice(0, 100).join("").trim()
}
