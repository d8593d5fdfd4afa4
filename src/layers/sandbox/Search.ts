/** Mailpit's search language: words, "phrases", field:value, is: and has:, before: and after:, - or ! for not. */
import { DateTime, Option } from "effect"
import type { StoredMessage } from "../../services/SandboxMessages.ts"
import { collapse } from "./HtmlText.ts"
import { headerText, mailboxText, searchText } from "./SearchText.ts"

export type Matches = (stored: StoredMessage) => boolean

/** All terms have to match. A query without terms matches everything. */
export const parseSearch = (query: string): Matches => {
  const terms = splitTerms(query).map(parseTerm)
  return (stored) => terms.every((matches) => matches(stored))
}

/** Quotes group words, wherever they stand in a term: `subject:"two words"`. */
const splitTerms = (query: string): ReadonlyArray<string> =>
  [...query.matchAll(/(?:"[^"]*"?|[^\s"])+/g)]
    .map(([term]) => term.replaceAll('"', "").trim())
    .filter((term) => term !== "")

const parseTerm = (term: string): Matches => {
  const negated = term.length > 1 && (term.startsWith("-") || term.startsWith("!"))
  const matches = parsePositive(negated ? term.slice(1) : term)
  return negated ? (stored) => !matches(stored) : matches
}

const parsePositive = (term: string): Matches => {
  const lower = term.toLowerCase()
  const flag = entryOf(FLAGS, lower)
  if (flag !== undefined) return flag
  const colon = lower.indexOf(":")
  const field = entryOf(FIELDS, lower.slice(0, colon))
  const value = collapse(lower.slice(colon + 1))
  if (colon > 0 && field !== undefined) return value === "" ? () => true : (field(value) ?? (() => true))
  const word = collapse(lower)
  return ({ message }) => searchText(message).includes(word)
}

/** `constructor` and the like are words, though every object has them. */
const entryOf = <A>(table: Readonly<Record<string, A>>, name: string): A | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

const FLAGS: Readonly<Record<string, Matches>> = {
  "is:read": ({ read }) => read,
  "is:unread": ({ read }) => !read,
  "is:tagged": ({ message }) => message.tags.length > 0,
  "has:attachment": ({ message }) => message.attachments.length > 0,
  "has:attachments": ({ message }) => message.attachments.length > 0
}

/** Values come in lower case. `undefined`: a value that cannot be read is ignored, as Mailpit does. */
const FIELDS: Readonly<Record<string, (value: string) => Matches | undefined>> = {
  from:
    (value) =>
    ({ message }) =>
      mailboxText(message.sender).includes(value),
  to:
    (value) =>
    ({ message }) =>
      mailboxText(message.recipient).includes(value),
  cc:
    (value) =>
    ({ message }) =>
      headerText(message, "cc").includes(value),
  bcc: () => () => false,
  "reply-to":
    (value) =>
    ({ message }) =>
      headerText(message, "reply-to").includes(value),
  addressed:
    (value) =>
    ({ message }) =>
      mailboxText(message.sender).includes(value) ||
      mailboxText(message.recipient).includes(value) ||
      headerText(message, "cc").includes(value) ||
      headerText(message, "reply-to").includes(value),
  subject:
    (value) =>
    ({ message }) =>
      message.subject.toLowerCase().includes(value),
  "message-id": (value) => {
    const id = value.replace(/^<|>$/g, "")
    return ({ message }) => message.messageId?.toLowerCase().includes(id) === true
  },
  tag:
    (value) =>
    ({ message }) =>
      message.tags.some((tag) => tag.toLowerCase() === value),
  after: (value) => {
    const time = timeOf(value)
    return time === undefined ? undefined : ({ message }) => message.receivedAt >= time
  },
  before: (value) => {
    const time = timeOf(value)
    return time === undefined ? undefined : ({ message }) => message.receivedAt <= time
  },
  larger: (value) => {
    const size = bytesOf(value)
    return size === undefined ? undefined : ({ message }) => message.body.byteLength > size
  },
  smaller: (value) => {
    const size = bytesOf(value)
    return size === undefined ? undefined : ({ message }) => message.body.byteLength < size
  }
}

/** Milliseconds of the epoch; a date alone is its midnight in UTC. */
const timeOf = (value: string): number | undefined =>
  DateTime.make(value.toUpperCase()).pipe(Option.map(DateTime.toEpochMillis), Option.getOrUndefined)

const bytesOf = (value: string): number | undefined => {
  const [, amount, unit] = /^(\d{1,12}(?:\.\d{1,6})?) ?(k|kb|m|mb)?$/.exec(value) ?? []
  if (amount === undefined) return undefined
  return Number(amount) * (unit === undefined ? 1 : unit.startsWith("k") ? 1_024 : 1_048_576)
}
