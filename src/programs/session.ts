/**
 * One SMTP session: a fiber that turns the commands of one connection into replies. It knows neither sockets nor the
 * Cakemail API; its state is the value handed from one command to the next.
 */
import { Clock, Effect, Layer } from "effect"
import { NotAuthenticated, TlsRequired } from "../domain/GatewayError.ts"
import * as SmtpReply from "../domain/SmtpReply.ts"
import { RateLimiter } from "../services/RateLimiter.ts"
import { type Command, type Connection, SmtpSession } from "../services/SmtpSession.ts"
import { makeData, type NumberedMessage } from "./sessionData.ts"
import { makeSessionEvents } from "./sessionEvents.ts"
import { type Authenticated, GREETED, makeLogin, SENT_AWAY, type State } from "./sessionLogin.ts"

export const SmtpSessionLive = Layer.effect(
  SmtpSession,
  Effect.gen(function* () {
    const limiter = yield* RateLimiter
    const events = yield* makeSessionEvents
    const login = yield* makeLogin(events)
    const { breakOff, onData, settled } = yield* makeData(events)
    const clock = yield* Clock.Clock

    /** Checked at every command of a transaction: a session without a login gets nowhere, whatever the adapter let by. */
    const loginOf = (
      connection: Connection,
      state: State
    ): Effect.Effect<Authenticated, TlsRequired | NotAuthenticated> => {
      if (!connection.isSecure()) return Effect.fail(new TlsRequired())
      return state._tag === "Authenticated" ? Effect.succeed(state) : Effect.fail(new NotAuthenticated())
    }

    const onCommand = Effect.fnUntraced(function* (
      connection: Connection,
      state: State,
      command: Command,
      message: NumberedMessage
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
          yield* onData(connection, yield* loginOf(connection, state), command, message)
          return state
      }
    })

    const run = Effect.fnUntraced(function* (connection: Connection) {
      let state: State = GREETED
      for (let messages = 0; state._tag !== "SentAway";) {
        const command = yield* connection.nextCommand
        if (command._tag === "Data") messages++
        const before: State = state
        const started = clock.currentTimeMillisUnsafe()
        const reference = `${connection.id}-${messages}`
        const outcome = onCommand(connection, before, command, { reference, number: messages }).pipe(
          Effect.catchCause((cause) =>
            Effect.map(events.refused(command, cause), (error) => {
              if ("reply" in command) command.reply(SmtpReply.fromError(error))
              return command._tag === "Connect" ? SENT_AWAY : before
            })
          )
        )
        state = yield* command._tag === "Data" ? Effect.annotateLogs(outcome, { reference }) : outcome
        events.answered(command._tag, clock.currentTimeMillisUnsafe() - started)
      }
    })

    return SmtpSession.of({
      run: (connection) => events.session(connection, run(connection)),
      settled,
      breakOff
    })
  })
)
