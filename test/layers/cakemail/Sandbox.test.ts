/** Both clients against the sandbox, which refuses every payload that breaks its contract. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CakemailClient } from "../../../src/services/CakemailClient.ts"
import { layerClient } from "../../kit/CakemailClientKit.ts"
import { aMessage, anAttachment, credentials } from "../../kit/mail.ts"
import { startSandbox } from "../../kit/SandboxKit.ts"

const messages = [
  aMessage(),
  aMessage({ subject: "", text: undefined, messageId: undefined }),
  aMessage({
    headers: [
      { name: "Reply-To", value: "Jürgen <reply@example.com>" },
      { name: "Message-ID", value: "<1@example.com>" },
      { name: "Cc", value: "cc@example.org" },
      { name: "X-Tags", value: "one two, drei" },
      { name: "X-Track-Opens", value: "false" },
      { name: "List-Unsubscribe", value: "<https://example.com/u>" }
    ],
    from: { address: "new@example.com", name: "Nöw" },
    replyTo: [{ address: "reply@example.com", name: "Jürgen" }],
    html: "<p>Grüße</p>",
    attachments: [
      anAttachment({ fileName: "Übersicht (1).PDF" }),
      anAttachment({ fileName: "Übersicht (1).PDF" }),
      anAttachment({ fileName: undefined, contentType: "text/calendar" }),
      anAttachment({ fileName: "large.csv", contentType: "text/csv", content: Buffer.alloc(500_000, "a,b\n") })
    ]
  })
]

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  describe(`${contract} at the sandbox`, () => {
    for (const [number, message] of messages.entries()) {
      it.effect(`takes mail ${number}`, () =>
        Effect.gen(function* () {
          const sandbox = yield* startSandbox()
          const program = Effect.gen(function* () {
            const client = yield* CakemailClient
            yield* client.ping
            const identity = yield* client.login(credentials("demo@example.com", "demo"))
            const prepared = yield* client.prepare(identity, message)
            const receipt = yield* client.submit(identity, prepared, "grüße@example.org")
            assert.notStrictEqual(receipt.messageId, "")
          })
          yield* Effect.provide(program, layerClient(contract, sandbox.url, { api: { createSenders: true } }))
          const captured = yield* sandbox.captured
          assert.strictEqual(captured.length, 1)
        })
      )
    }

    it.effect("does not let a wrong password in", () =>
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const login = Effect.flatMap(CakemailClient, (client) => client.login(credentials("demo@example.com", "wrong")))
        const error = yield* Effect.flip(Effect.provide(login, layerClient(contract, sandbox.url)))
        assert.strictEqual(error._tag, "AuthenticationFailed")
      })
    )
  })
}
