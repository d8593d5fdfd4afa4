/**
 * What every implementation of CakemailClient does, whatever its wire contract: run on each of them against an API
 * that answers as scripted.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Layer, Logger, Redacted, References } from "effect"
import { CakemailClientOverTransport } from "../../src/layers/cakemail/CakemailClientLive.ts"
import { ApiTransportLive, USER_AGENT } from "../../src/layers/cakemail/ApiTransport.ts"
import { CakemailClient } from "../../src/services/CakemailClient.ts"
import type { GatewaySettings } from "../../src/services/GatewayConfig.ts"
import { configWith } from "./SettingsKit.ts"
import { aMessage, anAttachment, anIdentity, credentials } from "./mail.ts"
import { layerMetricsRecorder, MetricsRecorder } from "./MetricsRecorder.ts"
import { deadPort, type ScriptedApi, startScriptedApi } from "./ScriptedApi.ts"
import { eventually } from "./SandboxKit.ts"

/** How one wire contract says the things that both can say. */
export interface WireContract {
  readonly contract: GatewaySettings["api"]["contract"]
  readonly loginRoute: string
  readonly submitRoute: string
  /** Whatever a preparation asks the API for. */
  readonly scriptPreparation: (api: ScriptedApi) => void
  readonly loginAnswer: (token: string, expiresIn: number) => unknown
  /** User name and password of a login request. */
  readonly loginRequest: (body: string) => { readonly username: unknown; readonly password: unknown }
  readonly submitAnswer: (id: string, status: string) => unknown
  /** The recipient of a submission. */
  readonly recipientOf: (payload: Readonly<Record<string, unknown>>) => unknown
  readonly subjectOf: (payload: Readonly<Record<string, unknown>>) => unknown
  /** Base64 of the first attachment. */
  readonly attachmentOf: (payload: Readonly<Record<string, unknown>>) => unknown
  /** An error body that objects to the recipient. */
  readonly recipientComplaint: unknown
}

export interface SettingOverrides {
  readonly api?: Partial<GatewaySettings["api"]>
}

/** The client over HTTP against `url`, with its metrics. */
export const layerClient = (
  contract: GatewaySettings["api"]["contract"],
  url: string,
  overrides: SettingOverrides = {}
): Layer.Layer<CakemailClient | MetricsRecorder> =>
  CakemailClientOverTransport.pipe(
    Layer.provide(ApiTransportLive),
    Layer.provideMerge(layerMetricsRecorder),
    Layer.provide(
      configWith({
        smtp: { hostname: "gateway.example.com" },
        api: { contract, url, createSenders: false, ...overrides.api }
      })
    ),
    Layer.orDie
  )

export const cakemailClientContract = (wire: WireContract): void => {
  /** Runs `test` with a client whose API is `api`. */
  const withApi = <A, E>(
    test: (api: ScriptedApi) => Effect.Effect<A, E, CakemailClient | MetricsRecorder>,
    overrides: SettingOverrides = {},
    basePath = ""
  ) =>
    Effect.flatMap(startScriptedApi(), (api) => {
      wire.scriptPreparation(api)
      api.script(wire.loginRoute, { status: 200, body: wire.loginAnswer("token-1", 3600) })
      api.script(wire.submitRoute, { status: 201, body: wire.submitAnswer("id-1", "queued") })
      return Effect.provide(test(api), layerClient(wire.contract, api.url + basePath, overrides))
    })

  const login = Effect.flatMap(CakemailClient, (client) => client.login(credentials()))

  const submit = Effect.gen(function* () {
    const client = yield* CakemailClient
    const prepared = yield* client.prepare(anIdentity(), aMessage())
    return yield* client.submit(anIdentity(), prepared, "recipient@example.org")
  })

  const lastPayload = (api: ScriptedApi): Readonly<Record<string, unknown>> => JSON.parse(api.requests.at(-1)!.body)

  describe(`CakemailClient, ${wire.contract}`, () => {
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
        [
          "rejected",
          201,
          wire.submitAnswer("id", "rejected"),
          "SubmissionRejected",
          { subject: "policy", status: 201 }
        ],
        ["error", 201, wire.submitAnswer("id", "error"), "SubmissionErrored", {}],
        ["an unknown status", 201, wire.submitAnswer("id", "odd"), "ApiAnswerUnreadable", { status: 201 }],
        ["an empty id", 201, wire.submitAnswer("", "queued"), "ApiAnswerUnreadable", { status: 201 }],
        ["garbage", 200, "garbage", "ApiAnswerUnreadable", { status: 200 }],
        ["nothing", 204, "", "ApiAnswerUnreadable", { status: 204 }],
        ["a redirect", 308, "", "ApiFailed", { status: 308 }, { location: "https://example.com/" }],
        [
          "400 with a text",
          400,
          { detail: "Too odd" },
          "SubmissionRejected",
          { subject: "content", reason: "Too odd" }
        ],
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

    describe("a prepared message", () => {
      const odd = 'grüße.测试+"quoted\\"@exämple.org'

      it.effect("is exact whatever recipient and subject hold", () =>
        withApi((api) =>
          Effect.gen(function* () {
            const client = yield* CakemailClient
            const subject = 'Ünï "quoted" \\ 😀 \u2028 \ud800'
            const prepared = yield* client.prepare(
              anIdentity(),
              aMessage({ subject, attachments: [anAttachment({ content: "äöü" })] })
            )
            yield* client.submit(anIdentity(), prepared, odd)
            const payload = lastPayload(api)
            assert.strictEqual(wire.recipientOf(payload), odd)
            assert.strictEqual(wire.subjectOf(payload), subject)
            assert.strictEqual(wire.attachmentOf(payload), Buffer.from("äöü").toString("base64"))
          })
        )
      )

      it.effect("is shared by 100 recipients but for a few bytes", () =>
        withApi(() =>
          Effect.gen(function* () {
            const client = yield* CakemailClient
            const attachments = [anAttachment({ content: Buffer.alloc(300_000, "x") }), anAttachment({ content: "b" })]
            const prepared = yield* client.prepare(anIdentity(), aMessage({ attachments }))
            const [, ...shared] = prepared.bodyFor("r0@example.org")
            let sharedBytes = 0
            for (const chunk of shared) sharedBytes += chunk.byteLength
            assert.strictEqual(prepared.sharedBytes, sharedBytes)
            assert.isAbove(sharedBytes, 400_000)
            for (let index = 1; index < 100; index++) {
              const [own, ...others] = prepared.bodyFor(`r${index}@example.org`)
              assert.isBelow(own!.byteLength, 100)
              assert.strictEqual(others.length, shared.length)
              for (const [place, chunk] of others.entries()) assert.isTrue(chunk === shared[place])
            }
          })
        )
      )

      it.effect("of megabytes arrives whole, with its length", () =>
        withApi((api) =>
          Effect.gen(function* () {
            const client = yield* CakemailClient
            const content = Buffer.alloc(3_000_001, "0123456789abcdef")
            const prepared = yield* client.prepare(anIdentity(), aMessage({ attachments: [anAttachment({ content })] }))
            yield* client.submit(anIdentity(), prepared, "a@example.org")
            yield* client.submit(anIdentity(), prepared, "b@example.org")
            for (const request of api.requests.slice(-2)) {
              assert.strictEqual(request.headers["content-length"], String(Buffer.byteLength(request.body)))
              assert.isTrue(wire.attachmentOf(JSON.parse(request.body)) === content.toString("base64"))
            }
            assert.deepStrictEqual(
              api.requests.slice(-2).map(({ body }) => wire.recipientOf(JSON.parse(body))),
              ["a@example.org", "b@example.org"]
            )
          })
        )
      )
    })

    describe("ping", () => {
      it.effect("is content with any answer below 500", () =>
        withApi((api) =>
          Effect.gen(function* () {
            const client = yield* CakemailClient
            yield* client.ping
            assert.isUndefined(api.requests.at(-1)!.headers["authorization"])
            api.script("GET /", { status: 503 })
            assert.strictEqual((yield* Effect.flip(client.ping))._tag, "ApiFailed")
          })
        )
      )
    })

    it.effect("keeps its connection, and opens no more than API_CONNECTION_POOL_SIZE", () =>
      withApi(
        (api) =>
          Effect.gen(function* () {
            // A connection is free again one turn of the event loop after its answer, so that two take turns.
            for (let call = 0; call < 10; call++) yield* submit
            assert.isAtMost(new Set(api.requests.map(({ clientPort }) => clientPort)).size, 2)
            yield* Effect.all(
              Array.from({ length: 20 }, () => submit),
              { concurrency: "unbounded" }
            )
            assert.isAtMost(new Set(api.requests.map(({ clientPort }) => clientPort)).size, 3)
            assert.strictEqual(api.countOf(wire.submitRoute), 30)
          }),
        { api: { poolSize: 3 } }
      )
    )

    it.effect("logs each call, and never a secret", () =>
      withApi((api) =>
        Effect.gen(function* () {
          const lines: Array<string> = []
          const logger = Logger.make<unknown, void>((options) => {
            lines.push(JSON.stringify(Logger.formatStructured.log(options)))
          })
          const secret = "pass-word-1"
          const program = Effect.gen(function* () {
            const client = yield* CakemailClient
            const identity = yield* client.login(credentials("user@example.com", secret))
            const prepared = yield* client.prepare(identity, aMessage({ text: "private words" }))
            yield* client.submit(identity, prepared, "a@example.org")
            api.script(wire.submitRoute, "reset")
            const exit = yield* Effect.exit(client.submit(identity, prepared, "a@example.org"))
            lines.push(Exit.isFailure(exit) ? Cause.pretty(exit.cause) + JSON.stringify(exit.cause) : "")
            api.script(wire.loginRoute, { status: 200, body: { unexpected: "token-1", note: secret } })
            const unread = yield* Effect.exit(client.login(credentials("user@example.com", secret)))
            lines.push(Exit.isFailure(unread) ? Cause.pretty(unread.cause) + JSON.stringify(unread.cause) : "")
          })
          yield* program.pipe(
            Effect.provide(Logger.layer([logger])),
            Effect.provideService(References.MinimumLogLevel, "Debug")
          )
          const all = lines.join("\n")
          assert.include(all, "api_request")
          assert.include(all, `"endpoint":"login"`)
          assert.include(all, `"endpoint":"submit"`)
          assert.match(all, /"request_id":"[0-9a-f-]{36}"/)
          for (const word of ["token-1", secret, "private words"]) assert.notInclude(all, word)
        })
      )
    )
  })
}
