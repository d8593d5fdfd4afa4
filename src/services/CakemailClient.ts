import { Context, type Duration, type Effect } from "effect"
import type { Email } from "../domain/Email.ts"
import type { Envelope } from "../domain/Envelope.ts"
import type {
  ApiCallError,
  AuthenticationFailed,
  PrepareError,
  SecondFactorRequired,
  SubmitError
} from "../domain/GatewayError.ts"
import type { Credentials, Identity } from "../domain/Identity.ts"
import type { SubmissionReceipt, Transit } from "../domain/Submission.ts"

/**
 * A message as the API wants it, encoded once for all recipients: the request body with a hole where the
 * recipient goes.
 */
export interface PreparedMessage {
  /** The request body for one recipient: a few bytes of its own between bytes that all recipients share. */
  readonly bodyFor: (recipient: string) => ReadonlyArray<Uint8Array>
  /** Bytes of the shared part. */
  readonly sharedBytes: number
  /** Query parameters of the submission, already encoded, with `?`; empty when there are none. */
  readonly query: string
  /** The mail asks to be accepted and not sent: `submit` makes no call. */
  readonly testMode?: boolean
}

/** What a submission consists of, before it is encoded for a contract. */
export interface MessageToPrepare {
  readonly email: Email
  readonly envelope: Envelope
  readonly transit: Transit
  /** It is sent again to some of its recipients alone: the envelope does not tell of the others. */
  readonly isReplay?: boolean
  /** Asked for so many bytes more before they are kept. */
  readonly room: (bytes: number) => boolean
}

/**
 * The Cakemail API, one implementation for each wire contract. Every method is a single attempt: retries are
 * the caller's, so that they can be counted against one deadline.
 */
export class CakemailClient extends Context.Service<
  CakemailClient,
  {
    /** A call that is not over `within` that time, AUTH_TIMEOUT unless given, fails as one that timed out. */
    readonly login: (
      credentials: Credentials,
      within?: Duration.Duration
    ) => Effect.Effect<Identity, AuthenticationFailed | SecondFactorRequired | ApiCallError>
    /** Finds the sender, maps headers and attachments, encodes the body. */
    readonly prepare: (identity: Identity, message: MessageToPrepare) => Effect.Effect<PreparedMessage, PrepareError>
    readonly submit: (
      identity: Identity,
      prepared: PreparedMessage,
      recipient: string
    ) => Effect.Effect<SubmissionReceipt, SubmitError>
    /** One call without credentials that any answer below 500 satisfies: `check` tells whether the API can be reached. */
    readonly ping: Effect.Effect<void, ApiCallError>
  }
>()("gateway/services/CakemailClient") {}
