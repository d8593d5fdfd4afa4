/** What a login is, and what becomes of one that fails, whatever the wire contract. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { CakemailClient } from "../../src/services/CakemailClient.ts"
import { login, withApiOf, type WireContract } from "./CakemailClientKit.ts"
import { credentials } from "./mail.ts"

export const loginContract = (wire: WireContract): void => {
  const withApi = withApiOf(wire)

  describe("login", () => {
    it.effect("gives the token and its end", () =>
      withApi(() =>
        Effect.map(login, (identity) => {
          assert.strictEqual(Redacted.value(identity.token), "token-1")
          assert.strictEqual(identity.username, "user@example.com")
          // The test clock stands at 0.
          assert.strictEqual(identity.expiresAt, 3_600_000)
        })
      )
    )

    it.effect("carries any user name and password unharmed", () =>
      withApi((api) =>
        Effect.gen(function* () {
          const client = yield* CakemailClient
          const username = "a+b&c=d@example.com"
          const password = "pa+ss wörd&=%2B'()*!~€😀"
          yield* client.login(credentials(username, password))
          assert.deepStrictEqual(wire.loginRequest(api.requests.at(-1)!.body), { username, password })
        })
      )
    )

    const failures: ReadonlyArray<readonly [number, unknown, string, { readonly [field: string]: unknown }]> = [
      [401, { detail: "no" }, "AuthenticationFailed", { reason: "credentials" }],
      [400, { detail: "no" }, "AuthenticationFailed", { reason: "malformed" }],
      [403, {}, "AuthenticationFailed", { reason: "malformed" }],
      [422, { detail: [] }, "AuthenticationFailed", { reason: "malformed" }],
      [401, { challenge: "otp" }, "SecondFactorRequired", {}],
      [200, { challenge: "otp" }, "SecondFactorRequired", {}],
      [429, {}, "ApiRateLimited", { retryAfter: 60 }],
      [500, {}, "ApiFailed", { status: 500 }],
      [503, "<html>", "ApiFailed", { status: 503 }],
      [302, "", "ApiFailed", { status: 302 }],
      [200, "not json", "ApiAnswerUnreadable", { status: 200 }],
      [200, {}, "ApiAnswerUnreadable", { status: 200 }]
    ]
    for (const [status, body, tag, fields] of failures) {
      it.effect(`${status} ${JSON.stringify(body)} is ${tag}`, () =>
        withApi((api) => {
          api.script(wire.loginRoute, { status, body })
          return Effect.map(Effect.flip(login), (error) => {
            assert.strictEqual(error._tag, tag)
            for (const [field, value] of Object.entries(fields)) {
              assert.strictEqual(Object.getOwnPropertyDescriptor(error, field)?.value, value)
            }
          })
        })
      )
    }

    it.effect("refuses a token that would break the request", () =>
      withApi((api) => {
        api.script(wire.loginRoute, { status: 200, body: wire.loginAnswer("a\r\nx: y", 60) })
        return Effect.map(Effect.flip(login), (error) => {
          assert.strictEqual(error._tag, "ApiAnswerUnreadable")
          assert.notInclude(JSON.stringify(error), "x: y")
        })
      })
    )

    it.effect("that nobody answers in AUTH_TIMEOUT has an unknown outcome", () =>
      withApi(
        (api) => {
          api.script(wire.loginRoute, "hang")
          return Effect.map(Effect.flip(login), (error) => {
            assert.strictEqual(error._tag, "ApiOutcomeUnknown")
            assert.strictEqual(error._tag === "ApiOutcomeUnknown" ? error.kind : "", "timeout")
          })
        },
        { api: { authTimeout: Duration.millis(200) } }
      )
    )
  })
}
