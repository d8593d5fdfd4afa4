import { Context, type Effect } from "effect"
import type { SubmissionError } from "../domain/GatewayError.ts"
import type { Submission } from "../domain/Submission.ts"

export interface FailedRecipient {
  /** As the client spelled it. */
  readonly recipient: string
  readonly error: SubmissionError
}

/** A message with those of its recipients that will not get it. */
export interface DeadLetter {
  readonly submission: Pick<Submission, "envelope" | "identity" | "raw" | "reference" | "transit">
  /** The Message-ID that the client sent. */
  readonly messageId: string | undefined
  readonly failures: readonly [FailedRecipient, ...Array<FailedRecipient>]
  /** The client was told 250, for the sake of other recipients: nobody else will send it again (rulings 11). */
  readonly hidden: boolean
}

/** What is left of mail that failed for good. */
export class DeadLetters extends Context.Service<
  DeadLetters,
  {
    /**
     * Logs each failed recipient, and keeps the message for those that are hidden when DEAD_LETTER_DIR is set. Whatever
     * becomes of that is logged and counted and never fails; it takes two seconds at most, then it goes on behind.
     */
    readonly record: (letter: DeadLetter) => Effect.Effect<void>
  }
>()("gateway/services/DeadLetters") {}
