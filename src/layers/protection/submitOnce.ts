/** What RecentSubmissions promises, over any store of receipts: equal submissions of this process share one call. */
import { hash } from "node:crypto"
import { Cause, Deferred, Effect, Exit } from "effect"
import { mailboxKey } from "../../domain/Envelope.ts"
import { type SubmissionError, SubmissionInProgress } from "../../domain/GatewayError.ts"
import type { SubmissionReceipt } from "../../domain/Submission.ts"
import { Metrics } from "../../services/Metrics.ts"
import type { RecentSubmissions, RepeatableMessage, SubmitOnce } from "../../services/RecentSubmissions.ts"

/** Where receipts are kept. Nothing here fails or takes long: a store that cannot be asked remembers nothing. */
export interface ReceiptStore {
  /** Asked once a submission. What is granted ends with `keep` or `release`. */
  readonly claim: (key: string) => Effect.Effect<Claim>
  /** The submission was accepted under this id. */
  readonly keep: (key: string, messageId: string) => Effect.Effect<void>
  /** The submission was not accepted, or nobody knows. */
  readonly release: (key: string) => Effect.Effect<void>
}

export type Claim =
  | { readonly _tag: "Granted" }
  | { readonly _tag: "Remembered"; readonly messageId: string }
  /** Another process is submitting; `outcome` waits for it, and is `undefined` unless that was accepted. */
  | { readonly _tag: "Elsewhere"; readonly outcome: Effect.Effect<string | undefined> }

export const GRANTED: Claim = { _tag: "Granted" }

export const makeRecentSubmissions: (
  store: ReceiptStore
) => Effect.Effect<RecentSubmissions["Service"], never, Metrics> = Effect.fnUntraced(function* (store) {
  const duplicates = (yield* Metrics).counter({
    name: "smtp_duplicates_total",
    help: "Recipients of messages that were sent again and not submitted again, by how the first one stood",
    labels: { first: ["accepted", "under_way", "elsewhere"] }
  })
  const underWay = new Map<string, Deferred.Deferred<SubmissionReceipt, SubmissionError>>()

  const duplicate = (first: "accepted" | "under_way" | "elsewhere", messageId: string): Effect.Effect<void> => {
    duplicates.increment({ first })
    return Effect.logInfo("duplicate_submission", { first, message_id: messageId })
  }

  const lead = (
    key: string,
    recipient: string,
    submit: Effect.Effect<SubmissionReceipt, SubmissionError>,
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.Effect<SubmissionReceipt, SubmissionError> =>
    Effect.flatMap(store.claim(key), (claim): Effect.Effect<SubmissionReceipt, SubmissionError> => {
      switch (claim._tag) {
        case "Granted":
          return Effect.onExit(restore(submit), (exit) =>
            Exit.isSuccess(exit) ? store.keep(key, exit.value.messageId) : store.release(key)
          )
        case "Remembered":
          return Effect.as(duplicate("accepted", claim.messageId), { recipient, messageId: claim.messageId })
        case "Elsewhere":
          return Effect.flatMap(restore(claim.outcome), (messageId) =>
            messageId === undefined
              ? Effect.fail(new SubmissionInProgress())
              : Effect.as(duplicate("elsewhere", messageId), { recipient, messageId })
          )
      }
    })

  // Whatever interrupts the leader, those who wait for it are told: only what it waits for can be interrupted.
  const submitOnce = (
    key: string,
    recipient: string,
    submit: Effect.Effect<SubmissionReceipt, SubmissionError>
  ): Effect.Effect<SubmissionReceipt, SubmissionError> =>
    Effect.uninterruptibleMask((restore) => {
      const leader = underWay.get(key)
      if (leader !== undefined) {
        return Effect.flatMap(restore(Deferred.await(leader)), ({ messageId }) =>
          Effect.as(duplicate("under_way", messageId), { recipient, messageId })
        )
      }
      const outcome = Deferred.makeUnsafe<SubmissionReceipt, SubmissionError>()
      underWay.set(key, outcome)
      return Effect.onExit(lead(key, recipient, submit, restore), (exit) =>
        Effect.sync(() => {
          underWay.delete(key)
          Deferred.doneUnsafe(outcome, toldToOthers(exit))
        })
      )
    })

  const forMessage = (message: RepeatableMessage): SubmitOnce => {
    if (message.messageId === undefined || message.messageId === "") return submitAlways
    const parts = [message.identity.accountId ?? message.identity.username, message.messageId, digestOf(message.raw)]
    return (recipient, submit) =>
      submitOnce(hash("sha256", JSON.stringify([...parts, mailboxKey(recipient)]), "base64url"), recipient, submit)
  }

  return { forMessage }
})

const submitAlways: SubmitOnce = (_recipient, submit) => submit

const digestOf = (raw: Uint8Array): string => hash("sha256", raw, "base64url")

/** An interrupted submission may have been accepted: who waited for it must not submit at once. */
const toldToOthers = (
  exit: Exit.Exit<SubmissionReceipt, SubmissionError>
): Exit.Exit<SubmissionReceipt, SubmissionError> =>
  Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause) ? Exit.fail(new SubmissionInProgress()) : exit
