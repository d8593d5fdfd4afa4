import { Context, type Effect } from "effect"
import type { SubmissionError } from "../domain/GatewayError.ts"
import type { Idempotency } from "../domain/Idempotency.ts"
import type { Identity } from "../domain/Identity.ts"
import type { SubmissionReceipt } from "../domain/Submission.ts"

/** What two messages have in common when one is the other, sent again. */
export interface RepeatableMessage {
  readonly identity: Pick<Identity, "accountId" | "username">
  /** As the client sent it; never one that was made here. With it and the same data a message is the same. */
  readonly messageId: string | undefined
  /** Counts in place of Message-ID and data. Messages with neither are never taken for another (rulings 10). */
  readonly idempotency: Idempotency | undefined
  readonly raw: Uint8Array
}

/**
 * Submits the message for one recipient, unless an equal submission was accepted within DUPLICATE_WINDOW: then its
 * receipt is given, and nothing is called. An equal one that is under way is waited for, and its outcome shared, a
 * failure too; when nobody can tell its outcome any more, `SubmissionInProgress`. Failures are not remembered.
 * A message whose idempotency key was accepted with other content is not submitted: `IdempotencyKeyReused`.
 */
export type SubmitOnce = (
  recipient: string,
  submit: Effect.Effect<SubmissionReceipt, SubmissionError>
) => Effect.Effect<SubmissionReceipt, SubmissionError>

/**
 * Duplicate protection: a client that lost the reply and sends its message again gets the first receipt, not a second
 * mail. Holds hashes and the ids that the API gave, never anything of a message or an address.
 */
export class RecentSubmissions extends Context.Service<
  RecentSubmissions,
  {
    /** Reads the whole message once, for all its recipients. */
    readonly forMessage: (message: RepeatableMessage) => SubmitOnce
  }
>()("gateway/services/RecentSubmissions") {}
