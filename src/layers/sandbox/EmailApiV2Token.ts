/** The login of `email-api-v2`: `POST /token`, and which account a call is for. */
import { randomUUID } from "node:crypto"
import { Clock, Duration, Effect } from "effect"
import type { SandboxAccount } from "../../services/Sandbox.ts"
import { type Accounts, isInboxName } from "./Accounts.ts"
import type { ApiEndpoint } from "./ApiEndpoint.ts"
import { isAddress } from "./EmailSyntax.ts"
import { type ApiIssue, businessRefusal, emailApiV2, invalidInteger, Refusal } from "./Refusal.ts"
import { formFields } from "./RequestBody.ts"

const TOKEN_LIFETIME: Duration.Input = "5 days"

/** The error code of a call for an account that the token does not reach. */
const NO_ACCESS_TO_ACCOUNT = 8004

export const makeTokenEndpoint = (accounts: Accounts): ApiEndpoint => ({
  name: "token",
  alias: "auth",
  contract: emailApiV2,
  success: 200,
  handle: Effect.fnUntraced(function* ({ body, http }) {
    const fields = formFields(http, body) ?? {}
    const account = yield* fields["grant_type"] === "refresh_token"
      ? refreshed(accounts, fields)
      : loggedIn(accounts, fields)
    const lifetime = yield* lifetimeOf(account, fields)
    yield* checkAccount(account, fields["account_id"], ["body", "account_id"])
    const now = yield* Clock.currentTimeMillis
    const issued = accounts.issue(account, "", lifetime, now)
    return {
      access_token: issued.accessToken,
      token_type: "bearer",
      expires_in: issued.expiresIn,
      refresh_token: issued.refreshToken,
      accounts: account.accountIds
    }
  })
})

/** The account id that is meant, if the login reaches it. */
export const checkAccount = (
  account: SandboxAccount,
  asked: string | undefined,
  path: ReadonlyArray<string>
): Effect.Effect<number, Refusal> => {
  if (asked === undefined) return Effect.succeed(account.accountIds[0])
  const accountId = Number(asked)
  if (!/^\d+$/.test(asked)) return Effect.fail(invalidInteger(path))
  return account.accountIds.includes(accountId)
    ? Effect.succeed(accountId)
    : Effect.fail(businessRefusal(path, "No access to this account", NO_ACCESS_TO_ACCOUNT))
}

const missing = (name: string): ApiIssue => ({ path: [name], message: "field required", type: "value_error.missing" })

const loggedIn = (
  accounts: Accounts,
  fields: Readonly<Record<string, string>>
): Effect.Effect<SandboxAccount, Refusal> => {
  const { grant_type: grantType, password, username } = fields
  if (grantType !== undefined && grantType !== "password") {
    return Effect.fail(
      emailApiV2.invalid([
        { path: ["grant_type"], message: 'string does not match regex "password"', type: "value_error.str.regex" }
      ])
    )
  }
  if (grantType === undefined || username === undefined || password === undefined) {
    const absent = ["grant_type", "username", "password"].filter((name) => fields[name] === undefined)
    return Effect.fail(emailApiV2.invalid(absent.map(missing)))
  }
  // Cakemail knows addresses alone; an inbox is the sandbox's own.
  if (!isAddress(username) && !isInboxName(username)) {
    return Effect.fail(
      emailApiV2.invalid([
        { path: ["username"], message: "value is not a valid email address", type: "value_error.email" }
      ])
    )
  }
  const account = accounts.login(username, password)
  if (account === undefined) return Effect.fail(emailApiV2.failure(401, "Incorrect username or password"))
  // Not a refusal in itself, but no token either: the body is the same with both statuses.
  return account.secondFactor === undefined
    ? Effect.succeed(account)
    : Effect.fail(new Refusal({ status: account.secondFactor, body: { challenge: randomUUID() } }))
}

const refreshed = (
  accounts: Accounts,
  fields: Readonly<Record<string, string>>
): Effect.Effect<SandboxAccount, Refusal> => {
  const refreshToken = fields["refresh_token"]
  if (refreshToken === undefined) return Effect.fail(emailApiV2.invalid([missing("refresh_token")]))
  const account = accounts.refresh(refreshToken)
  return account === undefined
    ? Effect.fail(emailApiV2.failure(401, "Could not validate credentials"))
    : Effect.succeed(account)
}

const lifetimeOf = (
  account: SandboxAccount,
  fields: Readonly<Record<string, string>>
): Effect.Effect<Duration.Duration, Refusal> => {
  const asked = fields["expiration_seconds"]
  if (asked === undefined) return Effect.succeed(Duration.fromInputUnsafe(account.tokenLifetime ?? TOKEN_LIFETIME))
  return /^\d{3,9}$/.test(asked) && Number(asked) >= 600
    ? Effect.succeed(Duration.seconds(Number(asked)))
    : Effect.fail(
        emailApiV2.invalid([
          {
            path: ["expiration_seconds"],
            message: "ensure this value is greater than or equal to 600",
            type: "value_error.number.not_ge"
          }
        ])
      )
}
