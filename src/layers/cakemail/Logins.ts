/** What both contracts say of a login. */
import { type Effect, Schema } from "effect"
import type {
  ApiAnswerUnreadable,
  ApiFailed,
  ApiRateLimited,
  AuthenticationFailed,
  SecondFactorRequired
} from "../../domain/GatewayError.ts"
import type { Identity } from "../../domain/Identity.ts"

export type LoginAnswer = Effect.Effect<
  Identity,
  AuthenticationFailed | SecondFactorRequired | ApiRateLimited | ApiFailed | ApiAnswerUnreadable
>

/** RFC 6750 section 2.1 is narrower; what matters is that it fits into a header. */
export const BearerToken = Schema.String.check(Schema.isPattern(/^[\x21-\x7e]+$/))
