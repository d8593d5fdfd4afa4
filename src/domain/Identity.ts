import type { Redacted } from "effect"

/** What the client gave at AUTH. */
export interface Credentials {
  readonly username: string
  readonly password: Redacted.Redacted
}

/** Who a session acts for, and the token that proves it to the API. */
export interface Identity {
  /** As the client gave it; beside a personal access token, which goes with any, a name made of the token. */
  readonly username: string
  /** The account that mails are submitted for; `undefined` when the API decides by the token. */
  readonly accountId: number | undefined
  readonly token: Redacted.Redacted
  /** When the token ends, in milliseconds of the epoch; `undefined` when it has no known end. */
  readonly expiresAt: number | undefined
}

/** The form of a Cakemail personal access token. */
export const PERSONAL_ACCESS_TOKEN = /^ck_pat_[0-9a-f]{40}$/i

/** For the log: some services want their token as the user name too, and who comes from there may go on doing so. */
export const shownUserName = (username: string): string =>
  PERSONAL_ACCESS_TOKEN.test(username.trim()) ? "personal access token" : username
