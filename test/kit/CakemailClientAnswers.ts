/** What each answer to a submission means, whatever the wire contract. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { USER_AGENT } from "../../src/layers/cakemail/ApiTransport.ts"
import { CakemailClient } from "../../src/services/CakemailClient.ts"
import { layerClient, submit, withApiOf, type WireContract } from "./CakemailClientKit.ts"
import { anIdentity } from "./mail.ts"
import { startScriptedApi } from "./ScriptedApi.ts"

export const answerContract = (wire: WireContract): void => {
  const withApi = withApiOf(wire)

  describe("submit", () => {
    it.effect("gives the API's id", () =>
      withApi((api) =>
        Effect.gen(function* () {
          const receipt = yield* submit
          assert.deepStrictEqual(receipt, { recipient: "recipient@example.org", messageId: "id-1" })
          const { headers } = api.requests.at(-1)!
          assert.strictEqual(headers["authorization"], "Bearer token-1")
          assert.strictEqual(headers["content-type"], "application/json")
          assert.strictEqual(headers["accept"], "application/json")
          assert.strictEqual(headers["user-agent"], USER_AGENT)
          assert.match(headers["x-request-id"] ?? "", /^[0-9a-f-]{36}$/)
          assert.strictEqual(headers["content-length"], String(Buffer.byteLength(api.requests.at(-1)!.body)))
        })
      )
    )

    it.effect("goes below the path of the base URL", () =>
      Effect.gen(function* () {
        const api = yield* startScriptedApi()
        const route = wire.submitRoute.replace(" /", " /prefix/")
        api.script(route, { status: 200, body: wire.submitAnswer("id-7", "queued") })
        const prepared = { bodyFor: () => [Buffer.from("{}")], sharedBytes: 0, query: "" }
        const receipt = yield* Effect.flatMap(CakemailClient, (client) =>
          client.submit(anIdentity(), prepared, "a@example.org")
        ).pipe(Effect.provide(layerClient(wire.contract, `${api.url}/prefix`)))
        assert.strictEqual(receipt.messageId, "id-7")
        assert.strictEqual(api.countOf(route), 1)
      })
    )

    const outcomes: ReadonlyArray<
      readonly [string, number, unknown, string, { readonly [field: string]: unknown }, Record<string, string>?]
    > = [
      ["rejected", 201, wire.submitAnswer("id", "rejected"), "SubmissionRejected", { subject: "policy", status: 201 }],
      ["error", 201, wire.submitAnswer("id", "error"), "SubmissionErrored", {}],
      ["an unknown status", 201, wire.submitAnswer("id", "odd"), "ApiAnswerUnreadable", { status: 201 }],
      ["an empty id", 201, wire.submitAnswer("", "queued"), "ApiAnswerUnreadable", { status: 201 }],
      ["garbage", 200, "garbage", "ApiAnswerUnreadable", { status: 200 }],
      ["nothing", 204, "", "ApiAnswerUnreadable", { status: 204 }],
      ["a redirect", 308, "", "ApiFailed", { status: 308 }, { location: "https://example.com/" }],
      ["400 with a text", 400, { detail: "Too odd" }, "SubmissionRejected", { subject: "content", reason: "Too odd" }],
      [
        "400 about the account",
        400,
        { detail: [{ msg: "no", code: 8004 }] },
        "SubmissionRejected",
        { subject: "policy" }
      ],
      ["400 about the recipient", 400, wire.recipientComplaint, "SubmissionRejected", { subject: "recipient" }],
      ["401", 401, { detail: "expired" }, "TokenRejected", {}],
      ["403", 403, { detail: "Not yours" }, "SubmissionRejected", { subject: "policy", reason: "Not yours" }],
      ["404", 404, "", "SubmissionRejected", { subject: "content", reason: "HTTP status 404" }],
      ["408", 408, "", "ApiFailed", { status: 408 }],
      ["413", 413, "<html>", "SubmissionTooLarge", {}],
      ["422", 422, { message: "What?" }, "SubmissionRejected", { subject: "content", reason: "What?", status: 422 }],
      ["429", 429, {}, "ApiRateLimited", { retryAfter: 17 }, { "retry-after": "17" }],
      ["429 without a time", 429, {}, "ApiRateLimited", { retryAfter: 60 }],
      ["500", 500, { detail: "oops" }, "ApiFailed", { status: 500 }],
      ["502", 502, "<html>bad gateway</html>", "ApiFailed", { status: 502 }]
    ]
    for (const [name, status, body, tag, fields, headers = {}] of outcomes) {
      it.effect(`answered with ${name} is ${tag}`, () =>
        withApi((api) => {
          api.script(wire.submitRoute, { status, body, headers })
          return Effect.map(Effect.flip(submit), (error) => {
            assert.strictEqual(error._tag, tag)
            for (const [field, value] of Object.entries(fields)) {
              assert.strictEqual(Object.getOwnPropertyDescriptor(error, field)?.value, value)
            }
          })
        })
      )
    }

    it.effect("is one attempt", () =>
      withApi((api) => {
        api.script(wire.submitRoute, { status: 500 })
        return Effect.map(Effect.flip(submit), () => assert.strictEqual(api.countOf(wire.submitRoute), 1))
      })
    )
  })
}
