/** What RecentSubmissions promises, over any store of receipts: equal submissions of this process share one call. */
import { createHash, hash } from "node:crypto"
import { Cause, Deferred, Effect, Exit } from "effect"
import { mailboxKey } from "../../domain/Envelope.ts"
import { IdempotencyKeyReused, type SubmissionError, SubmissionInProgress } from "../../domain/GatewayError.ts"
import type { SubmissionReceipt } from "../../domain/Submission.ts"
import { Metrics } from "../../services/Metrics.ts"
import type { ReceiptStore } from "../../services/ReceiptStore.ts"
import type { RecentSubmissions, RepeatableMessage, SubmitOnce } from "../../services/RecentSubmissions.ts"

export const makeRecentSubmissions: (
  store: ReceiptStore["Service"]
) => Effect.Effect<RecentSubmissions["Service"], never, Metrics> = Effect.fnUntraced(function* (store) {
  const duplicates = (yield* Metrics).counter({
    name: "smtp_duplicates_total",
    help: "Recipients of messages that were sent again and not submitted again, by how the first one stood",
    labels: { first: ["accepted", "under_way", "elsewhere"] }
  })
  const underWay = new Map<string, UnderWay>()

  const duplicate = (
    first: "accepted" | "under_way" | "elsewhere",
    recipient: string,
    messageId: string
  ): Effect.Effect<SubmissionReceipt> => {
    duplicates.increment({ first })
    return Effect.as(Effect.logInfo("duplicate_submission", { first, message_id: messageId }), { recipient, messageId })
  }

  /** The id in a receipt that was kept for the key, unless it is one of other content. */
  const remembered = (
    { content, recipient }: OneSubmission,
    first: "accepted" | "elsewhere",
    receipt: string
  ): Effect.Effect<SubmissionReceipt, IdempotencyKeyReused> =>
    receipt.startsWith(content)
      ? duplicate(first, recipient, receipt.slice(content.length))
      : Effect.fail(new IdempotencyKeyReused())

  const lead = (
    submission: OneSubmission,
    submit: Effect.Effect<SubmissionReceipt, SubmissionError>,
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.Effect<SubmissionReceipt, SubmissionError> => {
    const { content, key } = submission
    return Effect.flatMap(store.claim(key), (claim): Effect.Effect<SubmissionReceipt, SubmissionError> => {
      switch (claim._tag) {
        case "Granted":
          return Effect.onExit(restore(submit), (exit) =>
            Exit.isSuccess(exit) ? store.keep(key, content + exit.value.messageId) : store.release(key)
          )
        case "Remembered":
          return remembered(submission, "accepted", claim.receipt)
        case "Elsewhere":
          return Effect.flatMap(restore(claim.outcome), (receipt): Effect.Effect<SubmissionReceipt, SubmissionError> =>
            receipt === undefined
              ? Effect.fail(new SubmissionInProgress())
              : remembered(submission, "elsewhere", receipt)
          )
      }
    })
  }

  const follow = (
    { content, recipient }: OneSubmission,
    leader: UnderWay,
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.Effect<SubmissionReceipt, SubmissionError> => {
    const outcome = restore(Deferred.await(leader.outcome))
    if (content === leader.content) {
      return Effect.flatMap(outcome, ({ messageId }) => duplicate("under_way", recipient, messageId))
    }
    // Why the other message failed need not hold for this one.
    return Effect.matchEffect(outcome, {
      onSuccess: () => Effect.fail(new IdempotencyKeyReused()),
      onFailure: () => Effect.fail(new SubmissionInProgress())
    })
  }

  // Whatever interrupts the leader, those who wait for it are told: only what it waits for can be interrupted.
  const submitOnce = (
    submission: OneSubmission,
    submit: Effect.Effect<SubmissionReceipt, SubmissionError>
  ): Effect.Effect<SubmissionReceipt, SubmissionError> =>
    Effect.uninterruptibleMask((restore) => {
      const { content, key } = submission
      const leader = underWay.get(key)
      if (leader !== undefined) return follow(submission, leader, restore)
      const outcome = Deferred.makeUnsafe<SubmissionReceipt, SubmissionError>()
      underWay.set(key, { content, outcome })
      return Effect.onExit(lead(submission, submit, restore), (exit) =>
        Effect.sync(() => {
          underWay.delete(key)
          Deferred.doneUnsafe(outcome, toldToOthers(exit))
        })
      )
    })

  const forMessage = (message: RepeatableMessage): SubmitOnce => {
    const mark = markOf(message)
    if (mark === undefined) return submitAlways
    const account = message.identity.accountId ?? message.identity.username
    return (recipient, submit) => {
      const key = hash("sha256", JSON.stringify([account, ...mark.key, mailboxKey(recipient)]), "base64url")
      return submitOnce({ key, content: mark.content, recipient }, submit)
    }
  }

  return { forMessage }
})

/** What tells a message from others of its account. */
interface Mark {
  readonly key: ReadonlyArray<string>
  /** A digest that messages of one key must share, all of one length; empty when the key says it all. */
  readonly content: string
}

/** Small: it is kept while the calls last, and the message need not be. */
const markOf = ({ idempotency, messageId, raw }: RepeatableMessage): Mark | undefined => {
  if (idempotency !== undefined) {
    return { key: ["idempotency-key", ...idempotency.key], content: digestOfTexts(idempotency.content) }
  }
  if (messageId === undefined || messageId === "") return undefined
  return { key: [messageId, hash("sha256", raw, "base64url")], content: "" }
}

/** The message for one recipient. */
interface OneSubmission {
  readonly key: string
  readonly content: string
  readonly recipient: string
}

interface UnderWay {
  readonly content: string
  readonly outcome: Deferred.Deferred<SubmissionReceipt, SubmissionError>
}

const submitAlways: SubmitOnce = (_recipient, submit) => submit

const digestOfTexts = (texts: ReadonlyArray<string | Uint8Array>): string => {
  const digest = createHash("sha256")
  // No text can pass for two: each comes behind its length.
  for (const text of texts) digest.update(`${text.length}:`).update(text)
  return digest.digest("base64url")
}

/** An interrupted submission may have been accepted: who waited for it must not submit at once. */
const toldToOthers = (
  exit: Exit.Exit<SubmissionReceipt, SubmissionError>
): Exit.Exit<SubmissionReceipt, SubmissionError> =>
  Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause) ? Exit.fail(new SubmissionInProgress()) : exit
