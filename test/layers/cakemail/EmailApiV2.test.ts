/** What `email-api-v2` alone says: payload, tokens, senders. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import type { Email, Header } from "../../../src/domain/Email.ts"
import { CakemailClient } from "../../../src/services/CakemailClient.ts"
import { layerClient, type SettingOverrides } from "../../kit/CakemailClientKit.ts"
import { aMessage, anAttachment, anIdentity, base64Text, credentials } from "../../kit/mail.ts"
import type { MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { type Reaction, type RecordedRequest, type ScriptedApi, startScriptedApi } from "../../kit/ScriptedApi.ts"

const SENDERS = "GET /brands/default/senders"
const CREATE = "POST /brands/default/senders"

const sender = (id: string, email: string, confirmed = true) => ({ id, name: "A sender", email, confirmed })

/** Pages over `senders` as the API does. */
const paging =
  (senders: ReadonlyArray<ReturnType<typeof sender>>) =>
  ({ path }: RecordedRequest): Reaction => {
    const query = new URL(path, "http://api").searchParams
    const size = Number(query.get("per_page"))
    const start = (Number(query.get("page")) - 1) * size
    return { status: 200, body: { pagination: {}, data: senders.slice(start, start + size) } }
  }

const withApi = <A, E>(
  test: (api: ScriptedApi) => Effect.Effect<A, E, CakemailClient | MetricsRecorder>,
  overrides: SettingOverrides = {}
) =>
  Effect.flatMap(startScriptedApi(), (api) => {
    api.script(SENDERS, paging([sender("s1", "sender@example.com")]))
    return Effect.provide(test(api), layerClient("email-api-v2", api.url, overrides))
  })

const prepare = (email: Partial<Email> = {}, envelopeSender = "sender@example.com", identity = anIdentity()) =>
  Effect.flatMap(CakemailClient, (client) =>
    client.prepare(identity, aMessage(email, { envelope: { sender: envelopeSender } }))
  )

const payload = (email: Partial<Email> = {}) =>
  Effect.map(prepare(email), (prepared) =>
    JSON.parse(Buffer.concat(prepared.bodyFor("to@example.org")).toString("utf8"))
  )

const headers = (...pairs: ReadonlyArray<readonly [string, string]>): ReadonlyArray<Header> =>
  pairs.map(([name, value]) => ({ name, value }))

describe("the payload of email-api-v2", () => {
  it.effect("holds everything of a full mail", () =>
    withApi(
      () =>
        Effect.gen(function* () {
          const email = {
            headers: headers(
              ["Received", "from a by b"],
              ["From", "Sender Name <sender@example.com>"],
              ["To", "to@example.org"],
              ["Cc", "cc@example.org"],
              ["Bcc", "secret@example.org"],
              ["Reply-To", "Jürgen <reply@example.com>"],
              ["Date", "Fri, 02 Jan 2026 03:04:05 +0000"],
              ["Message-ID", "<1@example.com>"],
              ["References", "<0@example.com>"],
              ["X-Mailer", "a mailer"],
              ["X-Twice", "one"],
              ["X-Twice", "two"],
              ["List-Unsubscribe", "<https://example.com/u>"],
              ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"],
              ["x-tags", "invoice, März 2026,,invoice"],
              ["X-List-Id", "77"],
              ["X-Email-Api-Type", "Marketing"],
              ["X-Track-Opens", "false"],
              ["X-Track-Clicks-Text", "true"],
              ["X-Account-Id", "42"],
              ["X-Group-Id", "9"]
            ),
            from: { address: "sender@example.com", name: "Sender Name" },
            subject: "Größe",
            text: "Hällo",
            html: "<p>Hällo</p>",
            attachments: [
              anAttachment({ fileName: "Übersicht 1.PDF", content: "one" }),
              anAttachment({ fileName: "photo.jpg", contentType: "image/jpeg", content: "two" })
            ]
          }
          const prepared = yield* prepare(email)
          assert.strictEqual(prepared.query, "?account_id=42")
          const text = Buffer.concat(prepared.bodyFor("to@example.org")).toString("utf8")
          assert.deepStrictEqual(JSON.parse(text), {
            email: "to@example.org",
            sender: { id: "s1", name: "Sender Name" },
            list_id: 77,
            content: { type: "marketing", encoding: "utf-8", subject: "Größe", html: "<p>Hällo</p>", text: "Hällo" },
            tags: ["invoice", "Marz-2026"],
            tracking: { opens: false, clicks_html: false, clicks_text: true },
            additional_headers: [
              { name: "Reply-To", value: "Jürgen <reply@example.com>" },
              { name: "Date", value: "Fri, 02 Jan 2026 03:04:05 +0000" },
              { name: "Message-ID", value: "<1@example.com>" },
              { name: "References", value: "<0@example.com>" },
              { name: "X-Mailer", value: "a mailer" },
              { name: "X-Twice", value: "one" },
              { name: "X-Twice", value: "two" },
              { name: "List-Unsubscribe", value: "<https://example.com/u>" },
              { name: "List-Unsubscribe-Post", value: "List-Unsubscribe=One-Click" }
            ],
            attachment: [
              { filename: "Ubersicht-1.pdf", type: "pdf", content: "b25l" },
              { filename: "photo.jpeg", type: "jpeg", content: "dHdv" }
            ]
          })
        }),
      { api: { trackClicks: false } }
    )
  )

  it.effect("of an empty mail has what the API insists on, and no more", () =>
    withApi(() =>
      Effect.gen(function* () {
        const { additional_headers, ...rest } = yield* payload({ subject: " ", text: "", messageId: undefined })
        assert.deepStrictEqual(rest, {
          email: "to@example.org",
          sender: { id: "s1" },
          content: { type: "transactional", encoding: "utf-8", subject: "(no subject)", text: " " },
          tracking: { opens: true, clicks_html: true, clicks_text: true }
        })
        assert.strictEqual(additional_headers.length, 1)
        assert.strictEqual(additional_headers[0].name, "Message-ID")
        assert.match(additional_headers[0].value, /^<[0-9a-f-]{36}@gateway\.example\.com>$/)
      })
    )
  )

  it.effect("takes list and type from the settings when the mail names none", () =>
    withApi(
      () =>
        Effect.map(payload(), (sent) => {
          assert.strictEqual(sent.list_id, 5)
          assert.strictEqual(sent.content.type, "marketing")
        }),
      { api: { listId: 5, contentType: "marketing" } }
    )
  )

  it.effect("goes to the account that the mail names", () =>
    withApi((api) =>
      Effect.gen(function* () {
        api.script("POST /v2/emails", { status: 201, body: { data: { id: "id-1", status: "queued" } } })
        const client = yield* CakemailClient
        const prepared = yield* prepare({ headers: headers(["X-Account-Id", "42"]) })
        yield* client.submit(anIdentity(), prepared, "to@example.org")
        assert.strictEqual(api.requests.at(-1)!.path, "/v2/emails?account_id=42")
        assert.include(api.requests[0]!.path, "account_id=42")
      })
    )
  )

  for (const [name, value] of [
    ["X-Account-Id", "abc"],
    ["X-Account-Id", "1&x=2"],
    ["X-List-Id", "-1"]
  ] as const) {
    it.effect(`is refused when ${name} is ${value}: it would go out for another than the one meant`, () =>
      withApi((api) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(prepare({ headers: headers([name, value]) }))
          assert.deepStrictEqual(
            error._tag === "SubmissionRejected" ? error.reason : error._tag,
            `${name} is not a number`
          )
          assert.strictEqual(api.requests.length, 0)
        })
      )
    )
  }

  it.effect("is refused for a kind of file that the API does not take", () =>
    withApi((api) =>
      Effect.gen(function* () {
        const attachments = [anAttachment({ fileName: "notes.txt", contentType: "text/plain" })]
        const error = yield* Effect.flip(prepare({ attachments }))
        assert.strictEqual(error._tag, "AttachmentUnsupported")
        assert.strictEqual(error._tag === "AttachmentUnsupported" ? error.fileName : "", "notes.txt")
        assert.strictEqual(api.requests.length, 0)
      })
    )
  )

  it.effect("leaves such a file out when the settings say so", () =>
    withApi(
      () =>
        Effect.gen(function* () {
          const attachments = [
            anAttachment({ fileName: "notes.txt" }),
            anAttachment({ fileName: "a.csv", content: "1" })
          ]
          const sent = yield* payload({ attachments })
          assert.deepStrictEqual(sent.attachment, [{ filename: "a.csv", type: "csv", content: "MQ==" }])
        }),
      { api: { unsupportedAttachments: "drop" } }
    )
  )

  const image = anAttachment({
    fileName: "dot.png",
    contentType: "image/png",
    contentId: "dot@example.com",
    inline: true
  })

  it.effect("attaches inline images", () =>
    withApi(() =>
      Effect.map(payload({ html: `<img src="cid:dot@example.com">`, attachments: [image] }), (sent) => {
        assert.strictEqual(sent.content.html, `<img src="cid:dot@example.com">`)
        assert.strictEqual(sent.attachment[0].filename, "dot.png")
      })
    )
  )

  it.effect("embeds small inline images when the settings say so", () =>
    withApi(
      () =>
        Effect.map(payload({ html: `<img src="cid:dot@example.com">`, attachments: [image] }), (sent) => {
          assert.strictEqual(sent.content.html, `<img src="data:image/png;base64,${base64Text(image)}">`)
          assert.isUndefined(sent.attachment)
        }),
      { api: { inlineImages: "data" } }
    )
  )
})

describe("a personal access token", () => {
  const token = `ck_pat_${"0123456789abcdef".repeat(3).slice(0, 40)}`

  it.effect("is tried with one call and is the token then", () =>
    withApi((api) =>
      Effect.gen(function* () {
        const client = yield* CakemailClient
        const identity = yield* client.login(credentials("anything", token))
        assert.strictEqual(Redacted.value(identity.token), token)
        assert.isUndefined(identity.expiresAt)
        assert.deepStrictEqual(
          api.requests.map(({ headers: sent, method, path }) => [method, path, sent["authorization"]]),
          [["GET", "/brands/default/senders?page=1&per_page=1", `Bearer ${token}`]]
        )
      })
    )
  )

  for (const [status, tag] of [
    [401, "AuthenticationFailed"],
    [403, "AuthenticationFailed"],
    [500, "ApiFailed"],
    [429, "ApiRateLimited"]
  ] as const) {
    it.effect(`answered with ${status} is ${tag}`, () =>
      withApi((api) => {
        api.script(SENDERS, { status, body: {} })
        return Effect.map(
          Effect.flip(Effect.flatMap(CakemailClient, (client) => client.login(credentials("anything", token)))),
          (error) => {
            assert.strictEqual(error._tag, tag)
            if (error._tag === "AuthenticationFailed") assert.strictEqual(error.reason, "credentials")
          }
        )
      })
    )
  }

  it.effect("shares its senders with no other token of the same user name", () =>
    withApi((api) =>
      Effect.gen(function* () {
        const other = token.replace("ck_pat_0", "ck_pat_f")
        yield* prepare({}, "sender@example.com", anIdentity({ token: Redacted.make(token) }))
        yield* prepare({}, "sender@example.com", anIdentity({ token: Redacted.make(other) }))
        assert.strictEqual(api.countOf(SENDERS), 2)
      })
    )
  )
})

describe("the sender", () => {
  const senderOf = (email: Partial<Email>, envelopeSender?: string) =>
    Effect.map(
      prepare(email, envelopeSender),
      (prepared): string => JSON.parse(Buffer.concat(prepared.bodyFor("to@example.org")).toString("utf8")).sender.id
    )
  const from = (address: string): Partial<Email> => ({ from: { address, name: "" } })

  it.effect("is the one that the mail names, unasked", () =>
    withApi((api) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* senderOf({ headers: headers(["X-Sender-Id", "abc"]) }), "abc")
        assert.strictEqual(api.requests.length, 0)
      })
    )
  )

  it.effect("is found by the From address, whatever its case", () =>
    withApi(() => Effect.map(senderOf(from("Sender@Example.COM")), (id) => assert.strictEqual(id, "s1")))
  )

  it.effect("is found by the envelope when there is no From, or none confirmed", () =>
    withApi(() =>
      Effect.gen(function* () {
        assert.strictEqual(yield* senderOf({ from: undefined }, "sender@example.com"), "s1")
        assert.strictEqual(yield* senderOf(from("other@example.com"), "sender@example.com"), "s1")
      })
    )
  )

  it.effect("is missing when nobody is confirmed", () =>
    withApi((api) =>
      Effect.gen(function* () {
        api.script(SENDERS, paging([sender("s2", "other@example.com", false)]))
        const error = yield* Effect.flip(senderOf(from("other@example.com"), "third@example.com"))
        assert.strictEqual(error._tag, "SenderNotConfirmed")
        assert.strictEqual(error._tag === "SenderNotConfirmed" ? error.address : "", "other@example.com")
        const nobody = yield* Effect.flip(senderOf({ from: undefined }, ""))
        assert.strictEqual(nobody._tag, "SenderNotConfirmed")
      })
    )
  )

  it.effect("is found on a later page, by at most 20 of them", () =>
    withApi((api) =>
      Effect.gen(function* () {
        const crowd = Array.from({ length: 250 }, (_, index) => sender(`s${index}`, `a${index}@example.com`))
        api.script(SENDERS, paging(crowd))
        assert.strictEqual(yield* senderOf(from("a249@example.com")), "s249")
        assert.strictEqual(api.countOf(SENDERS), 3)
        api.script(
          SENDERS,
          paging(Array.from({ length: 5000 }, (_, index) => sender(`s${index}`, `b${index}@example.com`)))
        )
        yield* Effect.flip(senderOf(from("absent@example.com"), ""))
        assert.strictEqual(api.countOf(SENDERS), 3 + 20)
      })
    )
  )

  it.effect("is looked up once for concurrent mails, and remembered for a while", () =>
    withApi((api) =>
      Effect.gen(function* () {
        yield* Effect.all(
          Array.from({ length: 20 }, () => senderOf({})),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(api.countOf(SENDERS), 1)
        yield* TestClock.adjust(Duration.minutes(14))
        yield* senderOf({})
        assert.strictEqual(api.countOf(SENDERS), 1)
        yield* TestClock.adjust(Duration.minutes(2))
        yield* senderOf({})
        assert.strictEqual(api.countOf(SENDERS), 2)
      })
    )
  )

  it.effect("that is missing is remembered for half a minute", () =>
    withApi((api) =>
      Effect.gen(function* () {
        const missing = Effect.flip(senderOf(from("new@example.com"), ""))
        yield* missing
        yield* TestClock.adjust(Duration.seconds(29))
        yield* missing
        assert.strictEqual(api.countOf(SENDERS), 1)
        yield* TestClock.adjust(Duration.seconds(2))
        api.script(SENDERS, paging([sender("s9", "new@example.com")]))
        assert.strictEqual(yield* senderOf(from("new@example.com"), ""), "s9")
      })
    )
  )

  it.effect("is looked up again after a failed look-up", () =>
    withApi((api) =>
      Effect.gen(function* () {
        api.script(
          SENDERS,
          { status: 503 },
          { status: 401 },
          { status: 403, body: { detail: "no" } },
          { status: 200, body: [] }
        )
        assert.strictEqual((yield* Effect.flip(senderOf({})))._tag, "ApiFailed")
        assert.strictEqual((yield* Effect.flip(senderOf({})))._tag, "TokenRejected")
        assert.strictEqual((yield* Effect.flip(senderOf({})))._tag, "SubmissionRejected")
        assert.strictEqual((yield* Effect.flip(senderOf({})))._tag, "ApiAnswerUnreadable")
        api.script(SENDERS, paging([sender("s1", "sender@example.com")]))
        assert.strictEqual(yield* senderOf({}), "s1")
      })
    )
  )

  const creating: SettingOverrides = { api: { createSenders: true } }

  it.effect("is created when that is allowed", () =>
    withApi(
      (api) =>
        Effect.gen(function* () {
          api.script(CREATE, { status: 200, body: { data: sender("s5", "new@example.com") } })
          const email = { from: { address: "new@example.com", name: "New" } }
          assert.strictEqual(yield* senderOf(email, "sender@example.com"), "s5")
          assert.deepStrictEqual(JSON.parse(api.requests.at(-1)!.body), { name: "New", email: "new@example.com" })
          assert.strictEqual(yield* senderOf(email), "s5")
          assert.strictEqual(api.countOf(CREATE), 1)
        }),
      creating
    )
  )

  it.effect("that waits for its confirmation is not created again", () =>
    withApi(
      (api) =>
        Effect.gen(function* () {
          api.script(CREATE, { status: 201, body: sender("s5", "new@example.com", false) })
          const pending = Effect.flip(senderOf(from("new@example.com")))
          assert.strictEqual((yield* pending)._tag, "SenderConfirmationPending")
          api.script(SENDERS, paging([sender("s5", "new@example.com", false)]))
          yield* TestClock.adjust(Duration.minutes(1))
          assert.strictEqual((yield* pending)._tag, "SenderConfirmationPending")
          assert.strictEqual(api.countOf(CREATE), 1)
        }),
      creating
    )
  )

  it.effect("is created five times a day at most, when a link has to be followed", () =>
    withApi(
      (api) =>
        Effect.gen(function* () {
          api.script(CREATE, { status: 201, body: sender("s5", "new@example.com", false) })
          for (let count = 1; count <= 5; count++) {
            const pending = yield* Effect.flip(senderOf(from(`new${count}@example.com`)))
            assert.strictEqual(pending._tag, "SenderConfirmationPending")
          }
          const error = yield* Effect.flip(senderOf(from("new6@example.com")))
          assert.strictEqual(error._tag, "SenderQuotaReached")
          assert.strictEqual(api.countOf(CREATE), 5)
          yield* TestClock.adjust(Duration.days(1))
          yield* Effect.flip(senderOf(from("new6@example.com")))
          assert.strictEqual(api.countOf(CREATE), 6)
        }),
      creating
    )
  )

  it.effect("is created as often as needed, when it is confirmed at once", () =>
    withApi(
      (api) =>
        Effect.gen(function* () {
          api.script(CREATE, { status: 201, body: sender("s5", "new@example.com") })
          for (let count = 1; count <= 20; count++) yield* senderOf(from(`new${count}@example.com`))
          assert.strictEqual(api.countOf(CREATE), 20)
        }),
      creating
    )
  )
})
