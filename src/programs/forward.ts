/**
 * One message on its way to the Cakemail API: parsed once, encoded once, submitted for each recipient, and answered with
 * what became of all of them.
 */
import { Effect, Layer, Option, Result } from "effect"
import { aggregate, type RecipientOutcome } from "../domain/aggregate.ts"
import type { Email } from "../domain/Email.ts"
import { distinctRecipients } from "../domain/Envelope.ts"
import {
  MessageBudgetExhausted,
  type SubmissionError,
  SubmitDeadlineExceeded,
  type TokenRejected
} from "../domain/GatewayError.ts"
import { idempotencyOf } from "../domain/Idempotency.ts"
import type { Identity } from "../domain/Identity.ts"
import type { Submission } from "../domain/Submission.ts"
import { makeRetries } from "../layers/cakemail/retries.ts"
import { atStage } from "../layers/scheduling/atStage.ts"
import { annotateSpan, inSpan } from "../layers/telemetry/spans.ts"
import { Authenticator } from "../services/Authenticator.ts"
import { CakemailClient } from "../services/CakemailClient.ts"
import { GatewayConfig } from "../services/GatewayConfig.ts"
import { MailParser } from "../services/MailParser.ts"
import { MessageSink } from "../services/MessageSink.ts"
import { RecentSubmissions } from "../services/RecentSubmissions.ts"
import { makeDefects } from "./defects.ts"
import { type Forwarding, makeForwardEvents } from "./forwardEvents.ts"

/** The gateway's `MessageSink`: accepted means that the API has accepted it for at least one recipient. */
export const ForwardSink = Layer.effect(
  MessageSink,
  Effect.gen(function* () {
    const { api, partialFailure } = yield* GatewayConfig
    const parser = yield* MailParser
    const authenticator = yield* Authenticator
    const client = yield* CakemailClient
    const recent = yield* RecentSubmissions
    const retry = yield* makeRetries
    const events = yield* makeForwardEvents
    const { errorOf } = yield* makeDefects

    /** Parses, prepares and submits; each recipient's outcome lands in `forwarding` as soon as it is known. */
    const submitAll = Effect.fnUntraced(function* (submission: Submission, forwarding: Forwarding) {
      const { credentials, envelope, transit } = submission
      // The payload will be about as large as what came: room for it is taken before there is anything to keep in it.
      const expectedBytes = submission.raw.byteLength
      if (!submission.grow(expectedBytes)) return yield* new MessageBudgetExhausted()
      let spareBytes = expectedBytes
      const room = (bytes: number): boolean => {
        const missing = bytes - spareBytes
        spareBytes = Math.max(0, -missing)
        return missing <= 0 || submission.grow(missing)
      }
      const isSmall = submission.raw.byteLength <= SMALL_BYTES
      if (isSmall) yield* atStage.parse
      let email: Email | undefined = yield* parser.parse(submission.raw)
      const { messageId } = email
      yield* events.parsed(forwarding, email)

      let identity = yield* authenticator.authenticate(credentials)
      // A token can end in mid-session: it is renewed once a call, and by one login for all (rulings 7).
      const withToken = <A, E>(call: (identity: Identity) => Effect.Effect<A, E | TokenRejected>) => {
        const used = identity
        return call(used).pipe(
          Effect.catchTag("TokenRejected", () =>
            authenticator.renew(credentials, used).pipe(
              Effect.flatMap((renewed) => {
                identity = renewed
                return call(renewed)
              })
            )
          )
        )
      }

      const prepare = (email: Email) =>
        inSpan(
          "prepare",
          "internal",
          withToken((token) => retry("prepare", client.prepare(token, { email, envelope, transit, room })))
        )
      if (isSmall) yield* atStage.prepare
      const prepared = yield* prepare(email)
      // A client that lost the 250 and comes back gets the receipt it missed, not a second mail (rulings 10). What is
      // only tested is not the mail that is sent later.
      const isTest = prepared.testMode === true
      const submitOnce = recent.forMessage({
        identity,
        messageId: isTest ? undefined : messageId,
        idempotency: isTest ? undefined : idempotencyOf(email, envelope.recipients),
        raw: submission.raw
      })
      // Its texts are as large as the payload, and nothing needs them while the calls last.
      email = undefined
      const submit = (recipient: string) =>
        submitOnce(
          recipient,
          inSpan(
            "submit",
            "client",
            withToken((token) =>
              retry("submit", events.called(forwarding, client.submit(token, prepared, recipient)))
            ).pipe(Effect.tap(({ messageId }) => annotateSpan(() => ({ "cakemail.email.id": messageId }))))
          )
        ).pipe(
          // One recipient's bug is not the others'.
          Effect.catchCause((cause) => Effect.flatMap(errorOf(cause), Effect.fail)),
          Effect.result,
          Effect.map((result) => void forwarding.outcomes.set(recipient, result)),
          Effect.annotateLogs({ recipient })
        )
      const [only, ...others] = forwarding.recipients
      if (others.length === 0) yield* submit(only)
      else
        yield* Effect.forEach(forwarding.recipients, submit, { concurrency: api.recipientConcurrency, discard: true })
    })

    const accept = Effect.fnUntraced(function* (submission: Submission) {
      const [first, ...others] = distinctRecipients(submission.envelope.recipients)
      if (first === undefined) return yield* Effect.die(new Error("a submission without a recipient"))
      const forwarding = events.started(submission, [first, ...others])
      const failed = yield* submitAll(submission, forwarding).pipe(
        Effect.as(Option.none<SubmissionError>()),
        Effect.catchCause((cause) => Effect.map(errorOf(cause), Option.some<SubmissionError>)),
        Effect.timeoutOrElse({
          duration: api.submitDeadline,
          orElse: () => Effect.succeedSome<SubmissionError>(new SubmitDeadlineExceeded())
        }),
        Effect.onInterrupt(() => events.brokenOff(forwarding))
      )
      const outcomeOf = (recipient: string): RecipientOutcome => ({
        recipient,
        result:
          forwarding.outcomes.get(recipient) ??
          Result.fail(Option.getOrElse(failed, () => new SubmitDeadlineExceeded()))
      })
      const outcomes = [outcomeOf(first), ...others.map(outcomeOf)] as const
      const answer = aggregate([outcomes[0], ...outcomes.slice(1)], partialFailure)
      yield* events.settled(forwarding, outcomes, answer)
      return yield* Effect.fromResult(answer)
    })

    return MessageSink.of({ accept })
  })
)

/** A larger message is handled in one go: waiting for others it would gain nothing, and hold memory for each step meanwhile. */
const SMALL_BYTES = 64 * 1024
