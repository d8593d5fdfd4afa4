/** What goes out to the API, over which connections, and what is logged of it, whatever the wire contract. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Logger, References } from "effect"
import { CakemailClient } from "../../src/services/CakemailClient.ts"
import { lastPayload, submit, withApiOf, type WireContract } from "./CakemailClientKit.ts"
import { aMessage, anAttachment, anIdentity, credentials } from "./mail.ts"

export const requestContract = (wire: WireContract): void => {
  const withApi = withApiOf(wire)

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
}
