/** What `gateway-v1` alone says: its payload. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Email } from "../../../src/domain/Email.ts"
import { CakemailClient } from "../../../src/services/CakemailClient.ts"
import { layerClient, type SettingOverrides } from "../../kit/CakemailClientKit.ts"
import { aMessage, anAttachment, anIdentity } from "../../kit/mail.ts"

const payload = (
  message: ReturnType<typeof aMessage>,
  recipient = "to@example.org",
  overrides: SettingOverrides = {}
) =>
  Effect.flatMap(CakemailClient, (client) => client.prepare(anIdentity(), message)).pipe(
    Effect.map((prepared) => JSON.parse(Buffer.concat(prepared.bodyFor(recipient)).toString("utf8"))),
    Effect.provide(layerClient("gateway-v1", "http://127.0.0.1:9", overrides))
  )

const UUID = /[0-9a-f]{8}-[0-9a-f-]{27}/

describe("the payload of gateway-v1", () => {
  const email: Partial<Email> = {
    headers: [
      { name: "To", value: "To Name <to@example.org>" },
      { name: "Cc", value: "Grüße <cc@example.org>" },
      { name: "CC", value: "more@example.org" },
      { name: "Bcc", value: "secret@example.org" },
      { name: "Reply-To", value: "Reply <reply@example.com>" },
      { name: "X-Twice", value: "one" },
      { name: "x-twice", value: "two" },
      { name: "Message-ID", value: "<1@example.com>" },
      { name: "Received", value: "from elsewhere" }
    ],
    from: { address: "sender@example.com", name: "Sender" },
    to: [{ address: "to@EXAMPLE.org", name: "To Name" }],
    cc: [{ address: "cc@example.org", name: "Grüße" }],
    replyTo: [{ address: "reply@example.com", name: "Reply" }],
    text: "Hällo",
    html: "<p>Hällo</p>",
    attachments: [anAttachment({ fileName: "../a/näme.exe", contentType: "application/x-thing", content: "one" })]
  }

  it.effect("holds everything of a full mail", () =>
    Effect.map(payload(aMessage(email)), (sent) => {
      const { Received: received, ...headers } = sent.headers
      assert.match(
        received,
        /^from laptop\.example\.com by gateway\.example\.com with ESMTPSA id [0-9a-f-]{36}; Fri, 02 Jan 2026 03:04:05 \+0000$/
      )
      assert.deepStrictEqual(
        { ...sent, headers },
        {
          to: [{ email: "to@example.org", name: "To Name" }],
          from: { email: "sender@example.com", name: "Sender" },
          subject: "Hello",
          text_body: "Hällo",
          html_body: "<p>Hällo</p>",
          reply_to: { email: "reply@example.com", name: "Reply" },
          headers: {
            To: "To Name <to@example.org>",
            Cc: "Grüße <cc@example.org>, more@example.org",
            "X-Twice": "one, two",
            "Message-ID": "<1@example.com>"
          },
          attachments: [
            {
              filename: "näme.exe",
              content_type: "application/x-thing",
              content: Buffer.from("one").toString("base64")
            }
          ]
        }
      )
      assert.notInclude(JSON.stringify(sent), "secret@example.org")
    })
  )

  it.effect("names a recipient as To or Cc do, or not at all", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* payload(aMessage(email), "cc@Example.Org")).to, [
        { email: "cc@Example.Org", name: "Grüße" }
      ])
      assert.deepStrictEqual((yield* payload(aMessage(email), "CC@example.org")).to, [{ email: "CC@example.org" }])
      assert.deepStrictEqual((yield* payload(aMessage(email), "secret@example.org")).to, [
        { email: "secret@example.org" }
      ])
    })
  )

  it.effect("comes from the envelope's sender when there is no From", () =>
    Effect.gen(function* () {
      const envelope = { sender: "envelope@example.com" }
      const sent = yield* payload(aMessage({ from: undefined }, { envelope }))
      assert.deepStrictEqual(sent.from, { email: "envelope@example.com" })
      const error = yield* Effect.flip(payload(aMessage({ from: undefined }, { envelope: { sender: "" } })))
      assert.strictEqual(error._tag, "SenderNotConfirmed")
    })
  )

  it.effect("of an empty mail has a subject, a text and a Message-ID", () =>
    Effect.map(payload(aMessage({ subject: "", text: undefined, messageId: undefined })), (sent) => {
      assert.strictEqual(sent.subject, "(no subject)")
      assert.strictEqual(sent.text_body, " ")
      assert.isFalse("html_body" in sent || "reply_to" in sent || "attachments" in sent)
      assert.match(sent.headers["Message-ID"], UUID)
    })
  )

  it.effect("shows the client's address only when told to, and nothing that the client made up", () =>
    Effect.gen(function* () {
      const shown = { api: { receivedClientIp: true } }
      const v4 = yield* payload(aMessage(), "to@example.org", shown)
      assert.include(v4.headers.Received, "from laptop.example.com ([192.0.2.7]) by ")
      const v6 = yield* payload(aMessage({}, { transit: { clientAddress: "2001:db8::1" } }), "to@example.org", shown)
      assert.include(v6.headers.Received, "([IPv6:2001:db8::1])")
      const odd = yield* payload(aMessage({}, { transit: { clientName: "a b\r\n(x)" } }))
      assert.match(odd.headers.Received, /^from abx by gateway/)
      const none = yield* payload(aMessage({}, { transit: { clientName: "" } }))
      assert.match(none.headers.Received, /^from unknown by gateway/)
    })
  )

  it.effect("keeps several Reply-To addresses in the header", () =>
    Effect.map(
      payload(
        aMessage({
          headers: [{ name: "Reply-To", value: "a@example.com, b@example.com" }],
          replyTo: [
            { address: "a@example.com", name: "" },
            { address: "b@example.com", name: "" }
          ]
        })
      ),
      (sent) => {
        assert.deepStrictEqual(sent.reply_to, { email: "a@example.com" })
        assert.strictEqual(sent.headers["Reply-To"], "a@example.com, b@example.com")
      }
    )
  )

  it.effect("is not confused by a header with a name of JavaScript's", () =>
    Effect.map(
      payload(
        aMessage({
          headers: [
            { name: "X-__proto__", value: "a" },
            { name: "List-constructor", value: "b" }
          ]
        })
      ),
      (sent) => {
        assert.strictEqual(sent.headers["X-__proto__"], "a")
        assert.strictEqual(sent.headers["List-constructor"], "b")
      }
    )
  )
})
