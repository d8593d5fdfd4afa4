import type { Redacted } from "effect"

/** What the client gave at AUTH. */
export interface Credentials {
  readonly username: string
  readonly password: Redacted.Redacted
}

/** Who a session acts for, and the token that proves it to the API. */
export interface Identity {
  readonly username: string
  /** The account that mails are submitted for; `undefined` when the API decides by the token. */
  readonly accountId: number | undefined
  readonly token: Redacted.Redacted
  /** When the token ends, in milliseconds of the epoch; `undefined` when it has no known end. */
  readonly expiresAt: number | undefined
}
