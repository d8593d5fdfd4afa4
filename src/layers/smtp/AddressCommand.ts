/**
 * Reads `MAIL FROM:` and `RCPT TO:` (RFC 5321 section 4.1.2) as forgivingly as receivers usually do: white space around
 * the colon, missing brackets, parameters glued to the bracket, source routes, odd dots and underscores all pass.
 * Addresses stay as they were spelled; an xn-- domain stays one.
 */
import { isIPv4, isIPv6 } from "node:net"
import { domainToASCII } from "node:url"

export interface AddressCommand {
  /** Without brackets and source route; empty for the null reverse path. */
  readonly address: string
  /** Keys in upper case; `true` for a parameter without a value. */
  readonly parameters: ReadonlyMap<string, string | true>
  /** The first parameter that was given twice. */
  readonly duplicate: string | undefined
}

/** Octets; twice what RFC 5321 section 4.5.3.1.3 asks for would still fit an API field. */
const MAX_ADDRESS_LENGTH = 320

const MAX_DOMAIN_LENGTH = 255

/** Control characters, white space that no mailbox has, invisible characters, and what decoding broken UTF-8 leaves. */
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\u2060\ufeff\ufffd]/

const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=]\S*)?)?$/

const QUOTED_LOCAL_PART = /^"(?:[^"\\]|\\.)*"$/

const UNQUOTED_LOCAL_PART = /^[^\s<>()[\]\\,;:"@]+$/

const DOMAIN = /^[A-Za-z0-9_\u0080-\u{10ffff}-]+(?:\.[A-Za-z0-9_\u0080-\u{10ffff}-]+)*\.?$/u

/** `undefined` when the command is not of that form. */
export const parseAddressCommand = (verb: "MAIL FROM" | "RCPT TO", line: string): AddressCommand | undefined => {
  const colon = line.indexOf(":")
  if (colon < 0 || line.slice(0, colon).trim().replace(/\s+/, " ").toUpperCase() !== verb) return undefined
  const path = splitPath(line.slice(colon + 1).trim())
  if (path === undefined) return undefined
  const address = path.address.replace(/^@[^\s:]+:/, "")
  if (!isAcceptable(verb, address)) return undefined

  const parameters = new Map<string, string | true>()
  let duplicate: string | undefined
  for (const word of path.rest.split(/\s+/)) {
    if (word === "") continue
    const match = PARAMETER.exec(word)
    const key = match?.[1]?.toUpperCase()
    if (match === null || key === undefined) return undefined
    if (parameters.has(key)) duplicate ??= key
    parameters.set(key, match[2] ?? true)
  }
  return { address, parameters, duplicate }
}

/** The path and what follows it; a quoted local part may hold white space and brackets. */
const splitPath = (text: string): { readonly address: string; readonly rest: string } | undefined => {
  const bracketed = /^<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>(.*)$/s.exec(text)
  if (bracketed !== null) return { address: (bracketed[1] ?? "").trim(), rest: bracketed[2] ?? "" }
  const bare = /^((?:"(?:[^"\\]|\\.)*"|[^"<>\s])+)(?:\s(.*))?$/s.exec(text)
  return bare === null ? undefined : { address: bare[1] ?? "", rest: bare[2] ?? "" }
}

const isAcceptable = (verb: "MAIL FROM" | "RCPT TO", address: string): boolean => {
  if (address === "") return verb === "MAIL FROM"
  if (address.length > MAX_ADDRESS_LENGTH || UNSAFE.test(address)) return false
  // The one mailbox that has no domain (RFC 5321 section 4.1.1.3).
  if (verb === "RCPT TO" && address.toLowerCase() === "postmaster") return true
  const at = address.lastIndexOf("@")
  if (at < 1) return false
  const localPart = address.slice(0, at)
  return (QUOTED_LOCAL_PART.test(localPart) || UNQUOTED_LOCAL_PART.test(localPart)) && isDomain(address.slice(at + 1))
}

const isDomain = (domain: string): boolean => {
  if (domain.length > MAX_DOMAIN_LENGTH) return false
  const literal = /^\[(.+)\]$/.exec(domain)?.[1]
  if (literal !== undefined) return isIPv4(literal) || (/^ipv6:/i.test(literal) && isIPv6(literal.slice(5)))
  if (!DOMAIN.test(domain)) return false
  return /^[\x00-\x7f]*$/.test(domain) || domainToASCII(domain) !== ""
}
