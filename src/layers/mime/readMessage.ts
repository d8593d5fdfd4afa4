import { Buffer } from "node:buffer"
import { Result } from "effect"
import type { Attachment, Email, Header, Mailbox } from "../../domain/Email.ts"
import { AttachmentTooLarge, type MimeLimitExceeded } from "../../domain/GatewayError.ts"
import { decodeAddressHeader, isAddressHeader, parseMailboxes } from "./addresses.ts"
import { type AttachmentPart, selectBodies } from "./bodies.ts"
import { decodeWords } from "./encodedWords.ts"
import type { Field } from "./headerBlock.ts"
import { readMimeTree } from "./mimeTree.ts"
import { contentAsBase64 } from "./transferEncoding.ts"
import { Warnings } from "./Warnings.ts"

export interface MailParserLimits {
  /** Bytes of one attachment, decoded. */
  readonly attachmentSizeLimit: number
}

/** Reads the whole message in one go; the result holds no view of `raw`. */
export const readMessage = (
  raw: Uint8Array,
  { attachmentSizeLimit }: MailParserLimits
): Result.Result<Email, MimeLimitExceeded | AttachmentTooLarge> => {
  const warnings = new Warnings()
  const tree = readMimeTree(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), warnings)
  if (Result.isFailure(tree)) return Result.fail(tree.failure)
  const { fields } = tree.success
  const bodies = selectBodies(tree.success, warnings)
  const references = contentReferences(bodies.html, bodies.attachments)
  const attachments: Array<Attachment> = []
  for (const attachmentPart of bodies.attachments) {
    const attachment = readAttachment(attachmentPart, references, warnings)
    if (attachment.size > attachmentSizeLimit) {
      const fileName = attachment.fileName ?? "without a name"
      return Result.fail(new AttachmentTooLarge({ fileName, limit: attachmentSizeLimit }))
    }
    attachments.push(attachment)
  }
  const headers = fields.map(readHeader)
  return Result.succeed({
    headers,
    from: firstMailbox(fields, "from") ?? firstMailbox(fields, "sender"),
    replyTo: mailboxes(fields, "reply-to"),
    to: mailboxes(fields, "to"),
    cc: mailboxes(fields, "cc"),
    subject: headers[fields.findIndex(({ key }) => key === "subject")]?.value.trim() ?? "",
    messageId: readMessageId(firstValue(fields, "message-id")),
    text: bodies.text,
    html: bodies.html,
    attachments,
    warnings: warnings.list()
  })
}

const readHeader = ({ key, name, value }: Field): Header => ({
  name,
  value: isAddressHeader(key) ? decodeAddressHeader(value) : decodeWords(value)
})

const firstValue = (fields: ReadonlyArray<Field>, key: string): string | undefined =>
  fields.find((field) => field.key === key)?.value

/** Of all headers of that name: a second To is against RFC 5322 section 3.6, and still meant. */
const mailboxes = (fields: ReadonlyArray<Field>, key: string): ReadonlyArray<Mailbox> => {
  const found: Array<Mailbox> = []
  for (const field of fields) {
    if (field.key === key) for (const mailbox of parseMailboxes(field.value)) found.push(mailbox)
  }
  return found
}

const firstMailbox = (fields: ReadonlyArray<Field>, key: string): Mailbox | undefined => mailboxes(fields, key)[0]

/** Clients that leave the angle brackets away get them. */
const readMessageId = (value: string | undefined): string | undefined => {
  if (value === undefined) return undefined
  const bare = /<([^<>]*)>/.exec(value)?.[1] ?? value.replace(/[<>]/g, "")
  const id = bare.replace(/\s+/g, "")
  return id === "" ? undefined : `<${id}>`
}

const readAttachment = (
  { fileName, part }: AttachmentPart,
  references: ReadonlySet<string>,
  warnings: Warnings
): Attachment => {
  const { content } = part
  const { size, text } = contentAsBase64({ ...part, encoding: content.encoding }, warnings)
  return {
    fileName,
    contentType: content.type,
    contentId: content.id,
    inline: content.disposition === "inline" || (content.id !== undefined && references.has(content.id)),
    base64: text,
    size
  }
}

const NO_REFERENCES: ReadonlySet<string> = new Set()

/** The Content-IDs that the HTML names in cid: addresses (RFC 2392), gathered in one pass. */
const contentReferences = (
  html: string | undefined,
  attachments: ReadonlyArray<AttachmentPart>
): ReadonlySet<string> => {
  if (html === undefined || !attachments.some(({ part }) => part.content.id !== undefined)) return NO_REFERENCES
  const references = new Set<string>()
  for (const [, reference = ""] of html.matchAll(/\bcid:([^"'<>\s)\\]+)/gi)) {
    references.add(reference)
    if (/[%&]/.test(reference)) references.add(percentDecoded(reference.replaceAll("&amp;", "&")))
  }
  return references
}

const percentDecoded = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
