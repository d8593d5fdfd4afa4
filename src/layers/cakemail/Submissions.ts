/** Reading the answer to a submission, the same for both contracts but for where they keep the id. */
import { randomUUID } from "node:crypto"
import { Effect, type Result, type Schema } from "effect"
import {
  type ApiAnswerUnreadable,
  type ApiCallError,
  ApiFailed,
  type ApiRateLimited,
  SubmissionErrored,
  SubmissionRejected,
  type SubmissionTooLarge,
  type TokenRejected
} from "../../domain/GatewayError.ts"
import type { SubmissionReceipt } from "../../domain/Submission.ts"
import type { CakemailClient } from "../../services/CakemailClient.ts"
import { submissionRefusal, unreadable } from "./ApiAnswers.ts"
import type { ApiResponse, ApiTransport } from "./ApiTransport.ts"

export interface DecodedReceipt {
  readonly messageId: string
  readonly status: "queued" | "rejected" | "error"
}

/** `CakemailClient.submit` of a contract, told where it takes submissions and how it words its receipts; `timeout` in milliseconds. */
export const submitTo =
  (
    transport: ApiTransport["Service"],
    contract: {
      readonly path: string
      readonly timeout: number
      readonly decodeReceipt: (body: string) => Result.Result<DecodedReceipt, Schema.SchemaError>
    }
  ): CakemailClient["Service"]["submit"] =>
  ({ token }, prepared, recipient) =>
    Effect.suspend(() =>
      prepared.testMode === true
        ? inTestMode(recipient)
        : transport.call(
            {
              endpoint: "submit",
              method: "POST",
              path: contract.path + prepared.query,
              token,
              contentType: "application/json",
              body: prepared.bodyFor(recipient),
              timeout: contract.timeout
            },
            (response) => readSubmission(response, recipient, contract.decodeReceipt)
          )
    )

/** A 2xx may still be a refusal: `rejected` is final, `error` is not. */
const readSubmission = (
  response: ApiResponse,
  recipient: string,
  decode: (body: string) => Result.Result<DecodedReceipt, Schema.SchemaError>
): Effect.Effect<
  SubmissionReceipt,
  | TokenRejected
  | ApiRateLimited
  | ApiFailed
  | ApiAnswerUnreadable
  | SubmissionRejected
  | SubmissionTooLarge
  | SubmissionErrored
> => {
  if (response.status < 200 || response.status > 299) return Effect.fail(submissionRefusal(response))
  const receipt = decode(response.body)
  if (receipt._tag === "Failure") return Effect.fail(unreadable(response, receipt.failure.message))
  const { messageId, status } = receipt.success
  if (status === "queued") return Effect.succeed({ recipient, messageId })
  return Effect.fail(
    status === "error"
      ? new SubmissionErrored()
      : new SubmissionRejected({ subject: "policy", reason: "rejected by Cakemail", status: response.status })
  )
}

/** A mail that asks not to be sent has been looked at when it is prepared; here nothing is left to do. */
const inTestMode = (recipient: string): Effect.Effect<SubmissionReceipt> =>
  Effect.as(Effect.logInfo("test_mode", { recipient }), { recipient, messageId: `test-${randomUUID()}` })

/** `timeout` in milliseconds. */
export const ping = (transport: ApiTransport["Service"], timeout: number): Effect.Effect<void, ApiCallError> =>
  transport.call({ endpoint: "ping", method: "GET", path: "/", timeout }, (response) =>
    response.status < 500 ? Effect.void : Effect.fail(new ApiFailed({ status: response.status }))
  )
