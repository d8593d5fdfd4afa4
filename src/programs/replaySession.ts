/** Who dead letters are sent as, and the calls that sending one takes. */
import { Effect, Redacted } from "effect"
import type {
  ApiCallError,
  AuthenticationFailed,
  GatewayError,
  SecondFactorRequired,
  SubmitError
} from "../domain/GatewayError.ts"
import type { Credentials, Identity } from "../domain/Identity.ts"
import type { SubmissionReceipt } from "../domain/Submission.ts"
import type { StoredLetter } from "../layers/protection/deadLetterFiles.ts"
import { CakemailClient, type PreparedMessage } from "../services/CakemailClient.ts"
import { MailParser } from "../services/MailParser.ts"

type LoginError = AuthenticationFailed | SecondFactorRequired | ApiCallError

export interface ReplaySession {
  /** Of letters that were sent with the same login. */
  readonly username: string
  /** `undefined` when the API decides by the token. */
  readonly accountId: number | undefined
  readonly prepare: (letter: StoredLetter, raw: Uint8Array) => Effect.Effect<PreparedMessage, GatewayError>
  /** One call; a second one only where the API said for certain that it took nothing. */
  readonly submit: (
    prepared: PreparedMessage,
    recipient: string
  ) => Effect.Effect<SubmissionReceipt, SubmitError | LoginError>
}

/** Logs in; the token is renewed when the API refuses it later on. */
export const openReplaySession = Effect.fnUntraced(function* (username: string, password: string) {
  const client = yield* CakemailClient
  const parser = yield* MailParser
  const credentials: Credentials = { username, password: Redacted.make(password) }
  let identity = yield* client.login(credentials)

  const withToken = <A, E extends GatewayError>(
    call: (identity: Identity) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | LoginError> =>
    Effect.suspend(() => call(identity)).pipe(
      Effect.catchIf(
        (error) => error._tag === "TokenRejected",
        () =>
          Effect.flatMap(client.login(credentials), (renewed) => {
            identity = renewed
            return call(renewed)
          })
      )
    )

  const session: ReplaySession = {
    username: identity.username,
    accountId: identity.accountId,
    prepare: (letter, raw) =>
      Effect.flatMap(parser.parse(raw), (email) => {
        const envelope = { sender: letter.sender, recipients: [letter.recipient], smtpUtf8: letter.smtp_utf8 }
        const transit = {
          clientAddress: letter.client_address,
          clientName: letter.client_name,
          protocol: letter.protocol,
          receivedAt: letter.received_at
        }
        return withToken((token) =>
          client.prepare(token, { email, envelope, transit, isReplay: true, room: () => true })
        )
      }),
    submit: (prepared, recipient) => {
      const call = withToken((token) => client.submit(token, prepared, recipient))
      return Effect.catchTag(call, "ApiRateLimited", ({ retryAfter }) =>
        Effect.andThen(Effect.sleep(Math.min(retryAfter, MAX_PAUSE) * 1_000), call)
      )
    }
  }
  return session
})

/** Seconds; an API that wants a longer pause gets the rest of the letters in another replay. */
const MAX_PAUSE = 60
