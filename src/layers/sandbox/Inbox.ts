/** Inboxes apart: a message lies in the inbox of the login that submitted it. */
import type { ParsedSearchParams } from "effect/http/HttpServerRequest"
import type { StoredMessage } from "../../services/SandboxMessages.ts"

/** By user name, without case. `undefined` stands for all. */
export type Inbox = string | undefined

export const inboxOf = (query: ParsedSearchParams["Service"]): Inbox => {
  const value = query["inbox"]
  const name = (typeof value === "string" ? value : value?.[0])?.trim().toLowerCase()
  return name === "" ? undefined : name
}

export const isIn = (inbox: Inbox, username: string | undefined): boolean =>
  inbox === undefined || username?.toLowerCase() === inbox

export const messagesIn = (inbox: Inbox, all: ReadonlyArray<StoredMessage>): ReadonlyArray<StoredMessage> =>
  inbox === undefined ? all : all.filter(({ message }) => isIn(inbox, message.username))

/** In the order of their names. */
export const countInboxes = (
  all: ReadonlyArray<StoredMessage>
): ReadonlyArray<{ readonly name: string; readonly total: number; readonly unread: number }> => {
  const inboxes = new Map<string, { name: string; total: number; unread: number }>()
  for (const { message, read } of all) {
    const name = message.username.toLowerCase()
    const inbox = inboxes.get(name) ?? { name, total: 0, unread: 0 }
    inbox.total++
    if (!read) inbox.unread++
    inboxes.set(name, inbox)
  }
  return [...inboxes.values()].toSorted((one, other) => one.name.localeCompare(other.name))
}
