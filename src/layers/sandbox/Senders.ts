/** Senders of each account: who may stand in From. */
import { randomUUID } from "node:crypto"
import type { SandboxSender } from "../../services/Sandbox.ts"

/** Kept for an account; the oldest go first. */
const MAX_SENDERS = 10_000

/** Accounts whose senders are kept; the oldest go first. */
const MAX_ACCOUNTS = 2_000

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

  const bookOf = (accountId: number): Book => {
    const known = books.get(accountId)
    if (known !== undefined) return known
    const book: Book = { byEmail: new Map(), byId: new Map() }
    books.set(accountId, book)
    for (const oldest of books.keys()) {
      if (books.size <= MAX_ACCOUNTS) break
      books.delete(oldest)
    }
    return book
  }

  const put = (book: Book, sender: SandboxSender): SandboxSender => {
    book.byEmail.set(sender.email.toLowerCase(), sender)
    book.byId.set(sender.id, sender)
    for (const [email, oldest] of book.byEmail) {
      if (book.byEmail.size <= MAX_SENDERS) break
      book.byEmail.delete(email)
      book.byId.delete(oldest.id)
    }
    return sender
  }

  return {
    list: (accountId) => [...bookOf(accountId).byEmail.values()],
    find: (accountId, id) => bookOf(accountId).byId.get(id),
    add: (accountId, sender) => {
      const book = bookOf(accountId)
      return book.byEmail.get(sender.email.toLowerCase()) ?? put(book, { id: randomUUID(), ...sender })
    },
    confirm: (accountId, email) => {
      const book = bookOf(accountId)
      const sender = book.byEmail.get(email.toLowerCase())
      if (sender !== undefined) put(book, { ...sender, confirmed: true })
    }
  }
}
