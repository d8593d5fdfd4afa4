/** Attachments on their way to a browser. Their names and types were written by whoever wrote the mail. */
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { CapturedAttachment } from "../../services/SandboxMessages.ts"

/** A file to be saved, never the type that the sender claims: a browser would show or run it under this origin. */
export const download = (content: Uint8Array, fileName: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.uint8Array(content, {
    contentType: "application/octet-stream",
    headers: { "content-disposition": disposition("attachment", fileName) }
  })

/** In the browser, when the browser can show it without running anything; otherwise as a file. */
export const open = (content: Uint8Array, attachment: CapturedAttachment): HttpServerResponse.HttpServerResponse => {
  const type = openableType(attachment.contentType)
  return type === undefined
    ? download(content, attachment.fileName)
    : HttpServerResponse.uint8Array(content, {
        contentType: type,
        headers: { "content-disposition": disposition("inline", attachment.fileName) }
      })
}

/** The type to show it as; `undefined` when it has to be saved. SVG and HTML can hold scripts: they are not among them. */
export const openableType = (contentType: string): string | undefined => {
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? ""
  if (PICTURES.has(type)) return type
  return TEXTS.has(type) ? "text/plain; charset=utf-8" : undefined
}

const PICTURES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"])
const TEXTS: ReadonlySet<string> = new Set(["text/plain", "text/csv", "text/calendar"])

/** Characters of a name, with its extension; file systems take 255 bytes. */
const MAX_NAME = 100

/**
 * A name without anything that leads into another folder, hides the extension (controls, text direction) or means
 * something to a shell or to Windows.
 */
export const safeFileName = (fileName: string): string => {
  const last = fileName.toWellFormed().normalize("NFC").split(/[/\\]/).at(-1) ?? ""
  const plain = last
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "")
    .replace(/[<>:"|?*;%'`$]/g, "_")
    .replace(/\s+/g, " ")
    .replace(/^[. ]+|[. ]+$/g, "")
  const characters = [...plain]
  if (characters.length === 0) return "attachment"
  const name = characters.length <= MAX_NAME ? plain : shortened(characters)
  return WINDOWS_DEVICE.test(name) ? `_${name}` : name
}

/** RFC 6266, with the name in its extended form (RFC 8187): there is nothing in it to break out of. */
const disposition = (kind: "attachment" | "inline", fileName: string): string =>
  `${kind}; filename*=utf-8''${encodeURIComponent(safeFileName(fileName)).replace(/['()*!]/g, percentEncode)}`

/** The extension says what it is: it stays. */
const shortened = (characters: ReadonlyArray<string>): string => {
  const dot = characters.lastIndexOf(".")
  const extension = dot > 0 && characters.length - dot <= 10 ? characters.slice(dot) : []
  return [...characters.slice(0, MAX_NAME - extension.length), ...extension].join("")
}

const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i

const percentEncode = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
