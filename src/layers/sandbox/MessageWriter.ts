/** Rebuilds a message (RFC 5322, MIME) from what was submitted. The original is gone: the API never saw it. */
import type { Header } from "../../domain/Email.ts"
import type { CapturedMessage } from "../../services/SandboxMessages.ts"
import { encodeHeader, encodeMailbox, encodeParameter, encodeWords, foldHeader } from "./HeaderWriter.ts"

/** Fields that follow from the message itself; passed-on ones of these names would contradict it. */
const OWN_FIELDS = new Set([
  "from",
  "subject",
  "bcc",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
  "content-disposition",
  "content-id"
])

/** Encoded and unfolded, without the fields that describe the body. */
export const messageHeaders = (message: CapturedMessage): ReadonlyArray<Header> => {
  const passedOn = message.headers.filter(({ name }) => !OWN_FIELDS.has(name.toLowerCase()))
  const has = (name: string) => passedOn.some((header) => header.name.toLowerCase() === name)
  const headers: Array<Header> = [
    { name: "From", value: encodeMailbox(message.sender) },
    ...(has("to") ? [] : [{ name: "To", value: encodeMailbox(message.recipient) }]),
    { name: "Subject", value: encodeWords(message.subject) },
    ...(has("date") ? [] : [{ name: "Date", value: dateText(message.receivedAt) }]),
    ...(has("message-id") ? [] : [{ name: "Message-ID", value: `<${message.id}@sandbox.invalid>` }])
  ]
  for (const { name, value } of passedOn) headers.push({ name, value: encodeHeader(name, value) })
  headers.push({ name: "MIME-Version", value: "1.0" })
  return headers
}

export const writeMessage = (message: CapturedMessage): string => {
  const lines = messageHeaders(message).map(({ name, value }) => foldHeader(name, value))
  return `${lines.join("\r\n")}\r\n${bodyPart(message)}`
}

/** Header fields, an empty line, content. */
type Part = string

const bodyPart = (message: CapturedMessage): Part => {
  const text = message.text === undefined ? [] : [textPart("text/plain", message.text)]
  const html = message.html === undefined ? [] : [textPart("text/html", message.html)]
  const bodies = [...text, ...html]
  const [only = textPart("text/plain", "")] = bodies
  const body = bodies.length < 2 ? only : multipart("alternative", `alternative-${message.id}`, bodies)
  if (message.attachments.length === 0) return body
  const contents = message.attachmentContents()
  const files = message.attachments.map(({ contentType, fileName }, index) =>
    filePart(contentType, fileName, contents[index] ?? "")
  )
  return multipart("mixed", `mixed-${message.id}`, [body, ...files])
}

/** The boundary holds the id of the message, which nobody knew when the parts were written. */
const multipart = (subtype: string, boundary: string, parts: ReadonlyArray<Part>): Part =>
  [
    `Content-Type: multipart/${subtype};\r\n boundary="${boundary}"\r\n`,
    ...parts.map((part) => `--${boundary}\r\n${part}`),
    `--${boundary}--\r\n`
  ].join("\r\n")

const textPart = (contentType: string, text: string): Part => {
  const plain = isPlain(text)
  return (
    `Content-Type: ${contentType}; charset=utf-8\r\n` +
    `Content-Transfer-Encoding: ${plain ? "7bit" : "quoted-printable"}\r\n\r\n` +
    (plain ? text.replace(/\r?\n/g, "\r\n") : quotedPrintable(text))
  )
}

const filePart = (contentType: string, fileName: string, base64: string): Part => {
  const lines: Array<string> = []
  for (let at = 0; at < base64.length; at += 76) lines.push(base64.slice(at, at + 76))
  return (
    `Content-Type: ${contentType};\r\n ${encodeParameter("name", fileName)}\r\n` +
    `Content-Disposition: attachment;\r\n ${encodeParameter("filename", fileName)}\r\n` +
    `Content-Transfer-Encoding: base64\r\n\r\n${lines.join("\r\n")}`
  )
}

/** ASCII in lines of at most 998 octets (RFC 5322 section 2.1.1). */
const isPlain = (text: string): boolean =>
  /^[\t\n\r\x20-\x7e]*$/.test(text) && !/\r(?!\n)/.test(text) && !/[^\n]{999}/.test(text)

/** RFC 2045 section 6.7. */
const quotedPrintable = (text: string): string => {
  const bytes = Buffer.from(text.replace(/\r?\n/g, "\n"), "utf8")
  const lines: Array<string> = []
  let line = ""
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === LINE_FEED) {
      lines.push(line)
      line = ""
      continue
    }
    const next = bytes[at + 1]
    const trailing = next === undefined || next === LINE_FEED
    const literal = byte === SPACE || byte === TAB ? !trailing : byte > SPACE && byte < DELETE && byte !== EQUALS
    const encoded = literal ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`
    if (line.length + encoded.length > 75) {
      lines.push(`${line}=`)
      line = ""
    }
    line += encoded
  }
  lines.push(line)
  return lines.join("\r\n")
}

const TAB = 0x09
const LINE_FEED = 0x0a
const SPACE = 0x20
const EQUALS = 0x3d
const DELETE = 0x7f

/** RFC 5322 section 3.3, in UTC. */
const dateText = (time: number): string => new Date(time).toUTCString().replace("GMT", "+0000")
