/** DATA in a session: the message is read, and settled whatever becomes of its client. */
import { Clock, Effect, Fiber, FiberSet } from "effect"
import type { GatewayError } from "../domain/GatewayError.ts"
import * as SmtpReply from "../domain/SmtpReply.ts"
import { atStage } from "../layers/scheduling/atStage.ts"
import { GatewayConfig } from "../services/GatewayConfig.ts"
import { MessageBudget } from "../services/MessageBudget.ts"
import { MessageSink } from "../services/MessageSink.ts"
import type { CommandOf, Connection } from "../services/SmtpSession.ts"
import type { SessionEvents } from "./sessionEvents.ts"
import type { Authenticated } from "./sessionLogin.ts"
import { inMessageSpan, type TracedMessage } from "./sessionSpans.ts"

/** Failures after DATA that take the login with them: the client has to come back with a good one. */
const LOGIN_LOST: ReadonlySet<string> = new Set(["AuthenticationFailed", "TokenRejected", "SecondFactorRequired"])

export interface NumberedMessage {
  /** Short id under which the reply, log lines and traces tell of it. */
  readonly reference: string
  /** In its session, counted from 1. */
  readonly number: number
}

export const makeData = (events: SessionEvents) =>
  Effect.gen(function* () {
    const { hostname, showReference } = (yield* GatewayConfig).smtp
    const budget = yield* MessageBudget
    const sink = yield* MessageSink
    const clock = yield* Clock.Clock
    // Messages whose data has ended are finished here, even when their client has gone (rulings 3).
    const settling = yield* FiberSet.make<SmtpReply.SmtpReply>()

    const receive = Effect.fnUntraced(function* (command: CommandOf<"Data">) {
      yield* budget.admit
      const { grow, release, transfer } = yield* budget.reservation
      const raw = yield* Effect.onError(command.receive(grow), () => release)
      return { raw, grow, transfer }
    })

    /** Uninterruptible up to where the message is in `settling`: data that has ended is not lost with its client. */
    const onData = (
      connection: Connection,
      login: Authenticated,
      command: CommandOf<"Data">,
      { number, reference }: NumberedMessage
    ) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const { envelope } = command
          const recipients = envelope.recipients.length
          const startedAt = clock.currentTimeNanosUnsafe()
          const message: TracedMessage = { connection, hostname, reference, number, recipients, startedAt }
          const { grow, raw, transfer } = yield* receive(command).pipe(
            Effect.tapError((error) => Effect.exit(inMessageSpan(message, undefined, Effect.fail(error))))
          )
          const receivedAt = clock.currentTimeMillisUnsafe()
          events.received(raw.byteLength)
          const { credentials, identity } = login
          const transit = { ...command.transit, receivedAt }
          const accept = Effect.flatMap(Effect.scope, transfer).pipe(
            Effect.andThen(sink.accept({ envelope, identity, credentials, raw, grow, reference, transit })),
            Effect.scoped,
            Effect.tap(() => Effect.sync(events.accepted)),
            // Inside of its span, so that what is logged of a defect leads to it.
            Effect.catchCause((cause) => Effect.flatMap(events.errorOfMessage(cause), Effect.fail)),
            Effect.onInterrupt(() => Effect.sync(events.brokenOff))
          )
          const settle = inMessageSpan(message, { raw, receivedAt: clock.currentTimeNanosUnsafe() }, accept).pipe(
            Effect.match({
              onSuccess: (accepted) => SmtpReply.accepted(accepted, showReference ? reference : undefined),
              onFailure: replyAfterData
            }),
            Effect.interruptible
          )
          const fiber = yield* FiberSet.run(settling, settle, { startImmediately: true })
          const reply = yield* restore(Fiber.join(fiber))
          yield* atStage.reply
          command.reply(reply)
          events.settled(clock.currentTimeMillisUnsafe() - receivedAt)
        })
      )

    /** `settled` returns when no message is under way; `breakOff` sees to it. */
    return { onData, settled: FiberSet.awaitEmpty(settling), breakOff: FiberSet.clear(settling) }
  })

const replyAfterData = (error: GatewayError): SmtpReply.SmtpReply =>
  LOGIN_LOST.has(error._tag) ? SmtpReply.closing(SmtpReply.fromError(error)) : SmtpReply.fromError(error)
