/** Images that the HTML refers to by Content-ID (RFC 2392), which neither contract can express. */
import type { Attachment } from "../../domain/Email.ts"

/** Bytes of the decoded image: past this size mail readers clip or drop the message rather than show the image. */
const MAX_DATA_URI_BYTES = 8 * 1024

const EMBEDDABLE = new Set(["image/png", "image/jpeg", "image/gif"])

export interface BodyAndAttachments {
  readonly html: string | undefined
  readonly attachments: ReadonlyArray<Attachment>
}

/** Small images that the HTML shows become `data:` URIs in it and are attachments no longer (`INLINE_IMAGES=data`). */
export const embedInlineImages = ({ attachments, html }: BodyAndAttachments): BodyAndAttachments => {
  if (html === undefined || !/cid:/i.test(html)) return { html, attachments }
  const images = new Map<string, Attachment>()
  for (const attachment of attachments) {
    const { contentId, contentType, size } = attachment
    if (contentId !== undefined && EMBEDDABLE.has(contentType) && size <= MAX_DATA_URI_BYTES) {
      images.set(contentId, attachment)
    }
  }
  if (images.size === 0) return { html, attachments }
  const embedded = new Set<Attachment>()
  const embeddedHtml = html.replace(CID_REFERENCE, (reference, contentId: string) => {
    const image = images.get(contentId) ?? images.get(percentDecoded(contentId))
    if (image === undefined) return reference
    embedded.add(image)
    return `data:${image.contentType};base64,${Buffer.from(image.base64).toString("latin1")}`
  })
  return { html: embeddedHtml, attachments: attachments.filter((attachment) => !embedded.has(attachment)) }
}

/** As an attribute's value or in `url(...)`, where what stands before it tells it from text that speaks of "cid:". */
const CID_REFERENCE = /(?<=["'(=]\s*)cid:([^"'()\s<>]+)/gi

const percentDecoded = (text: string): string =>
  text.replace(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
