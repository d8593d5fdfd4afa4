/** Address headers (RFC 5322 section 3.4): parsed first, decoded then, so that an encoded comma splits nothing. */
import addressparser, { type Address } from "nodemailer/lib/addressparser"
import type { Mailbox } from "../../domain/Email.ts"
import { decodeWords } from "./encodedWords.ts"

const ADDRESS_HEADERS = new Set([
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "bcc",
  "resent-from",
  "resent-sender",
  "resent-reply-to",
  "resent-to",
  "resent-cc",
  "resent-bcc",
  "disposition-notification-to",
  "return-receipt-to",
  "errors-to",
  "mail-followup-to",
  "mail-reply-to"
])

/** Whether the header of that name, in lower case, holds addresses. */
export const isAddressHeader = (key: string): boolean => ADDRESS_HEADERS.has(key)

/** The mailboxes of the list, those of groups included. What has no address is left out. */
export const parseMailboxes = (value: string): ReadonlyArray<Mailbox> => {
  if (value === "") return []
  const plain = plainMailbox(value)
  if (plain !== undefined) return [plain]
  const words = new HiddenWords()
  const mailboxes: Array<Mailbox> = []
  collect(addressparser(withPairedQuotes(words.hide(value))), words, mailboxes)
  return mailboxes
}

/** One address, with or without a name of letters, digits and single blanks, which may be in quotes. */
const PLAIN_MAILBOX =
  /^(?:(?:"([A-Za-z0-9]+(?: [A-Za-z0-9]+)*)"|([A-Za-z0-9]+(?: [A-Za-z0-9]+)*)) )?<([\w.+-]+@[A-Za-z0-9.-]+)>$/

/** Most headers name one mailbox in which there is nothing to interpret: what the parser would say of it is known. */
const plainMailbox = (value: string): Mailbox | undefined => {
  const [, quotedName, name, address] = PLAIN_MAILBOX.exec(value) ?? []
  return address === undefined ? undefined : { address, name: quotedName ?? name ?? "" }
}

/** The header value with its encoded words decoded and, where a decoded name needs it, quoted. */
export const decodeAddressHeader = (value: string): string => {
  if (!value.includes("=?")) return value
  const words = new HiddenWords()
  return addressparser(withPairedQuotes(words.hide(value)))
    .map((address) => format(address, words))
    .join(", ")
}

/** A letter of the private use area, which no address holds, then the index of the words it stands for. */
const HIDDEN = /\uf8ff(\d+)\uf8ff/g

const ENCODED_WORDS = /=\?[\w*-]+\?[bq]\?[^?]*\?=(?:\s*=\?[\w*-]+\?[bq]\?[^?]*\?=)*/gi

/** Encoded words are kept from the parser: many hold commas, colons and brackets that RFC 2047 section 5 forbids there. */
class HiddenWords {
  private readonly words: Array<string> = []

  hide(value: string): string {
    if (!value.includes("=?")) return value
    return value.replaceAll("\uf8ff", "").replace(ENCODED_WORDS, (words) => `\uf8ff${this.words.push(words) - 1}\uf8ff`)
  }

  decode(text: string): string {
    return this.words.length === 0 ? text : text.replace(HIDDEN, (_, index: string) => decodeWords(this.at(index)))
  }

  restore(text: string): string {
    return this.words.length === 0 ? text : text.replace(HIDDEN, (_, index: string) => this.at(index))
  }

  /** Whether the text is nothing but encoded words. */
  areAll(text: string): boolean {
    return this.words.length > 0 && /^\uf8ff\d+\uf8ff$/.test(text)
  }

  private at(index: string): string {
    return this.words[Number(index)] ?? ""
  }
}

/** A quote that is never closed would take the address behind it into the name. */
const withPairedQuotes = (value: string): string => {
  let quotes = 0
  let last = -1
  for (let at = value.indexOf('"'); at >= 0; at = value.indexOf('"', at + 1)) {
    if (value[at - 1] === "\\") continue
    quotes++
    last = at
  }
  return quotes % 2 === 0 ? value : value.slice(0, last) + value.slice(last + 1)
}

const NO_WORDS = new HiddenWords()

const collect = (addresses: ReadonlyArray<Address>, words: HiddenWords, mailboxes: Array<Mailbox>): void => {
  for (const { address, group, name } of addresses) {
    if (group !== undefined) collect(group, words, mailboxes)
    else if (address === "" && words.areAll(name)) {
      // Some clients encode the address along with the name.
      collect(addressparser(words.decode(name)), NO_WORDS, mailboxes)
    } else {
      const restored = words.restore(address)
      if (isAddress(restored)) mailboxes.push({ address: restored, name: decodeName(name, words) })
    }
  }
}

const isAddress = (address: string): boolean => /^[^\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+$/.test(address)

const decodeName = (name: string, words: HiddenWords): string =>
  words
    .decode(name)
    .replace(/[\x00-\x1f\x7f]+/g, " ")
    .trim()

const format = ({ address, group, name }: Address, words: HiddenWords): string => {
  const shown = quoted(decodeName(name, words))
  if (group !== undefined) return `${shown}: ${group.map((member) => format(member, words)).join(", ")};`
  if (address === "") return shown
  const restored = words.restore(address)
  return shown === "" ? restored : `${shown} <${restored}>`
}

/** As RFC 5322 section 3.2.4 has it, unless it is made of atoms (or of letters beyond ASCII, RFC 6532). */
const quoted = (name: string): string =>
  /^[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff} -]*$/u.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`
