/** What a search looks through, and what a list shows of a message. Made when it is first asked for. */
import type { Mailbox } from "../../domain/Email.ts"
import type { CapturedMessage } from "../../services/SandboxMessages.ts"
import { collapse, htmlToText, MAX_LENGTH } from "./HtmlText.ts"

/** Of a snippet, in characters. */
const SNIPPET_LENGTH = 200

/** Every word of the message, in lower case, with single spaces between them. */
export const searchText = (message: CapturedMessage): string => remembered(searchTexts, message, toSearchText)

/** The first words of its text. */
export const snippet = (message: CapturedMessage): string => remembered(snippets, message, toSnippet)

/** Characters that its words take at most. */
export const longestSearchText = ({ html, text }: CapturedMessage): number =>
  Math.min((html ?? text)?.length ?? 0, MAX_LENGTH)

export const mailboxText = ({ address, name }: Mailbox): string => `${name} ${address}`.toLowerCase()

/** All fields of that name, in lower case. */
export const headerText = (message: CapturedMessage, name: string): string =>
  message.headers
    .filter((header) => header.name.toLowerCase() === name)
    .map(({ value }) => value.toLowerCase())
    .join(" ")

// They end with their message.
const searchTexts = new WeakMap<CapturedMessage, string>()
const snippets = new WeakMap<CapturedMessage, string>()

const remembered = (
  texts: WeakMap<CapturedMessage, string>,
  message: CapturedMessage,
  make: (message: CapturedMessage) => string
): string => {
  const known = texts.get(message)
  if (known !== undefined) return known
  const text = make(message)
  texts.set(message, text)
  return text
}

const toSearchText = (message: CapturedMessage): string => {
  const { attachments, html, text = "" } = message
  const words = html === undefined ? collapse(text.slice(0, MAX_LENGTH)) : htmlToText(html)
  const head = [
    mailboxText(message.sender),
    message.subject,
    mailboxText(message.recipient),
    headerText(message, "cc"),
    headerText(message, "reply-to")
  ]
  const tail = attachments.map(({ fileName }) => fileName)
  // The words are by far the longest: they are gone through once.
  return [collapse(head.join(" ")), words, collapse(tail.join(" "))]
    .filter((part) => part !== "")
    .join(" ")
    .toLowerCase()
}

const toSnippet = ({ html, text }: CapturedMessage): string => {
  // Much of it may be blanks.
  const enough = 4 * SNIPPET_LENGTH
  const words = (html === undefined ? "" : htmlToText(html, enough)) || collapse((text ?? "").slice(0, enough))
  return words.length <= SNIPPET_LENGTH ? words : `${words.slice(0, SNIPPET_LENGTH).toWellFormed()}...`
}
