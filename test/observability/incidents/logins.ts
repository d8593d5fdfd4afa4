/** Logins that fail, and why. */
import { assert } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { MARKS, openScene, SECOND_FACTOR_USER, sendMarked, USER } from "../../kit/Scene.ts"
import { eventually } from "../../kit/SandboxKit.ts"
import { testSettings } from "../../kit/SettingsKit.ts"
import type { Incident } from "./Incident.ts"

export const LOGINS: ReadonlyArray<Incident> = [
  {
    name: "wrong passwords, until the address is blocked and the name suspended",
    happens: Effect.fnUntraced(function* (evidence) {
      const limits = { ...testSettings.limits, authFailureLimit: 2 }
      const scene = yield* openScene(evidence, { settings: { limits, trustedNetworks: [] } })
      for (const n of [1, 2]) {
        assert.match(yield* scene.tryLogin(USER, `${MARKS.wrongPassword}-${n}`), /^535 /)
      }
      assert.match((yield* (yield* scene.plain()).reply).raw, /^421 4\.7\.0 Too many failed logins/)
      const other = { localAddress: "127.0.0.2" }
      assert.match(yield* scene.tryLogin(USER, MARKS.wrongPassword, other), /^454 4\.7\.0 /)
      yield* scene.scrape
      // A token as the name, with passwords that are not it; this contract takes any text for a name.
      const another = yield* openScene(evidence, { settings: { limits, api: { contract: "gateway-v1" } } })
      for (const n of [1, 2]) {
        assert.match(yield* another.tryLogin(MARKS.personalToken, `${MARKS.wrongPassword}-${n}`), /^535 /)
      }
      assert.match(yield* another.tryLogin(MARKS.personalToken, MARKS.wrongPassword), /^454 4\.7\.0 /)
    })
  },
  {
    name: "logins that the API does not understand, or that want more",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence)
      assert.match(yield* scene.tryLogin("nobody", MARKS.wrongPassword), /^535 /)
      assert.match(yield* scene.tryLogin(SECOND_FACTOR_USER, MARKS.password), /^535 .*multi-factor/)
      yield* scene.scrape
    })
  },
  {
    name: "an API that fails logins, until its circuit opens, and recovers",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: {
          api: { maxRetries: 1 },
          circuitBreaker: { ...testSettings.circuitBreaker, minimumCalls: 4, openDuration: Duration.millis(300) }
        }
      })
      yield* scene.scrape
      yield* scene.sandbox.inject({ endpoint: "token", what: "status", status: 500 })
      for (const _ of [1, 2]) assert.match(yield* scene.tryLogin(USER, MARKS.password), /^451 4\.7\.0 /)
      assert.match(yield* scene.tryLogin(USER, MARKS.password), /^451 4\.3\.2 /)
      yield* scene.scrape
      yield* scene.sandbox.inject()
      // Each login is another one, so that none is remembered.
      let tried = 0
      yield* eventually(
        Effect.map(scene.tryLogin(`nobody-${tried++}@example.com`, MARKS.wrongPassword), () =>
          evidence.lines.some((line) => line.includes("circuit_breaker_closed"))
        )
      )
      yield* scene.scrape
    })
  },
  {
    name: "an API that answers a login with what it must not",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: { api: { maxRetries: 0, authTimeout: Duration.millis(300) } }
      })
      for (const form of ["invalid-json", "truncated", "wrong-schema", "empty"] as const) {
        yield* scene.sandbox.inject({ endpoint: "token", what: "garbage", form })
        assert.match(yield* scene.tryLogin(USER, MARKS.password), /^451 /)
      }
      yield* scene.sandbox.inject({
        endpoint: "token",
        what: "status",
        status: 422,
        body: {
          detail: [{ loc: ["body", "password"], msg: `not ${MARKS.password}`, input: { password: MARKS.password } }]
        }
      })
      assert.match(yield* scene.tryLogin(USER, MARKS.password), /^535 /)
      yield* scene.sandbox.inject({ endpoint: "token", what: "hang" })
      assert.match(yield* scene.tryLogin(USER, MARKS.password), /^451 /)
      yield* scene.scrape
    })
  },
  {
    name: "a token that ends in mid-session, and a password that was changed",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence)
      const wire = yield* scene.loggedIn()
      yield* scene.sandbox.sandbox.revokeTokens
      assert.match(yield* sendMarked(wire), /^250 /)
      yield* scene.sandbox.inject({ endpoint: "emails", what: "status", status: 401 })
      assert.match(yield* sendMarked(wire), /^535 /)
      yield* scene.sandbox.inject()
      const other = yield* scene.loggedIn()
      yield* scene.sandbox.sandbox.revokeTokens
      yield* scene.sandbox.inject({ endpoint: "token", what: "status", status: 401 })
      assert.match(yield* sendMarked(other), /^535 /)
      yield* scene.scrape
    })
  }
]
