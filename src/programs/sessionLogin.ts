/** AUTH in a session, and what a session knows of its client's login. */
import { Effect, Fiber, Redacted, Result } from "effect"
import { type AuthenticationFailed, type SecondFactorRequired, TlsRequired } from "../domain/GatewayError.ts"
import { type Credentials, type Identity, shownUserName } from "../domain/Identity.ts"
import * as SmtpReply from "../domain/SmtpReply.ts"
import { loginName } from "../layers/cakemail/PersonalAccessToken.ts"
import { annotateSpan, inSpan, replyAttributes } from "../layers/telemetry/spans.ts"
import { Authenticator } from "../services/Authenticator.ts"
import { RateLimiter } from "../services/RateLimiter.ts"
import type { CommandOf, Connection } from "../services/SmtpSession.ts"
import type { SessionEvents } from "./sessionEvents.ts"

export interface Greeted {
  readonly _tag: "Greeted"
  /** The login that was refused last, and the fiber that closes the connection for it. */
  readonly refused:
    | {
        readonly credentials: Credentials
        readonly error: AuthenticationFailed | SecondFactorRequired
        readonly closing: Fiber.Fiber<void>
      }
    | undefined
}

export interface Authenticated {
  readonly _tag: "Authenticated"
  readonly identity: Identity
  readonly credentials: Credentials
}

/** Not let in: the session is over, however long the client keeps the connection. */
export interface SentAway {
  readonly _tag: "SentAway"
}

export type State = Greeted | Authenticated | SentAway

export const GREETED: State = { _tag: "Greeted", refused: undefined }

export const SENT_AWAY: State = { _tag: "SentAway" }

/** Clients try PLAIN, then LOGIN: after a first refusal they have this long to ask again (rulings 7). */
const SECOND_LOGIN_WITHIN = "1 second"

export const makeLogin = (events: SessionEvents) =>
  Effect.gen(function* () {
    const authenticator = yield* Authenticator
    const limiter = yield* RateLimiter

    const authenticate = (credentials: Credentials) =>
      Effect.tap(authenticator.authenticate(credentials), () =>
        annotateSpan(() => replyAttributes(SmtpReply.authenticated))
      )

    return Effect.fnUntraced(function* (connection: Connection, state: State, command: CommandOf<"Auth">) {
      if (!connection.isSecure()) return yield* new TlsRequired()
      const { credentials } = command
      const username = loginName(credentials)
      const refused = state._tag === "Greeted" ? state.refused : undefined
      if (refused !== undefined) yield* Fiber.interrupt(refused.closing)
      // The same wrong password by another mechanism is answered from memory, and not counted (rulings 7).
      const known = refused !== undefined && sameLogin(refused.credentials, credentials) ? refused.error : undefined
      if (known === undefined) yield* limiter.address(connection.clientAddress)
      const outcome = yield* known !== undefined
        ? Effect.succeed(Result.fail(known))
        : Effect.result(inSpan("authenticate", "internal", authenticate(credentials)))

      if (Result.isSuccess(outcome)) {
        yield* Effect.annotateLogsScoped({ authenticated_user: shownUserName(username) })
        yield* events.authenticated(command.mechanism)
        command.reply(SmtpReply.authenticated)
        const authenticated: State = { _tag: "Authenticated", identity: outcome.success, credentials }
        return authenticated
      }

      const error = outcome.failure
      yield* events.authenticationFailed(command.mechanism, username, error)
      if (error._tag !== "AuthenticationFailed" && error._tag !== "SecondFactorRequired") return yield* error
      events.failed(error)
      if (error._tag === "AuthenticationFailed" && error.reason === "credentials" && known === undefined) {
        yield* limiter.loginFailed(connection.clientAddress, { ...credentials, username })
      }
      command.reply(refused === undefined ? SmtpReply.fromError(error) : SmtpReply.closing(SmtpReply.fromError(error)))
      const closingSoon = yield* connection.close.pipe(Effect.delay(SECOND_LOGIN_WITHIN), Effect.forkScoped)
      const again: State = { _tag: "Greeted", refused: { credentials, error, closing: closingSoon } }
      return again
    })
  })

const sameLogin = (one: Credentials, other: Credentials): boolean =>
  one.username === other.username && Redacted.value(one.password) === Redacted.value(other.password)
