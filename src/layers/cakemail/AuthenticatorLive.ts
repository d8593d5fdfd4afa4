/** Logins checked against the Cakemail API, remembered by the AuthCache. */
import { Effect, Layer } from "effect"
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
import { Metrics } from "../../services/Metrics.ts"
import type { Readiness } from "../../services/Readiness.ts"
import { makeRetries } from "./retries.ts"

export const AuthenticatorLive: Layer.Layer<
  Authenticator,
  never,
  AuthCache | CakemailClient | GatewayConfig | Metrics | Readiness
> = Layer.effect(
  Authenticator,
  Effect.gen(function* () {
    const { api } = yield* GatewayConfig
    const cache = yield* AuthCache
    const client = yield* CakemailClient
    const metrics = yield* Metrics
    const retry = yield* makeRetries
    const attempts = metrics.counter({
      name: "smtp_auth_attempts_total",
      help: "Logins by AUTH, remembered ones included",
      labels: ["result"]
    })
    const failures = metrics.counter({
      name: "smtp_auth_failures_total",
      help: "Logins by AUTH that did not succeed",
      labels: ["reason"]
    })

    /** All calls together stay within AUTH_TIMEOUT. */
    const login = (credentials: Credentials): Effect.Effect<Identity, AuthenticationError> =>
      retry("login", client.login(credentials)).pipe(
        Effect.mapError(toAuthenticationError),
        Effect.timeoutOrElse({
          duration: api.authTimeout,
          orElse: () => Effect.fail(new AuthenticationUnavailable({ cause: "AUTH_TIMEOUT passed" }))
        })
      )

    const authenticate = Effect.fn("Authenticator.authenticate")((credentials: Credentials) =>
      cache.getOrLogin(credentials, login(credentials)).pipe(
        Effect.tap(() => Effect.sync(() => attempts.increment({ result: "success" }))),
        Effect.tapError((error) =>
          Effect.sync(() => {
            attempts.increment({ result: RESULT[error._tag] })
            failures.increment({ reason: reasonOf(error) })
          })
        )
      )
    )

    const renew = Effect.fn("Authenticator.renew")((credentials: Credentials, stale: Identity) =>
      Effect.andThen(cache.invalidate(credentials, stale), cache.getOrLogin(credentials, login(credentials)))
    )

    return Authenticator.of({ authenticate, renew })
  })
)

type Failure = AuthenticationError["_tag"]

/** The label `result`: with `unavailable` nobody knows whether the password was right. */
const RESULT: { readonly [Tag in Failure]: "failure" | "unavailable" } = {
  AuthenticationFailed: "failure",
  SecondFactorRequired: "failure",
  LoginSuspended: "failure",
  AuthenticationUnavailable: "unavailable",
  CircuitOpen: "unavailable"
}

const REASON: { readonly [Tag in Exclude<Failure, "AuthenticationFailed">]: string } = {
  SecondFactorRequired: "second_factor",
  LoginSuspended: "suspended",
  AuthenticationUnavailable: "unavailable",
  CircuitOpen: "circuit_open"
}

/** The label `reason`. */
const reasonOf = (error: AuthenticationError): string =>
  error._tag === "AuthenticationFailed" ? error.reason : REASON[error._tag]

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
