/** Attachments as each contract takes them: `email-api-v2` knows ten kinds of file and plain names, `gateway-v1` any. */
import type { Attachment } from "../../domain/Email.ts"

/** The contract's `type` of an attachment; not a MIME type. */
export type AttachmentType = "csv" | "doc" | "docx" | "calendar" | "jpeg" | "pdf" | "png" | "xls" | "xlsx"

export interface AcceptedAttachment {
  /** Matches `^[a-zA-Z0-9-_]+\.(csv|doc|docx|ics|jpeg|pdf|png|xls|xlsx)$`; unique in the message. */
  readonly filename: string
  readonly type: AttachmentType
  readonly base64: Uint8Array
}

export interface AcceptedAttachments {
  readonly accepted: ReadonlyArray<AcceptedAttachment>
  /** What `email-api-v2` has no type for. */
  readonly unsupported: ReadonlyArray<Attachment>
}

/** For `email-api-v2`. The extension decides; the content type does when the name has none. */
export const acceptAttachments = (attachments: ReadonlyArray<Attachment>): AcceptedAttachments => {
  const accepted: Array<AcceptedAttachment> = []
  const unsupported: Array<Attachment> = []
  const taken = new Set<string>()
  for (const attachment of attachments) {
    const { extension, stem } = splitName(attachment.fileName ?? "")
    const kind = extension === "" ? KIND_BY_CONTENT_TYPE.get(attachment.contentType) : KIND_BY_EXTENSION.get(extension)
    if (kind === undefined) {
      unsupported.push(attachment)
      continue
    }
    const foldedStem = foldStem(stem)
    const filename = unusedName(foldedStem === "" ? kind.defaultStem : foldedStem, kind.extension, taken)
    accepted.push({ filename, type: kind.type, base64: attachment.base64 })
  }
  return { accepted, unsupported }
}

/** For `gateway-v1`: any name without path and control characters. */
export const plainFileName = (attachment: Attachment): string => {
  const name = baseName(attachment.fileName ?? "")
    .replace(/[\x00-\x1f\x7f-\x9f]+/g, "")
    .toWellFormed()
    .trim()
  if (name !== "" && name !== "." && name !== "..") return name
  const kind = KIND_BY_CONTENT_TYPE.get(attachment.contentType)
  return kind === undefined ? "attachment" : `${kind.defaultStem}.${kind.extension}`
}

/** What a reply or a log calls an attachment that may have no name. */
export const attachmentLabel = (attachment: Attachment): string =>
  attachment.fileName === undefined || attachment.fileName === "" ? attachment.contentType : attachment.fileName

interface Kind {
  /** Of the name that is sent. */
  readonly extension: string
  readonly type: AttachmentType
  readonly defaultStem: string
}

const kindOf = (extension: string, type: AttachmentType, defaultStem = "attachment"): Kind => ({
  extension,
  type,
  defaultStem
})

const CSV = kindOf("csv", "csv")
const DOC = kindOf("doc", "doc")
const DOCX = kindOf("docx", "docx")
const ICS = kindOf("ics", "calendar", "invite")
const JPEG = kindOf("jpeg", "jpeg")
const PDF = kindOf("pdf", "pdf")
const PNG = kindOf("png", "png")
const XLS = kindOf("xls", "xls")
const XLSX = kindOf("xlsx", "xlsx")

const KIND_BY_EXTENSION: ReadonlyMap<string, Kind> = new Map([
  ["csv", CSV],
  ["doc", DOC],
  ["docx", DOCX],
  ["ics", ICS],
  ["jpeg", JPEG],
  ["jpg", JPEG],
  ["pdf", PDF],
  ["png", PNG],
  ["xls", XLS],
  ["xlsx", XLSX]
])

const KIND_BY_CONTENT_TYPE: ReadonlyMap<string, Kind> = new Map([
  ["text/csv", CSV],
  ["application/csv", CSV],
  ["text/comma-separated-values", CSV],
  ["application/msword", DOC],
  ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", DOCX],
  ["text/calendar", ICS],
  ["application/ics", ICS],
  ["image/jpeg", JPEG],
  ["image/jpg", JPEG],
  ["image/pjpeg", JPEG],
  ["application/pdf", PDF],
  ["application/x-pdf", PDF],
  ["image/png", PNG],
  ["image/x-png", PNG],
  ["application/vnd.ms-excel", XLS],
  ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", XLSX]
])

const baseName = (name: string): string => name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1)

/** A trailing number as in `report.2024` is no extension; one letter among up to eight characters makes one. */
const splitName = (fileName: string): { readonly stem: string; readonly extension: string } => {
  const name = baseName(fileName.trim())
  const dot = name.lastIndexOf(".")
  const extension = dot < 0 ? "" : name.slice(dot + 1).toLowerCase()
  return /^(?=.*[a-z])[a-z0-9]{1,8}$/.test(extension)
    ? { stem: name.slice(0, dot), extension }
    : { stem: name, extension: "" }
}

/** Letters that have no decomposition into an ASCII letter and a mark. */
const FOLDED_LETTERS: ReadonlyMap<string, string> = new Map([
  ["ß", "ss"],
  ["æ", "ae"],
  ["Æ", "AE"],
  ["œ", "oe"],
  ["Œ", "OE"],
  ["ø", "o"],
  ["Ø", "O"],
  ["đ", "d"],
  ["Đ", "D"],
  ["ð", "d"],
  ["þ", "th"],
  ["ł", "l"],
  ["Ł", "L"],
  ["ı", "i"]
])

const MAX_STEM_LENGTH = 100

const foldStem = (stem: string): string =>
  stem
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .replace(/[ßæÆœŒøØđĐðþłŁı]/g, (letter) => FOLDED_LETTERS.get(letter) ?? "-")
    .replace(/[^a-zA-Z0-9_-]+/g, "-")
    .replace(/-{2,}/g, "-")
    .slice(0, MAX_STEM_LENGTH)
    .replace(/^-+|-+$/g, "")

/** Readers on file systems that ignore case must see two files for two attachments. */
const unusedName = (stem: string, extension: string, taken: Set<string>): string => {
  let name = `${stem}.${extension}`
  for (let copy = 2; taken.has(name.toLowerCase()); copy++) name = `${stem}-${copy}.${extension}`
  taken.add(name.toLowerCase())
  return name
}
