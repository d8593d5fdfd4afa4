import { Clock, Duration, Effect, Fiber, FiberSet, type FileSystem, Layer, Schedule } from "effect"
import type { SubmissionError } from "../../domain/GatewayError.ts"
import { shownUserName } from "../../domain/Identity.ts"
import * as SmtpReply from "../../domain/SmtpReply.ts"
import { type DeadLetter, DeadLetters, type FailedRecipient } from "../../services/DeadLetters.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { inSpan } from "../telemetry/spans.ts"
import { encodeLetter, makeLetterId, type StoredLetter } from "./deadLetterFiles.ts"
import { makeDeadLetterStore } from "./DeadLetterStore.ts"

/** Bytes of messages that wait for a slow disk; more are not stored. */
export const MAX_WAITING_BYTES = 67_108_864

/** A reply to the client waits for the disk no longer; nor does the end of the process. */
const MAX_WAIT = Duration.seconds(2)

const SWEEP_INTERVAL = Duration.minutes(1)

export const DeadLettersLive: Layer.Layer<DeadLetters, never, GatewayConfig | Metrics | FileSystem.FileSystem> =
  Layer.effect(
    DeadLetters,
    Effect.gen(function* () {
      const { directory, ...bounds } = (yield* GatewayConfig).deadLetters
      const counter = (yield* Metrics).counter({
        name: "smtp_dead_letters_total",
        help: "Recipients that failed for good, by whether the message was stored for them",
        labels: { stored: ["yes", "no", "failed"] }
      })
      const store = directory === undefined ? undefined : yield* makeDeadLetterStore({ ...bounds, directory })
      const writes = yield* FiberSet.make<void>()
      yield* Effect.addFinalizer(() =>
        Effect.timeoutOption(Effect.interruptible(FiberSet.awaitEmpty(writes)), MAX_WAIT)
      )
      let waitingBytes = 0

      if (store !== undefined) {
        // The same problem is said once.
        let lastProblem = ""
        yield* store.sweep.pipe(
          Effect.match({ onSuccess: () => "", onFailure: (error) => error.message }),
          Effect.flatMap((problem) => {
            if (problem === lastProblem) return Effect.void
            lastProblem = problem
            return problem === ""
              ? Effect.logInfo("dead_letter_directory_usable", { directory })
              : Effect.logError("dead_letter_directory_unusable", { directory, cause: problem })
          }),
          Effect.repeat(Schedule.spaced(SWEEP_INTERVAL)),
          Effect.tapCause((cause) => Effect.logError("dead_letter_sweep_ended", cause)),
          Effect.forkScoped
        )
      }

      const notStored = (id: string, letter: DeadLetter, cause: string) => {
        counter.increment({ stored: "failed" }, letter.failures.length)
        return Effect.logError("dead_letter_not_stored", { letter: id, reference: letter.submission.reference, cause })
      }

      const record = Effect.fnUntraced(function* (letter: DeadLetter) {
        const id = store !== undefined && letter.hidden ? makeLetterId(yield* Clock.currentTimeMillis) : undefined
        const letters = letter.failures.map((failure) => describe(letter, failure))
        for (const described of letters) yield* logLetter(described, letter.hidden, id)
        if (store === undefined || id === undefined) {
          counter.increment({ stored: "no" }, letters.length)
          return
        }
        const { raw } = letter.submission
        if (waitingBytes + raw.byteLength > MAX_WAITING_BYTES)
          return yield* notStored(id, letter, "the disk is too slow")
        waitingBytes += raw.byteLength
        const writing = yield* store.write(id, { raw, letters: letters.map(encodeLetter) }).pipe(
          Effect.andThen(Effect.sync(() => counter.increment({ stored: "yes" }, letters.length))),
          Effect.catch((error) => notStored(id, letter, error.message)),
          Effect.ensuring(
            Effect.sync(() => {
              waitingBytes -= raw.byteLength
            })
          ),
          FiberSet.run(writes)
        )
        yield* Effect.timeoutOption(Fiber.await(writing), MAX_WAIT)
      })

      return DeadLetters.of({ record: (letter) => inSpan("dead letters", "internal", record(letter)) })
    })
  )

const describe = ({ messageId, submission }: DeadLetter, { error, recipient }: FailedRecipient): StoredLetter => {
  const { envelope, identity, raw, reference, transit } = submission
  return {
    reference,
    username: shownUserName(identity.username),
    account_id: identity.accountId ?? null,
    sender: envelope.sender,
    smtp_utf8: envelope.smtpUtf8,
    recipient,
    message_id: messageId ?? null,
    size: raw.byteLength,
    error_type: error._tag,
    reply: SmtpReply.loggedText(error),
    reason: reasonOf(error),
    client_address: transit.clientAddress,
    client_name: transit.clientName,
    protocol: transit.protocol,
    received_at: transit.receivedAt
  }
}

/** The API's words, or ours. */
const reasonOf = (error: SubmissionError): string | null => {
  if ("reason" in error) return error.reason
  return "cause" in error && typeof error.cause === "string" ? error.cause : null
}

/** Everything but the content, of which the subject is part. */
const logLetter = (letter: StoredLetter, hidden: boolean, id: string | undefined): Effect.Effect<void> =>
  Effect.logError("dead_letter", {
    reference: letter.reference,
    account_id: letter.account_id ?? undefined,
    authenticated_user: letter.username,
    from_address: letter.sender,
    recipient: letter.recipient,
    message_id: letter.message_id ?? undefined,
    message_size_bytes: letter.size,
    error_type: letter.error_type,
    reply: letter.reply,
    reason: letter.reason ?? undefined,
    received_at: new Date(letter.received_at).toISOString(),
    hidden,
    letter: id
  })
