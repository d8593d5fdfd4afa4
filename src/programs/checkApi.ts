import { Effect, Match, Redacted, Result } from "effect"
import type { ApiCallError, AuthenticationFailed, SecondFactorRequired } from "../domain/GatewayError.ts"
import { readSetting } from "../layers/config/source.ts"
import { CakemailClient } from "../services/CakemailClient.ts"
import type { GatewaySettings } from "../services/GatewayConfig.ts"
import { type Finding, ok, problem } from "./findings.ts"

/** Whether the API answers at all. */
export const checkApi = Effect.fnUntraced(function* (settings: GatewaySettings) {
  const client = yield* CakemailClient
  const { contract, url } = settings.api
  return yield* client.ping.pipe(
    Effect.match({
      onSuccess: () => ok(API, `${url} answers (contract ${contract})`),
      onFailure: (error) => apiProblem(API, url, error)
    })
  )
})

/** Whether the API takes the login of CHECK_USERNAME, or of `username`, and CHECK_PASSWORD. */
export const checkLogin = Effect.fnUntraced(function* (settings: GatewaySettings, username: string | undefined) {
  const client = yield* CakemailClient
  const credentials = yield* Effect.result(readCredentials(username))
  if (Result.isFailure(credentials)) {
    return problem(LOGIN, credentials.failure.message, "correct the environment or .env")
  }
  const { name, password } = credentials.success
  if (name === undefined || password === undefined) {
    const missing = name === undefined ? "no user name" : "no password"
    return problem(LOGIN, missing, "give CHECK_USERNAME (or --username) and CHECK_PASSWORD in the environment or .env")
  }
  return yield* client.login({ username: name, password }).pipe(
    Effect.match({
      onSuccess: ({ accountId }) =>
        ok(LOGIN, accountId === undefined ? `${name} can log in` : `${name} can log in, account ${accountId}`),
      onFailure: (error) => loginProblem(name, settings.api.url, error)
    })
  )
})

const API = "API"
const LOGIN = "Login"

const readCredentials = (username: string | undefined) =>
  Effect.gen(function* () {
    const name = username ?? (yield* readSetting("CHECK_USERNAME"))
    const password = yield* readSetting("CHECK_PASSWORD")
    return { name, password: password === undefined ? undefined : Redacted.make(password) }
  })

const loginProblem = (
  name: string,
  url: string,
  error: AuthenticationFailed | SecondFactorRequired | ApiCallError
): Finding => {
  switch (error._tag) {
    case "AuthenticationFailed":
      return problem(
        LOGIN,
        error.reason === "credentials"
          ? `the API refused the password of ${name}`
          : `the API could not read ${name} as a user name`,
        "check the user name, an e-mail address, and the password of the Cakemail account"
      )
    case "SecondFactorRequired":
      return problem(
        LOGIN,
        `${name} needs a second factor, which SMTP cannot ask for`,
        "use a personal access token as the password"
      )
    default:
      return apiProblem(LOGIN, url, error)
  }
}

const apiProblem = (subject: string, url: string, error: ApiCallError): Finding => {
  const [text, advice] = Match.valueTags(error, {
    ApiUnreachable: ({ cause }) => [`cannot be reached: ${cause}`, REACH],
    ApiOutcomeUnknown: ({ cause, kind }) => [`gave no answer (${kind}: ${cause})`, REACH],
    ApiFailed: ({ status }) => [`answers with status ${status}`, "the API has trouble of its own: try again later"],
    ApiAnswerUnreadable: ({ cause, status }) => [
      `answers ${status} with what the contract does not know: ${cause}`,
      CONTRACT
    ],
    ApiRateLimited: ({ retryAfter }) => ["limits the rate of calls", `try again in ${retryAfter} seconds`],
    TokenRejected: () => ["refuses the token that it gave", CONTRACT],
    CircuitOpen: () => ["failed too often a moment ago", "try again later"]
  } satisfies {
    readonly [Tag in ApiCallError["_tag"]]: (
      error: Extract<ApiCallError, { readonly _tag: Tag }>
    ) => readonly [string, string]
  })
  return problem(subject, `${url} ${text}`, advice)
}

const REACH = "check CAKEMAIL_API_URL, the network, and if they are needed HTTPS_PROXY and CAKEMAIL_CA_PATH"
const CONTRACT = "check that CAKEMAIL_API_URL and CAKEMAIL_API_CONTRACT belong together"
