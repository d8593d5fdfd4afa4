/** The user names of the services that people come from: beside a personal access token any of them goes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { SandboxAccount } from "../../src/services/Sandbox.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { startGatewayProcess } from "../kit/GatewayProcess.ts"
import { mailData } from "../kit/MailWire.ts"
import { startSandbox } from "../kit/SandboxKit.ts"
import { openSecureWire, type Wire } from "../kit/SmtpWire.ts"

const tokenOf = (digit: string): string => `ck_pat_${digit.repeat(40)}`

const account = (name: string, id: number): SandboxAccount => ({
  username: `${name}@example.com`,
  password: Redacted.make("demo"),
  accountIds: [id],
  personalAccessTokens: [Redacted.make(tokenOf(`${id}`))]
})

const start = startGateway({
  settings: { smtp: { showReference: false } },
  sandbox: { accounts: [account("one", 1), account("two", 2)] }
})

const GOOD = "235 2.7.0 Authentication successful"

const loggedIn = Effect.fnUntraced(function* (port: number, username: string, token: string) {
  const wire = yield* openSecureWire(port)
  assert.strictEqual((yield* wire.login(username, token)).raw, GOOD)
  return wire
})

const send = Effect.fnUntraced(function* (wire: Wire, mail: Parameters<typeof mailData>[0] = {}) {
  yield* wire.ask("MAIL FROM:<one@example.com>")
  yield* wire.ask("RCPT TO:<to@example.com>")
  yield* wire.ask("DATA")
  yield* wire.send(mailData({ from: "one@example.com", ...mail }))
  return (yield* wire.reply).raw
})

describe("beside a personal access token", () => {
  for (const username of ["apikey", "resend", "api", tokenOf("1")]) {
    it.live(`the user name ${username.replace(/^(ck_pat_).*/, "$1...")} logs in and sends`, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, smtpPort } = yield* start
          const wire = yield* loggedIn(smtpPort, username, tokenOf("1"))
          assert.match(yield* send(wire), /^250 2\.0\.0 /)
          assert.strictEqual((yield* sandbox.captured)[0]?.username, "one@example.com")
          assert.strictEqual(yield* sandbox.callsOf("token"), 0)
        })
      )
    )
  }

  it.live("a user name that many have cannot be suspended for all of them", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { smtpPort } = yield* start
        for (const digit of ["a", "b", "c", "d", "e", "f"]) {
          const wire = yield* openSecureWire(smtpPort)
          assert.strictEqual((yield* wire.login("apikey", tokenOf(digit))).code, 535)
        }
        yield* loggedIn(smtpPort, "apikey", tokenOf("1"))
      })
    )
  )

  it.live("two accounts with one user name are two: a mail of one is no duplicate of the other's", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPort } = yield* start
        const mail = { messageId: "<1@example.com>" }
        const one = yield* send(yield* loggedIn(smtpPort, "apikey", tokenOf("1")), mail)
        const two = yield* send(yield* loggedIn(smtpPort, "apikey", tokenOf("2")), mail)
        assert.match(two, /^250 2\.0\.0 /)
        assert.notStrictEqual(two, one)
        const users = (yield* sandbox.captured).map(({ username }) => username)
        assert.deepStrictEqual(users, ["one@example.com", "two@example.com"])
        assert.strictEqual(yield* send(yield* loggedIn(smtpPort, "resend", tokenOf("2")), mail), two)
      })
    )
  )

  it.live("the limit of an account is each token's own", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { smtpPort } = yield* startGateway({
          settings: { limits: { ratePerAccount: 1 } },
          sandbox: { accounts: [account("one", 1), account("two", 2)] }
        })
        const one = yield* loggedIn(smtpPort, "apikey", tokenOf("1"))
        assert.strictEqual((yield* one.ask("MAIL FROM:<one@example.com>")).code, 250)
        const two = yield* loggedIn(smtpPort, "apikey", tokenOf("2"))
        assert.strictEqual((yield* two.ask("MAIL FROM:<two@example.com>")).code, 250)
        const again = yield* loggedIn(smtpPort, "resend", tokenOf("1"))
        assert.strictEqual((yield* again.ask("MAIL FROM:<one@example.com>")).code, 451)
      })
    )
  )
})

it.live("no token is ever logged, wherever a client put it, and no metric has one", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const { url } = yield* startSandbox({ accounts: [account("one", 1)] })
      const { ended, httpUrl, log, signal, smtpPort } = yield* startGatewayProcess({
        apiUrl: url,
        environment: { LOG_LEVEL: "DEBUG", LOG_ADDRESSES: "full", AUTH_FAILURE_LIMIT: "2" }
      })
      const good = yield* loggedIn(smtpPort, tokenOf("1"), tokenOf("1"))
      assert.match(yield* send(good), /^250 /)
      const wrong: ReadonlyArray<readonly [username: string, password: string]> = [
        [tokenOf("a"), tokenOf("a")],
        ["apikey", tokenOf("b")],
        [tokenOf("1"), "hunter2"],
        [tokenOf("1"), "hunter3"],
        [tokenOf("1"), "hunter4"]
      ]
      for (const [username, password] of wrong) {
        const wire = yield* openSecureWire(smtpPort)
        assert.notStrictEqual((yield* wire.login(username, password)).code, 235)
      }
      const metrics = yield* Effect.promise(async () => (await fetch(`${httpUrl}/metrics`)).text())
      assert.notMatch(metrics, /ck_pat_|hunter/i)
      yield* signal("SIGTERM")
      yield* ended
      const lines = (yield* log).join("\n")
      assert.notMatch(lines, /ck_pat_|hunter/i)
      assert.match(lines, /"authenticated_user":"token-[0-9a-f]{16}"/)
      assert.include(lines, '"event":"auth_failed"')
    })
  )
)
