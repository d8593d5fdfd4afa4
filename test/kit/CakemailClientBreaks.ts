/** What is known of a submission whose answer does not come, whatever the wire contract. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { CakemailClient } from "../../src/services/CakemailClient.ts"
import { layerClient, submit, withApiOf, type WireContract } from "./CakemailClientKit.ts"
import { aMessage, anIdentity } from "./mail.ts"
import { MetricsRecorder } from "./MetricsRecorder.ts"
import { deadPort } from "./ScriptedApi.ts"
import { eventually } from "./SandboxKit.ts"

export const breakContract = (wire: WireContract): void => {
  const withApi = withApiOf(wire)

  describe("submit, when the way breaks", () => {
    for (const how of ["reset", "reset-early"] as const) {
      it.effect(`has an unknown outcome after a ${how}`, () =>
        withApi((api) =>
          Effect.gen(function* () {
            api.script(wire.submitRoute, how)
            const error = yield* Effect.flip(submit)
            assert.strictEqual(error._tag, "ApiOutcomeUnknown")
            assert.strictEqual(error._tag === "ApiOutcomeUnknown" ? error.kind : "", "reset")
            const { value } = yield* MetricsRecorder
            assert.strictEqual(value("smtp_api_errors_total", { error_type: "reset", status_code: "reset" }), 1)
            assert.strictEqual(value("smtp_api_latency_seconds", { endpoint: "submit", status_code: "reset" }), 1)
          })
        )
      )
    }

    it.effect("has an unknown outcome when nobody answers in API_TIMEOUT", () =>
      withApi(
        (api) => {
          api.script(wire.submitRoute, "hang")
          return Effect.map(Effect.flip(submit), (error) => {
            assert.strictEqual(error._tag, "ApiOutcomeUnknown")
            assert.strictEqual(error._tag === "ApiOutcomeUnknown" ? error.kind : "", "timeout")
          })
        },
        { api: { timeout: Duration.millis(200) } }
      )
    )

    it.effect("to nobody has not been sent", () =>
      Effect.gen(function* () {
        const port = yield* deadPort
        const prepared = { bodyFor: () => [Buffer.from("{}")], sharedBytes: 0, query: "" }
        const program = Effect.gen(function* () {
          const client = yield* CakemailClient
          const error = yield* Effect.flip(client.submit(anIdentity(), prepared, "a@example.org"))
          assert.strictEqual(error._tag, "ApiUnreachable")
          assert.include(error._tag === "ApiUnreachable" ? error.cause : "", "ECONNREFUSED")
          const { value } = yield* MetricsRecorder
          assert.strictEqual(
            value("smtp_api_errors_total", { error_type: "unreachable", status_code: "unreachable" }),
            1
          )
          const pinged = yield* Effect.flip(client.ping)
          assert.strictEqual(pinged._tag, "ApiUnreachable")
        })
        yield* Effect.provide(program, layerClient(wire.contract, `http://127.0.0.1:${port}`))
      })
    )

    it.effect("whose answer breaks off after the status counts by its status", () =>
      withApi((api) =>
        Effect.gen(function* () {
          api.script(wire.submitRoute, { status: 201, body: `{"data":{"id":"x"`, cutAt: 5 })
          assert.strictEqual((yield* Effect.flip(submit))._tag, "ApiAnswerUnreadable")
          api.script(wire.submitRoute, { status: 503, body: "x".repeat(100), cutAt: 5 })
          assert.strictEqual((yield* Effect.flip(submit))._tag, "ApiFailed")
          api.script(wire.submitRoute, { status: 400, body: "x".repeat(100), cutAt: 5 })
          assert.strictEqual((yield* Effect.flip(submit))._tag, "SubmissionRejected")
        })
      )
    )

    it.effect("does not read an endless answer", () =>
      withApi((api) =>
        Effect.gen(function* () {
          api.script(wire.submitRoute, { status: 201, body: " ".repeat(3 * 1024 * 1024) })
          assert.strictEqual((yield* Effect.flip(submit))._tag, "ApiAnswerUnreadable")
        })
      )
    )

    it.effect("works on after every kind of failure", () =>
      withApi((api) =>
        Effect.gen(function* () {
          api.script(
            wire.submitRoute,
            "reset",
            { status: 500 },
            "reset-early",
            { status: 201, body: "garbage" },
            { status: 201, body: "0123456789", cutAt: 3 },
            { status: 201, body: wire.submitAnswer("at last", "queued") }
          )
          for (let call = 0; call < 5; call++) yield* Effect.flip(submit)
          assert.strictEqual((yield* submit).messageId, "at last")
        })
      )
    )

    it.effect("is broken off by interruption, and a call that waits for a connection is never made", () =>
      withApi(
        (api) =>
          Effect.gen(function* () {
            const client = yield* CakemailClient
            const prepared = yield* client.prepare(anIdentity(), aMessage())
            api.script(wire.submitRoute, "hang")
            const before = api.requests.length
            const first = yield* Effect.forkChild(client.submit(anIdentity(), prepared, "first@example.org"))
            yield* eventually(Effect.sync(() => api.requests.length === before + 1))
            const second = yield* Effect.forkChild(client.submit(anIdentity(), prepared, "second@example.org"), {
              startImmediately: true
            })
            yield* Fiber.interrupt(second)
            yield* Fiber.interrupt(first)
            yield* eventually(Effect.sync(() => api.abandoned() === 1))
            api.script(wire.submitRoute, { status: 201, body: wire.submitAnswer("id-3", "queued") })
            yield* client.submit(anIdentity(), prepared, "third@example.org")
            const recipients = api.requests.slice(before).map(({ body }) => wire.recipientOf(JSON.parse(body)))
            assert.deepStrictEqual(recipients, ["first@example.org", "third@example.org"])
          }),
        // Longer than the test may take: only the interruption ends the call.
        { api: { poolSize: 1, timeout: Duration.minutes(2), authTimeout: Duration.minutes(2) } }
      )
    )
  })
}
