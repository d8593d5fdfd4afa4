/** Captured messages in the JSON of Mailpit's API v1, so that existing test suites can read them. */
import { createHash } from "node:crypto"
import type { Mailbox } from "../../domain/Email.ts"
import type { CapturedMessage, StoredMessage } from "../../services/SandboxMessages.ts"
import { collapse, htmlToText } from "./HtmlText.ts"
import { messageHeaders } from "./MessageWriter.ts"

/** Of a snippet, in characters. */
const SNIPPET_LENGTH = 200

export interface MessagesJson {
  /** Messages in the mailbox. */
  readonly total: number
  readonly unread: number
  readonly tags: ReadonlyArray<string>
  readonly start: number
  /** Messages in this answer. */
  readonly count: number
  /** Messages that the answer is a page of. */
  readonly messages_count: number
  readonly messages_unread: number
  readonly messages: ReadonlyArray<unknown>
}

export const toMessagesJson = (
  mailbox: ReadonlyArray<StoredMessage>,
  found: ReadonlyArray<StoredMessage>,
  page: { readonly start: number; readonly limit: number }
): MessagesJson => {
  const messages = found.slice(page.start, page.start + page.limit)
  return {
    total: mailbox.length,
    unread: countUnread(mailbox),
    count: messages.length,
    messages_count: found.length,
    messages_unread: countUnread(found),
    start: page.start,
    tags: [...new Set(mailbox.flatMap(({ message }) => message.tags))].toSorted(),
    messages: messages.map(toSummaryJson)
  }
}

const countUnread = (messages: ReadonlyArray<StoredMessage>): number =>
  messages.reduce((count, { read }) => (read ? count : count + 1), 0)

const toSummaryJson = ({ message, read }: StoredMessage) => ({
  ID: message.id,
  MessageID: message.messageId ?? "",
  Read: read,
  ...addresses(message),
  Subject: message.subject,
  Created: new Date(message.receivedAt).toISOString(),
  Username: message.username,
  Tags: message.tags,
  Size: message.body.byteLength,
  Attachments: message.attachments.length,
  Snippet: snippet(message)
})

/** With `Submission` beside Mailpit's own fields: what came over the wire, and what was answered. */
export const toMessageJson = (message: CapturedMessage) => ({
  ID: message.id,
  MessageID: message.messageId ?? "",
  ...addresses(message),
  ReturnPath: message.sender.address,
  Subject: message.subject,
  ListUnsubscribe: listUnsubscribe(message),
  Date: new Date(sentAt(message)).toISOString(),
  Tags: message.tags,
  Username: message.username,
  Text: message.text ?? "",
  HTML: message.html ?? "",
  Size: message.body.byteLength,
  Inline: [],
  Attachments: message.attachments.map(({ contentType, fileName, size }, index) => ({
    PartID: partId(index),
    FileName: fileName,
    ContentType: contentType,
    ContentID: "",
    Size: size,
    Checksums: checksums(message, index)
  })),
  Submission: {
    Contract: message.contract,
    AccountID: message.accountId,
    RequestID: message.requestId,
    Created: new Date(message.receivedAt).toISOString(),
    ListID: message.listId ?? null,
    Tracking: message.tracking,
    Payload: message.payload,
    Answer: message.answer
  }
})

/** Names in their canonical spelling (`Message-Id`), values as they stand in the raw message. */
export const toHeadersJson = (message: CapturedMessage): Readonly<Record<string, ReadonlyArray<string>>> => {
  const headers = new Map<string, Array<string>>()
  for (const { name, value } of messageHeaders(message)) {
    const key = name
      .toLowerCase()
      .replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
    const values = headers.get(key)
    if (values === undefined) headers.set(key, [value])
    else values.push(value)
  }
  return Object.fromEntries(headers)
}

export const partId = (index: number): string => String(index + 1)

export const attachmentIndex = (message: CapturedMessage, part: string): number | undefined => {
  const index = message.attachments.findIndex((_, index) => partId(index) === part)
  return index < 0 ? undefined : index
}

const addresses = (message: CapturedMessage) => ({
  From: toAddressJson(message.sender),
  To: [toAddressJson(message.recipient)],
  Cc: headerAddresses(message, "cc"),
  Bcc: [],
  ReplyTo: headerAddresses(message, "reply-to")
})

const toAddressJson = ({ address, name }: Mailbox) => ({ Name: name, Address: address })

/** Enough for what clients write: mailboxes with or without a name, quoted or not; groups are not known. */
const headerAddresses = (message: CapturedMessage, name: string) =>
  splitMailboxes((headerOf(message, name) ?? "").slice(0, MAX_ADDRESS_HEADER)).map((mailbox) => {
    const open = mailbox.lastIndexOf("<")
    if (open < 0) return toAddressJson({ name: "", address: mailbox })
    const shown = mailbox.slice(0, open).trim().replace(/^"|"$/g, "").replace(/\\(.)/g, "$1")
    return toAddressJson({ name: shown, address: mailbox.slice(open + 1).replace(/>.*$/, "") })
  })

/** Characters of an address header that are looked at. */
const MAX_ADDRESS_HEADER = 65_536

/** At commas outside of quotes. */
const splitMailboxes = (header: string): ReadonlyArray<string> =>
  [...header.matchAll(/(?:"(?:[^"\\]|\\.)*"?|[^,"])+/g)].map(([part]) => part.trim()).filter((part) => part !== "")

const headerOf = (message: CapturedMessage, name: string): string | undefined =>
  message.headers.find((header) => header.name.toLowerCase() === name)?.value

const sentAt = (message: CapturedMessage): number => {
  const time = Date.parse(headerOf(message, "date") ?? "")
  return Number.isNaN(time) ? message.receivedAt : time
}

const listUnsubscribe = (message: CapturedMessage) => {
  const header = headerOf(message, "list-unsubscribe") ?? ""
  return {
    Header: header,
    Links: [...header.matchAll(/<([^<>\s]+)>/g)].map(([, link]) => link),
    Errors: "",
    HeaderPost: headerOf(message, "list-unsubscribe-post") ?? ""
  }
}

const checksums = (message: CapturedMessage, index: number) => {
  const content = Buffer.from(message.attachmentBase64(index) ?? "", "base64")
  const digest = (algorithm: string) => createHash(algorithm).update(content).digest("hex")
  return { MD5: digest("md5"), SHA1: digest("sha1"), SHA256: digest("sha256") }
}

const snippet = ({ html, text }: CapturedMessage): string => {
  const words = (html === undefined ? "" : htmlToText(html)) || collapse((text ?? "").slice(0, 4 * SNIPPET_LENGTH))
  return words.length <= SNIPPET_LENGTH ? words : `${words.slice(0, SNIPPET_LENGTH).toWellFormed()}...`
}
