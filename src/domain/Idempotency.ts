/** The key that a client gives a mail so that it is sent once, however often it is built anew. */
import { type Email, headerValue } from "./Email.ts"
import { readMigration } from "./migration/readMigration.ts"

export interface Idempotency {
  /** The client's own key, and the account that the mail names, if it does: keys of two accounts are two keys. */
  readonly key: ReadonlyArray<string>
  /**
   * What a reader sees of the mail. It stays the same when the mail is built anew with another date, Message-ID or
   * boundary; where it differs, the key was given to two mails.
   */
  readonly content: ReadonlyArray<string | Uint8Array>
}

/** In this order; the first that a mail has counts. */
export const IDEMPOTENCY_HEADERS: ReadonlyArray<string> = [
  "Idempotency-Key",
  "X-Idempotency-Key",
  "Resend-Idempotency-Key"
]

/** Characters; Resend's own limit. A longer key is none, for what was cut off it could be what told two mails apart. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 256

/** The key in a header's value; `undefined` when there is none in it. */
export const readIdempotencyKey = (value: string): string | undefined => {
  const key = value.trim()
  return key === "" || key.length > MAX_IDEMPOTENCY_KEY_LENGTH ? undefined : key
}

/** `recipients` of the envelope: headers may say what stands for placeholders in a mail for one. */
export const idempotencyOf = (email: Email, recipients: ReadonlyArray<string>): Idempotency | undefined => {
  for (const name of IDEMPOTENCY_HEADERS) {
    const key = readIdempotencyKey(headerValue(email, name) ?? "")
    if (key === undefined) continue
    const { content } = readMigration(email, { recipients, receivedAt: 0 })
    return { key: [headerValue(email, "X-Account-Id") ?? "", key], content: contentOf({ ...email, ...content }) }
  }
  return undefined
}

const contentOf = ({ attachments, from, html = "", subject, text = "" }: Email): ReadonlyArray<string | Uint8Array> => [
  from?.name ?? "",
  from?.address ?? "",
  subject,
  text,
  // Libraries make up the Content-IDs of inline images for each mail that they build.
  html.replace(/\bcid:[^"'<>\s)\\]+/gi, "cid:"),
  ...attachments.flatMap(({ base64, contentType, fileName = "" }) => [fileName, contentType, base64])
]
