/** Captured messages in the JSON of Mailpit's API v1, so that existing test suites can read them. */
import { createHash } from "node:crypto"
import type { Mailbox } from "../../domain/Email.ts"
import type { CapturedMessage, StoredMessage } from "../../services/SandboxMessages.ts"
import type { HeadersJson, MessageJson, MessagesJson, SummaryJson } from "./MailpitSchema.ts"
import { messageHeaders } from "./MessageWriter.ts"
import { snippet } from "./SearchText.ts"

export const toMessagesJson = (
  mailbox: ReadonlyArray<StoredMessage>,
  found: ReadonlyArray<StoredMessage>,
  page: { readonly start: number; readonly limit: number }
): typeof MessagesJson.Type => {
  const messages = found.slice(page.start, page.start + page.limit)
  return {
    total: mailbox.length,
    unread: countUnread(mailbox),
    count: messages.length,
    messages_count: found.length,
    messages_unread: countUnread(found),
    start: page.start,
    tags: tagsOf(mailbox),
    messages: messages.map(toSummaryJson)
  }
}

export const tagsOf = (mailbox: ReadonlyArray<StoredMessage>): ReadonlyArray<string> => {
  const tags = new Set<string>()
  for (const { message } of mailbox) for (const tag of message.tags) tags.add(tag)
  return [...tags].toSorted()
}

export const countUnread = (messages: ReadonlyArray<StoredMessage>): number =>
  messages.reduce((count, { read }) => (read ? count : count + 1), 0)

export const toSummaryJson = ({ message, read }: StoredMessage): typeof SummaryJson.Type => ({
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

/**
 * With `Submission` beside Mailpit's own fields: what came over the wire, and what was answered. The payload holds every
 * attachment once more: whoever shows the message has no use for it.
 */
export const toMessageJson = (
  message: CapturedMessage,
  options: { readonly payload: boolean }
): typeof MessageJson.Type => ({
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
  Attachments: attachments(message),
  Submission: {
    Contract: message.contract,
    AccountID: message.accountId,
    RequestID: message.requestId,
    Created: new Date(message.receivedAt).toISOString(),
    ListID: message.listId ?? null,
    Tracking: message.tracking,
    ...(options.payload ? { Payload: message.payload } : {}),
    Answer: message.answer
  }
})

/** Names in their canonical spelling (`Message-Id`), values as they stand in the raw message. */
export const toHeadersJson = (message: CapturedMessage): typeof HeadersJson.Type => {
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
    Links: [...header.matchAll(/<([^<>\s]+)>/g)].map(([, link = ""]) => link),
    Errors: "",
    HeaderPost: headerOf(message, "list-unsubscribe-post") ?? ""
  }
}

const attachments = (message: CapturedMessage): (typeof MessageJson.Type)["Attachments"] => {
  if (message.attachments.length === 0) return []
  const contents = message.attachmentContents()
  return message.attachments.map(({ contentType, fileName, size }, index) => ({
    PartID: partId(index),
    FileName: fileName,
    ContentType: contentType,
    ContentID: "",
    Size: size,
    Checksums: checksums(Buffer.from(contents[index] ?? "", "base64"))
  }))
}

const checksums = (content: Buffer) => {
  const digest = (algorithm: string) => createHash(algorithm).update(content).digest("hex")
  return { MD5: digest("md5"), SHA1: digest("sha1"), SHA256: digest("sha256") }
}
