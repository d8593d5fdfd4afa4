/** What forwarding a message tells the operator: one summary event a message, and its metrics. */
import { Clock, Effect, Result } from "effect"
import type { RecipientOutcome } from "../domain/aggregate.ts"
import type { Email } from "../domain/Email.ts"
import { ShuttingDown, type SubmissionError } from "../domain/GatewayError.ts"
import * as SmtpReply from "../domain/SmtpReply.ts"
import type { Accepted, Submission } from "../domain/Submission.ts"
import { annotateSpan } from "../layers/telemetry/spans.ts"
import { DeadLetters, type FailedRecipient } from "../services/DeadLetters.ts"
import { Metrics } from "../services/Metrics.ts"

/** One message while it is forwarded. */
export interface Forwarding {
  readonly submission: Submission
  readonly recipients: readonly [string, ...Array<string>]
  readonly outcomes: Map<string, RecipientOutcome["result"]>
  /** Of the parsed mail; the whole of it would stay in memory for as long as the calls last. */
  messageId: string | undefined
  attachments: number
  apiCalls: number
  /** Milliseconds of the epoch; when the first call for a recipient began and the last one ended. */
  firstCall: number | undefined
  lastAnswer: number | undefined
}

export const makeForwardEvents = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const deadLetters = yield* DeadLetters
  const forwarded = (yield* Metrics).counter({
    name: "smtp_emails_forwarded_total",
    help: "Recipients by whether the API accepted the message for them",
    labels: { result: ["success", "failure"] }
  })

  /** `refused` counts the recipients that did not get it. */
  const summaryOf = (forwarding: Forwarding, refused: number) => {
    const { apiCalls, attachments, firstCall, lastAnswer, messageId, recipients, submission } = forwarding
    return {
      reference: submission.reference,
      header_message_id: messageId,
      from_address: submission.envelope.sender,
      recipient_count: recipients.length,
      message_size_bytes: submission.raw.byteLength,
      has_attachments: attachments > 0,
      attachment_count: attachments,
      processing_time_ms: clock.currentTimeMillisUnsafe() - submission.transit.receivedAt,
      api_calls: apiCalls,
      api_latency_ms: firstCall === undefined || lastAnswer === undefined ? 0 : lastAnswer - firstCall,
      result: refused === 0 ? "success" : refused < recipients.length ? "partial" : "failure"
    }
  }

  return {
    started: (submission: Submission, recipients: Forwarding["recipients"]): Forwarding => ({
      submission,
      recipients,
      outcomes: new Map(),
      messageId: undefined,
      attachments: 0,
      apiCalls: 0,
      firstCall: undefined,
      lastAnswer: undefined
    }),

    parsed: (forwarding: Forwarding, email: Email): Effect.Effect<void> => {
      forwarding.messageId = email.messageId
      forwarding.attachments = email.attachments.length
      const annotated = annotateSpan(() => ({
        ...(email.messageId !== undefined && { "messaging.message.id": email.messageId }),
        "smtp.attachment.count": email.attachments.length
      }))
      return email.warnings.length === 0
        ? annotated
        : Effect.andThen(annotated, Effect.logWarning("message_repaired", { warnings: email.warnings }))
    },

    /** Counts a call for one recipient. */
    called: <A, E>(forwarding: Forwarding, call: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        forwarding.apiCalls++
        forwarding.firstCall ??= clock.currentTimeMillisUnsafe()
        return Effect.onExitPrimitive(call, () => {
          forwarding.lastAnswer = clock.currentTimeMillisUnsafe()
          return undefined
        })
      }),

    settled: Effect.fnUntraced(function* (
      forwarding: Forwarding,
      outcomes: ReadonlyArray<RecipientOutcome>,
      answer: Result.Result<Accepted, SubmissionError>
    ) {
      const { messageId, submission } = forwarding
      const hidden = Result.isSuccess(answer)
      let refused = 0
      const lost: Array<FailedRecipient> = []
      for (const { recipient, result } of outcomes) {
        forwarded.increment({ result: Result.isSuccess(result) ? "success" : "failure" })
        if (Result.isSuccess(result)) continue
        refused++
        // What the client is told to try again is not lost; what a 250 hides from it is.
        if (hidden || !SmtpReply.isTransient(SmtpReply.fromError(result.failure))) {
          lost.push({ recipient, error: result.failure })
        } else {
          yield* Effect.logWarning("recipient_failed", {
            reference: submission.reference,
            recipient,
            ...describe(result.failure)
          })
        }
      }
      const [first, ...others] = lost
      if (first !== undefined) {
        yield* deadLetters.record({ submission, messageId, failures: [first, ...others], hidden })
      }
      if (refused > 0) yield* annotateSpan(() => ({ "smtp.recipient.failed_count": refused }))
      const summary = {
        ...summaryOf(forwarding, refused),
        message_id: hidden ? answer.success.receipts[0].messageId : undefined,
        ...(hidden ? undefined : describe(answer.failure))
      }
      yield* refused === 0 ? Effect.logInfo("email_received", summary) : Effect.logWarning("email_received", summary)
    }),

    /** The process ends before the message is settled. Its client is told 421, and sends it again to another. */
    brokenOff: (forwarding: Forwarding): Effect.Effect<void> =>
      Effect.suspend(() => {
        let refused = 0
        for (const recipient of forwarding.recipients) {
          const result = forwarding.outcomes.get(recipient)
          const accepted = result !== undefined && Result.isSuccess(result)
          forwarded.increment({ result: accepted ? "success" : "failure" })
          if (!accepted) refused++
        }
        const error = new ShuttingDown()
        return Effect.logWarning("email_received", {
          ...summaryOf(forwarding, refused),
          error_type: error._tag,
          reply: SmtpReply.loggedText(error)
        })
      })
  }
})

/** The reply that the failure deserves, and the private cause of it. */
const describe = (error: SubmissionError) => ({
  error_type: error._tag,
  reply: SmtpReply.loggedText(error),
  detail: "cause" in error && typeof error.cause === "string" ? error.cause : undefined
})
