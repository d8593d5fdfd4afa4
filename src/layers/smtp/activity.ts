/** What a connection is busy with, since when by the monotonic clock; each has a deadline of its own (deadlines.ts). */
export type Activity =
  | { readonly _tag: "Idle"; readonly since: number }
  | { readonly _tag: "Handshake"; readonly since: number }
  | Receiving
  /** For the session. */
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Closing" }

/** Between 354 and the final dot. */
export interface Receiving {
  readonly _tag: "Receiving"
  readonly since: number
  /** Content so far. */
  readonly octets: number
}
