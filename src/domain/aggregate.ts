import { Result } from "effect"
import type { SubmissionError } from "./GatewayError.ts"
import * as SmtpReply from "./SmtpReply.ts"
import type { Accepted, SubmissionReceipt } from "./Submission.ts"

/** What became of a message for one recipient. */
export interface RecipientOutcome {
  readonly recipient: string
  readonly result: Result.Result<SubmissionReceipt, SubmissionError>
}

/**
 * One answer for all recipients (rulings 4). With `accept` one accepted recipient makes a 250; with `defer` a recipient
 * that may succeed later turns it into that recipient's 4xx, so that the client comes back. With none accepted a reply
 * that may succeed later outranks one that never will, and the first of its class is given.
 */
export const aggregate = (
  outcomes: readonly [RecipientOutcome, ...Array<RecipientOutcome>],
  partialFailure: "accept" | "defer"
): Result.Result<Accepted, SubmissionError> => {
  const receipts: Array<SubmissionReceipt> = []
  const errors: Array<SubmissionError> = []
  for (const { result } of outcomes) {
    if (Result.isSuccess(result)) receipts.push(result.success)
    else errors.push(result.failure)
  }
  const transient = errors.find((error) => SmtpReply.isTransient(SmtpReply.fromError(error)))
  const [firstReceipt, ...others] = receipts
  if (firstReceipt !== undefined && (partialFailure === "accept" || transient === undefined)) {
    return Result.succeed({ receipts: [firstReceipt, ...others] })
  }
  const [firstError] = errors
  const error = transient ?? firstError
  // Without a receipt every outcome is an error, and there is at least one outcome.
  if (error === undefined) throw new Error("a message without a recipient cannot be answered")
  return Result.fail(error)
}
