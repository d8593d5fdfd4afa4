import { mailboxKey } from "../../domain/Envelope.ts"

/** The recipients of a transaction. The package's own list compares local parts without case (rulings 14). */
export class RecipientList {
  /** By mailbox, the address as it was spelled first. */
  readonly #addresses = new Map<string, string>()

  get size(): number {
    return this.#addresses.size
  }

  get addresses(): ReadonlyArray<string> {
    return [...this.#addresses.values()]
  }

  has(address: string): boolean {
    return this.#addresses.has(mailboxKey(address))
  }

  /** A mailbox that is there already stays as it is. */
  add(address: string): void {
    const mailbox = mailboxKey(address)
    if (!this.#addresses.has(mailbox)) this.#addresses.set(mailbox, address)
  }

  clear(): void {
    this.#addresses.clear()
  }
}
