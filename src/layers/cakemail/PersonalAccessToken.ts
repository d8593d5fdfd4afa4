/** Personal access tokens of Cakemail stand in place of a password and are the bearer token themselves. */
import { hash } from "node:crypto"
import { Redacted } from "effect"
import type { Credentials } from "../../domain/Identity.ts"

export const isPersonalAccessToken = (text: string): boolean => /^ck_pat_[0-9a-fA-F]{40}$/.test(text)

/**
 * Who logs in. Beside a token any user name goes, and clients that come from other services all have the same one, such
 * as `apikey`: whoever limits, remembers or tells apart by name would take all of them for one. There a hash of the
 * token is the name. Nobody gets a token of 160 random bits back from it: it may be logged.
 */
export const loginName = ({ password, username }: Credentials): string => {
  const token = Redacted.value(password)
  return isPersonalAccessToken(token) ? `token-${hash("sha256", token, "hex").slice(0, 16)}` : username
}
