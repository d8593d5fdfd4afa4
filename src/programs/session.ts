/**
 * One SMTP session: a fiber that turns the commands of one connection into replies. It knows neither sockets nor the
 * Cakemail API; its state is the value handed from one command to the next.
 */
import { Clock, Effect, Fiber, FiberSet, Layer, Queue } from "effect"
import { type GatewayError, NotAuthenticated, TlsRequired } from "../domain/GatewayError.ts"
import * as SmtpReply from "../domain/SmtpReply.ts"
import { GatewayConfig } from "../services/GatewayConfig.ts"
import { MessageBudget } from "../services/MessageBudget.ts"
import { MessageSink } from "../services/MessageSink.ts"
import { RateLimiter } from "../services/RateLimiter.ts"
import { type Command, type CommandOf, type Connection, SmtpSession } from "../services/SmtpSession.ts"
import { makeSessionEvents } from "./sessionEvents.ts"
import { type Authenticated, GREETED, makeLogin, type State } from "./sessionLogin.ts"

/** Failures after DATA that take the login with them: the client has to come back with a good one. */
const LOGIN_LOST: ReadonlySet<string> = new Set(["AuthenticationFailed", "TokenRejected", "SecondFactorRequired"])

export const SmtpSessionLive = Layer.effect(
  SmtpSession,
  Effect.gen(function* () {
    const { smtp } = yield* GatewayConfig
    const limiter = yield* RateLimiter
    const budget = yield* MessageBudget
    const sink = yield* MessageSink
    const events = yield* makeSessionEvents
    const login = yield* makeLogin(events)
    const clock = yield* Clock.Clock
    // Messages whose data has ended are finished here, even when their client has gone (rulings 3).
    const settling = yield* FiberSet.make<SmtpReply.SmtpReply>()

    /** Checked at every command of a transaction: a session without a login gets nowhere, whatever the adapter let by. */
    const loginOf = (
      connection: Connection,
      state: State
    ): Effect.Effect<Authenticated, TlsRequired | NotAuthenticated> => {
      if (!connection.isSecure()) return Effect.fail(new TlsRequired())
      return state._tag === "Authenticated" ? Effect.succeed(state) : Effect.fail(new NotAuthenticated())
    }

    /** Uninterruptible up to where the message is in `settling`: data that has ended is not lost with its client. */
    const onData = (authenticated: Authenticated, command: CommandOf<"Data">, reference: string) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          yield* budget.admit
          const { grow, release, transfer } = yield* budget.reservation
          const raw = yield* Effect.onError(command.receive(grow), () => release)
          const receivedAt = clock.currentTimeMillisUnsafe()
          events.received(raw.byteLength)
          const { credentials, identity } = authenticated
          const transit = { ...command.transit, receivedAt }
          const settle = Effect.flatMap(Effect.scope, transfer).pipe(
            Effect.andThen(
              sink.accept({ envelope: command.envelope, identity, credentials, raw, grow, reference, transit })
            ),
            Effect.scoped,
            Effect.tap(() => Effect.sync(events.accepted)),
            Effect.map((accepted) => SmtpReply.accepted(accepted, smtp.showReference ? reference : undefined)),
            Effect.catchCause((cause) => Effect.map(events.errorOfMessage(cause), replyAfterData)),
            Effect.interruptible
          )
          const fiber = yield* FiberSet.run(settling, settle, { startImmediately: true })
          command.reply(yield* restore(Fiber.join(fiber)))
          events.settled(clock.currentTimeMillisUnsafe() - receivedAt)
        })
      )

    const onCommand = Effect.fnUntraced(function* (
      connection: Connection,
      state: State,
      command: Command,
      reference: string
    ) {
      switch (command._tag) {
        case "Connect":
          yield* limiter.connection(connection.clientAddress)
          yield* events.connected
          command.reply(SmtpReply.greeted)
          return state
        case "Secure":
          yield* events.secured(command.protocol, command.cipher)
          return GREETED
        case "Reset":
          return state
        case "Auth":
          return yield* login(connection, state, command)
        case "MailFrom": {
          const { identity } = yield* loginOf(connection, state)
          yield* limiter.message(connection.clientAddress, identity.username)
          yield* events.senderAccepted(command.sender)
          command.reply(SmtpReply.senderAccepted)
          return state
        }
        case "RcptTo":
          yield* loginOf(connection, state)
          yield* events.recipientAccepted(command.recipient)
          command.reply(SmtpReply.recipientAccepted)
          return state
        case "Data":
          yield* onData(yield* loginOf(connection, state), command, reference)
          return state
      }
    })

    const run = Effect.fnUntraced(function* (connection: Connection) {
      let state: State = GREETED
      for (let messages = 0; ;) {
        const command = yield* Queue.take(connection.commands)
        if (command._tag === "Data") messages++
        const before: State = state
        const started = clock.currentTimeMillisUnsafe()
        const reference = `${connection.id}-${messages}`
        const outcome = onCommand(connection, before, command, reference).pipe(
          Effect.catchCause((cause) =>
            Effect.map(events.refused(command, cause), (error) => {
              if ("reply" in command) command.reply(SmtpReply.fromError(error))
              return before
            })
          )
        )
        state = yield* command._tag === "Data" ? Effect.annotateLogs(outcome, { reference }) : outcome
        events.answered(command._tag, clock.currentTimeMillisUnsafe() - started)
      }
    })

    return SmtpSession.of({
      run: (connection) => events.session(connection, run(connection)),
      settled: FiberSet.awaitEmpty(settling)
    })
  })
)

const replyAfterData = (error: GatewayError): SmtpReply.SmtpReply =>
  LOGIN_LOST.has(error._tag) ? SmtpReply.closing(SmtpReply.fromError(error)) : SmtpReply.fromError(error)
