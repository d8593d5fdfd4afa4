/** Logins checked against the Cakemail API, remembered by the AuthCache. */
import { Duration, Effect, Layer } from "effect"
import {
  type ApiCallError,
  type AuthenticationError,
  type AuthenticationFailed,
  AuthenticationUnavailable,
  type SecondFactorRequired
} from "../../domain/GatewayError.ts"
import type { Credentials, Identity } from "../../domain/Identity.ts"
import { AuthCache } from "../../services/AuthCache.ts"
import { Authenticator } from "../../services/Authenticator.ts"
import { CakemailClient } from "../../services/CakemailClient.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import type { Metrics } from "../../services/Metrics.ts"
import { RateLimiter } from "../../services/RateLimiter.ts"
import type { Readiness } from "../../services/Readiness.ts"
import { loginName } from "./PersonalAccessToken.ts"
import { inSpan } from "../telemetry/spans.ts"
import { makeRetries } from "./retries.ts"

export const AuthenticatorLive: Layer.Layer<
  Authenticator,
  never,
  AuthCache | CakemailClient | GatewayConfig | Metrics | RateLimiter | Readiness
> = Layer.effect(
  Authenticator,
  Effect.gen(function* () {
    const { api } = yield* GatewayConfig
    const cache = yield* AuthCache
    const client = yield* CakemailClient
    const limiter = yield* RateLimiter
    const retry = yield* makeRetries
    const timeout = Duration.toMillis(api.authTimeout)
    /** AUTH_TIMEOUT is for all calls together: each ends by itself when the time is over, so that the breaker counts it. */
    const askApi = (credentials: Credentials): Effect.Effect<Identity, AuthenticationError> =>
      Effect.clockWith((clock) => {
        const endsAt = clock.currentTimeMillisUnsafe() + timeout
        const call = Effect.suspend(() =>
          client.login(credentials, Duration.millis(endsAt - clock.currentTimeMillisUnsafe()))
        )
        return Effect.mapError(inSpan("login", "client", retry("login", call, endsAt)), toAuthenticationError)
      })

    // A name under attack is asked about no more; what the cache knows as good passes all the same (rulings 7).
    const login = (credentials: Credentials): Effect.Effect<Identity, AuthenticationError> =>
      Effect.suspend(() => {
        const tried = { ...credentials, username: loginName(credentials) }
        return Effect.andThen(limiter.login(tried), askApi(credentials))
      }).pipe(Effect.scoped)

    return Authenticator.of({
      authenticate: (credentials) => cache.getOrLogin(credentials, login(credentials)),
      renew: (credentials, stale) =>
        Effect.andThen(cache.invalidate(credentials, stale), cache.getOrLogin(credentials, login(credentials)))
    })
  })
)

const toAuthenticationError = (
  error: AuthenticationFailed | SecondFactorRequired | ApiCallError
): AuthenticationError => {
  switch (error._tag) {
    case "AuthenticationFailed":
    case "SecondFactorRequired":
    case "CircuitOpen":
      return error
    default:
      return new AuthenticationUnavailable({ cause: causeOf(error) })
  }
}

const causeOf = (error: Exclude<ApiCallError, { readonly _tag: "CircuitOpen" }>): string => {
  switch (error._tag) {
    case "ApiFailed":
      return `the API answered ${error.status}`
    case "ApiRateLimited":
      return "the API answered 429"
    case "TokenRejected":
      return "the API answered 401"
    case "ApiUnreachable":
      return `not reached: ${error.cause}`
    case "ApiOutcomeUnknown":
      return `${error.kind}: ${error.cause}`
    case "ApiAnswerUnreadable":
      return `unreadable answer: ${error.cause}`
  }
}
