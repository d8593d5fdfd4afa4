/** LOG_ADDRESSES: how much of mail addresses a log line shows. Addresses are of people, and some laws mind. */
import { createHmac } from "node:crypto"

export interface AddressMask {
  /** Of a field that holds an address or a user name and nothing else. */
  readonly address: (value: string) => string
  /** Of any other text: the addresses that it quotes. */
  readonly text: (text: string) => string
}

export const addressesShown: AddressMask = { address: (value) => value, text: (text) => text }

/** `***@example.com`. A user name that is no address has nothing to show. */
export const onlyDomains: AddressMask = masking((address) => `***${address.slice(address.lastIndexOf("@"))}`, "***")

/** For what leaves the operator's hands. */
export const addressesHidden: AddressMask = masking(() => "<address>", "<name>")

/**
 * `addr_` and 16 hexadecimal digits: the same for the same address, however it is spelled, and for nobody to be guessed
 * who has not the key. A plain hash could be undone with a list of addresses.
 */
export const hashedWith = (key: string | Uint8Array): AddressMask => {
  // The same few addresses stand on line after line, and a hash costs more than the line.
  const known = new Map<string, string>()
  const hashed = (value: string): string => {
    const before = known.get(value)
    if (before !== undefined) return before
    const hash = `addr_${createHmac("sha256", key).update(value.trim().toLowerCase()).digest("hex").slice(0, 16)}`
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(value, hash)
    return hash
  }
  return masking(hashed, hashed)
}

const MAX_KNOWN = 1_000

function masking(mask: (address: string) => string, unnamed: string | ((name: string) => string)): AddressMask {
  const name = typeof unnamed === "string" ? () => unnamed : unnamed
  return {
    // The null sender is nobody's address.
    address: (value) => (value === "" ? value : value.includes("@") ? mask(value) : name(value)),
    text: (text) => (text.includes("@") ? maskQuoted(text, mask) : text)
  }
}

/**
 * By looking to both sides of each `@`. A regular expression that begins at the local part takes the square of the time
 * for a long text without any.
 */
const maskQuoted = (text: string, mask: (address: string) => string): string => {
  let masked = ""
  let done = 0
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", Math.max(at + 1, done))) {
    const begin = localPartBegin(text, done, at)
    const end = addressEnd(text, at + 1)
    if (begin === at || end === at + 1) continue
    masked += text.slice(done, begin) + mask(text.slice(begin, end))
    done = end
  }
  return masked + text.slice(done)
}

const localPartBegin = (text: string, from: number, at: number): number => {
  let begin = at
  if (text[at - 1] === '"') {
    const quote = text.lastIndexOf('"', at - 2)
    if (quote >= from) return quote
  }
  while (begin > from && !ENDS_LOCAL_PART.has(text.charAt(begin - 1))) begin--
  // 'bob@example.com' is quoted, o'brien@example.com is not.
  return text[begin] === "'" ? begin + 1 : begin
}

/** What looks like a domain is a local part when another address follows without a gap. */
const addressEnd = (text: string, from: number): number => {
  let end = domainEnd(text, from)
  while (text[end] === "@") {
    const next = domainEnd(text, end + 1)
    if (next === end + 1) break
    end = next
  }
  return end
}

const domainEnd = (text: string, from: number): number => {
  if (text[from] === "[") {
    const bracket = text.indexOf("]", from)
    if (bracket > 0) return bracket + 1
  }
  let end = from
  while (end < text.length && !ENDS_DOMAIN.has(text.charAt(end))) end++
  while (end > from && text[end - 1] === ".") end--
  return end
}

const ENDS_LOCAL_PART: ReadonlySet<string> = new Set(' \t\r\n<>()[],;:\\"@')
const ENDS_DOMAIN: ReadonlySet<string> = new Set(" \t\r\n<>()[],;:\\\"@'`?!/{}=&|*%")
