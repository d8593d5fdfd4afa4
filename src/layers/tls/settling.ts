/** When what the files hold may take the place of the certificate in use: files are also written in pieces. */
import { Redacted } from "effect"
import type { LoadedCertificate } from "./certificateFiles.ts"

/** A pair that is not in use, and when it was found first; each look since has found the same. */
export interface Candidate {
  readonly certificate: LoadedCertificate
  /** Milliseconds of the epoch. */
  readonly since: number
}

/** How long a chain that may lack its end has to stay as it is, in milliseconds. */
const UNFINISHED_FOR = 60_000

/**
 * A file that is cut between two certificates holds a pair of no fault, but clients do not find the way from it to the
 * root that they trust. It ends at another issuer than the chain before it; so does the first one of another authority,
 * which is why it is used in the end.
 */
export const mayBeUnfinished = (found: LoadedCertificate, inUse: LoadedCertificate): boolean => {
  const last = found.chain.at(-1)
  return inUse.chain.length > 1 && last?.issuer !== inUse.chain.at(-1)?.issuer && last?.issuer !== last?.subject
}

/** Whether a candidate that was found again is to be used. */
export const hasSettled = (
  { certificate, since }: Candidate,
  inUse: LoadedCertificate | undefined,
  now: number
): boolean =>
  inUse === undefined || inUse.expiresAt <= now || !mayBeUnfinished(certificate, inUse) || now - since >= UNFINISHED_FOR

export const isSame = (one: LoadedCertificate | undefined, other: LoadedCertificate): boolean =>
  one?.certificate === other.certificate && Redacted.value(one.privateKey) === Redacted.value(other.privateKey)
