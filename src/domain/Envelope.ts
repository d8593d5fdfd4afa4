/** Who sends and who receives, as the SMTP commands said it; headers never change it. */
export interface Envelope {
  /** The reverse path without brackets; empty for `MAIL FROM:<>`. */
  readonly sender: string
  /** Forward paths in the order they were accepted, as the client spelled them. */
  readonly recipients: ReadonlyArray<string>
  /** The client declared SMTPUTF8 at MAIL (RFC 6531). Addresses may be non-ASCII without it too. */
  readonly smtpUtf8: boolean
}

/** Splits at the last `@`, because a quoted local part may contain one. */
export const splitAddress = (address: string): { readonly localPart: string; readonly domain: string } => {
  const at = address.lastIndexOf("@")
  return at < 0
    ? { localPart: address, domain: "" }
    : { localPart: address.slice(0, at), domain: address.slice(at + 1) }
}

/** Equal for addresses of the same mailbox: domains compare without case, local parts as they are (RFC 5321 section 2.4). */
export const mailboxKey = (address: string): string => {
  const { domain, localPart } = splitAddress(address)
  return `${localPart}@${domain.toLowerCase()}`
}

/** One entry for each mailbox; the first spelling wins. */
export const distinctRecipients = (recipients: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (recipients.length < 2) return recipients
  const byMailbox = new Map<string, string>()
  for (const recipient of recipients) {
    const mailbox = mailboxKey(recipient)
    if (!byMailbox.has(mailbox)) byMailbox.set(mailbox, recipient)
  }
  return [...byMailbox.values()]
}
