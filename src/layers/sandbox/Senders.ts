/** Senders of each account: who may stand in From. */
import { randomUUID } from "node:crypto"
import type { SandboxSender } from "../../services/Sandbox.ts"

/** Kept for an account; the oldest go first. */
const MAX_SENDERS = 10_000

/** Kept for all accounts; those of the account that was asked for longest ago go first. */
const MAX_ALL_SENDERS = 50_000

/** Accounts whose senders are kept; likewise. */
const MAX_ACCOUNTS = 2_000

/** Characters of a name that are kept. */
const MAX_NAME = 1_000

export interface NewSender {
  readonly name: string
  readonly email: string
  readonly confirmed: boolean
}

export interface Senders {
  /** Oldest first. */
  readonly list: (accountId: number) => ReadonlyArray<SandboxSender>
  readonly find: (accountId: number, id: string) => SandboxSender | undefined
  /** The sender of that address, made if there is none. Addresses compare without case. */
  readonly add: (accountId: number, sender: NewSender) => SandboxSender
  readonly confirm: (accountId: number, email: string) => void
}

interface Book {
  readonly byEmail: Map<string, SandboxSender>
  readonly byId: Map<string, SandboxSender>
}

export const makeSenders = (): Senders => {
  const books = new Map<number, Book>()
  let kept = 0

  /** Whoever is asked for is not among the oldest. */
  const known = (accountId: number): Book | undefined => {
    const book = books.get(accountId)
    if (book === undefined) return undefined
    books.delete(accountId)
    books.set(accountId, book)
    return book
  }

  const made = (accountId: number): Book => {
    const book: Book = { byEmail: new Map(), byId: new Map() }
    books.set(accountId, book)
    if (books.size > MAX_ACCOUNTS) forgetOldest()
    return book
  }

  const forgetOldest = (): void => {
    const [oldest] = books
    if (oldest === undefined) return
    const [accountId, { byEmail }] = oldest
    books.delete(accountId)
    kept -= byEmail.size
  }

  const put = (book: Book, sender: SandboxSender): SandboxSender => {
    const before = book.byEmail.size
    book.byEmail.set(sender.email.toLowerCase(), sender)
    book.byId.set(sender.id, sender)
    for (const [email, oldest] of book.byEmail) {
      if (book.byEmail.size <= MAX_SENDERS) break
      book.byEmail.delete(email)
      book.byId.delete(oldest.id)
    }
    kept += book.byEmail.size - before
    if (kept > MAX_ALL_SENDERS) forgetOldest()
    return sender
  }

  return {
    list: (accountId) => [...(known(accountId)?.byEmail.values() ?? [])],
    find: (accountId, id) => known(accountId)?.byId.get(id),
    add: (accountId, { confirmed, email, name }) => {
      const book = known(accountId) ?? made(accountId)
      const sender = { id: randomUUID(), name: name.slice(0, MAX_NAME), email, confirmed }
      return book.byEmail.get(email.toLowerCase()) ?? put(book, sender)
    },
    confirm: (accountId, email) => {
      const book = known(accountId)
      const sender = book?.byEmail.get(email.toLowerCase())
      if (book !== undefined && sender !== undefined) put(book, { ...sender, confirmed: true })
    }
  }
}
