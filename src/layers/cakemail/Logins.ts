/** What both contracts say of a login. */
import { Duration, type Effect, Schema } from "effect"
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

/**
 * Milliseconds for one call of a login. Less than AUTH_TIMEOUT, which bounds all its calls: a call that hangs has to end
 * by itself, or the circuit breaker would take it for one that nobody wanted any more.
 */
export const loginCallTimeout = (authTimeout: Duration.Duration): number =>
  Math.ceil(Duration.toMillis(authTimeout) * 0.6)
