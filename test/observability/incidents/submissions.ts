/** Calls for a message that go wrong. */
import { assert } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { MARKS, markedData, openScene, sendMarked, USER } from "../../kit/Scene.ts"
import { eventually } from "../../kit/SandboxKit.ts"
import { startTcpGate } from "../../kit/TcpGate.ts"
import { startSandbox } from "../../kit/SandboxKit.ts"
import type { Incident } from "./Incident.ts"

/** Every status that has a label value of its own, and one of each class that has not. */
const STATUSES = [
  200, 201, 202, 204, 299, 301, 302, 303, 307, 308, 399, 400, 402, 403, 404, 405, 408, 409, 413, 415, 422, 425, 429,
  499, 500, 501, 502, 503, 504, 599
]

export const SUBMISSIONS: ReadonlyArray<Incident> = [
  {
    name: "every status that an API can answer",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, { settings: { api: { maxRetries: 0, poolSize: 7 } } })
      const wire = yield* scene.loggedIn()
      for (const status of STATUSES) {
        yield* scene.sandbox.inject({ endpoint: "emails", what: "status", status, body: { detail: `no ${status}` } })
        yield* sendMarked(wire)
      }
      yield* scene.scrape
    })
  },
  {
    name: "an API that fails now and then",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: { api: { maxRetries: 1, timeout: Duration.millis(500), authTimeout: Duration.millis(500) } }
      })
      const wire = yield* scene.loggedIn()
      yield* scene.sandbox.inject(
        { endpoint: "senders", what: "status", status: 500, next: 1 },
        { endpoint: "emails", what: "status", status: 503, next: 1 }
      )
      assert.match(yield* sendMarked(wire), /^250 /)
      for (const fault of [
        { what: "hang" },
        { what: "reset-after-body" },
        { what: "garbage", form: "invalid-json" },
        { what: "result", result: "error" },
        { what: "rate-limit", retryAfter: 9 }
      ] as const) {
        yield* scene.sandbox.inject({ endpoint: "emails", ...fault })
        assert.match(yield* sendMarked(wire), /^451 /)
      }
      yield* scene.scrape
    })
  },
  {
    name: "an API that is not there any more",
    happens: Effect.fnUntraced(function* (evidence) {
      const { url } = yield* startSandbox()
      const gate = yield* startTcpGate(Number(new URL(url).port))
      const scene = yield* openScene(evidence, {
        apiUrl: `http://127.0.0.1:${gate.port}`,
        settings: { api: { maxRetries: 0 } }
      })
      const wire = yield* scene.secure()
      yield* wire.login(USER, "demo")
      assert.match(yield* sendMarked(wire), /^250 /)
      yield* gate.shut
      assert.match(yield* sendMarked(wire), /^451 4\.4\.1 /)
      yield* scene.scrape
    })
  },
  {
    name: "recipients and senders that the API will not have",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence)
      const wire = yield* scene.loggedIn()
      yield* scene.sandbox.inject({
        endpoint: "emails",
        what: "refuse",
        recipient: "bad@example.com",
        reason: "bad@example.com is on a suppression list"
      })
      assert.match(yield* sendMarked(wire, { to: ["bad@example.com"] }), /^550 5\.1\.3 /)
      assert.match(yield* sendMarked(wire, { to: ["good@example.com", "bad@example.com"] }), /^250 /)
      yield* scene.sandbox.inject({ endpoint: "emails", what: "rate-limit", recipient: "bad@example.com" })
      assert.match(yield* sendMarked(wire, { to: ["bad@example.com"] }), /^451 /)
      yield* scene.scrape
    })
  },
  {
    name: "senders that are not confirmed",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, { sandbox: { confirmSenders: false } })
      const wire = yield* scene.loggedIn()
      for (const n of [1, 2, 3, 4, 5]) {
        assert.match(yield* sendMarked(wire, { from: `sender${n}@example.com` }), /^450 4\.7\.1 A confirmation/)
      }
      assert.match(yield* sendMarked(wire, { from: "sender6@example.com" }), /^450 4\.7\.1 Sender/)
      yield* scene.scrape
      const strict = yield* openScene(evidence, { settings: { api: { createSenders: false } } })
      assert.match(yield* sendMarked(yield* strict.loggedIn(), { from: "who@example.com" }), /^550 5\.7\.1 /)
      yield* strict.scrape
    })
  },
  {
    name: "a deadline that passes, and the same mail once more meanwhile",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, { settings: { api: { submitDeadline: Duration.seconds(3) } } })
      const [one, other] = [yield* scene.loggedIn(), yield* scene.loggedIn()]
      assert.match(yield* sendMarked(one), /^250 /)
      yield* scene.sandbox.inject({ endpoint: "emails", what: "hang" })
      const calls = yield* scene.sandbox.callsOf("emails")
      const mail = { headers: ["Message-ID: <deadline@example.com>"] }
      const first = yield* Effect.forkScoped(sendMarked(one, mail))
      yield* eventually(Effect.map(scene.sandbox.callsOf("emails"), (now) => now > calls))
      const second = yield* Effect.forkScoped(sendMarked(other, mail))
      yield* scene.scrape
      assert.match(yield* Fiber.join(first), /^451 4\.4\.1 /)
      assert.match(yield* Fiber.join(second), /^451 4\.3\.0 The same message/)
      // Accepted for the one who was first and the one who waited.
      yield* scene.sandbox.inject({ endpoint: "emails", what: "latency", latency: 300 })
      const replies = yield* Effect.forEach(
        [one, other],
        (wire) => sendMarked(wire, { headers: ["Message-ID: <both@example.com>"] }),
        {
          concurrency: 2
        }
      )
      for (const reply of replies) assert.match(reply, /^250 /)
      yield* scene.scrape
    })
  },
  {
    name: "an API that quotes what it was sent",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence)
      const wire = yield* scene.secure()
      assert.strictEqual((yield* wire.login(USER, MARKS.personalToken)).code, 235)
      yield* scene.sandbox.inject({
        endpoint: "emails",
        what: "status",
        status: 403,
        body: { detail: `the token ${MARKS.personalToken} may not send` }
      })
      assert.match(yield* sendMarked(wire), /^550 5\.7\.1 .*<redacted>/)
      yield* scene.scrape
    })
  },
  {
    name: "a client that does not wait for the API",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence)
      const patient = yield* scene.loggedIn()
      yield* scene.sandbox.inject({ endpoint: "*", what: "latency", latency: 500 })
      const gone = yield* scene.secure()
      yield* gone.send(`AUTH PLAIN ${Buffer.from(`\0${USER}\0${MARKS.wrongPassword}`).toString("base64")}\r\n`)
      const calls = yield* scene.sandbox.callsOf("token")
      yield* eventually(Effect.map(scene.sandbox.callsOf("token"), (now) => now > calls || now > 1))
      yield* gone.reset
      yield* eventually(Effect.sync(() => evidence.lines.some((line) => line.includes("api_request_abandoned"))))
      yield* patient.ask(`MAIL FROM:<${USER}>`)
      yield* patient.ask("RCPT TO:<to@example.com>")
      yield* patient.ask("DATA")
      yield* patient.send(markedData())
      yield* eventually(Effect.map(scene.sandbox.callsOf("senders"), (now) => now > 0))
      yield* scene.scrape
      assert.match((yield* patient.reply).raw, /^250 /)
      yield* scene.scrape
    })
  }
]
