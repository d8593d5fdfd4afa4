/** Mails with the headers of other services, from the socket to the API. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../kit/GatewayKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"

type Settings = NonNullable<Parameters<typeof startGateway>[0]>["settings"]

/** Sends mails with these headers, one connection for all. */
const start = Effect.fnUntraced(function* (settings: Settings = {}) {
  const { sandbox, smtpPort } = yield* startGateway({ settings: { smtp: { showReference: false }, ...settings } })
  const wire = yield* openLoggedInWire(smtpPort)
  const send = Effect.fnUntraced(function* (headers: ReadonlyArray<string>, recipients = ["to@example.com"]) {
    yield* wire.ask("MAIL FROM:<demo@example.com>")
    for (const recipient of recipients) yield* wire.ask(`RCPT TO:<${recipient}>`)
    yield* wire.ask("DATA")
    const lines = ["From: demo@example.com", "Subject: Hello", ...headers, "", "It works.", "."]
    return (yield* wire.ask(lines.join("\r\n"))).raw
  })
  return { sandbox, send }
})

/** One of each family, and what goes on anyway. */
const ALL = [
  'X-SMTPAPI: {"category": ["Orders"],',
  ' "unique_args": {"order": "12345"}, "asm_group_id": 7,',
  '\t"filters": {"opentrack": {"settings": {"enable": 0}}}}',
  "X-Mailgun-Tag: =?utf-8?Q?M=C3=A4rz?=",
  "X-Mailgun-Sid: secret",
  "X-MC-Tags: =?utf-8?B?5pel5pys?=",
  "X-SES-CONFIGURATION-SET: ConfigSet",
  "X-PM-Metadata-Color: blue",
  "Resend-Idempotency-Key: k1",
  "X-Tags: own",
  "X-Mailer: stays"
]

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  describe(`headers of other services with ${contract}`, () => {
    it.live("are understood, and none of them goes on to the recipient", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, send } = yield* start({ api: { contract } })
          assert.match(yield* send(ALL), /^250 2\.0\.0 /)
          const [captured] = yield* sandbox.captured
          const headers = new Map(captured?.headers.map(({ name, value }) => [name, value]))
          assert.strictEqual(headers.get("X-Metadata-order"), "12345")
          assert.strictEqual(headers.get("X-Metadata-Color"), "blue")
          assert.strictEqual(headers.get("X-Mailer"), "stays")
          for (const name of headers.keys()) {
            assert.notMatch(name, /^(?:x-smtpapi|x-mailgun-|x-mc-|x-ses-|x-pm-|x-tags|resend-)/i)
          }
          if (contract === "gateway-v1") return
          assert.deepStrictEqual(captured?.tags, ["own", "Orders", "Marz", "u65e5u672c", "ConfigSet"])
          assert.strictEqual(captured?.tracking?.opens, false)
        })
      )
    )

    it.live("are refused by name where Cakemail cannot honour them, if that is asked for", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, send } = yield* start({ api: { contract, migrationUnsupported: "reject" } })
          assert.strictEqual(
            yield* send(
              ['X-SMTPAPI: {"asm_group_id": 7, "sub": {"%a%": ["b"]}}', "X-Mailgun-Sid: 1"],
              ["a@example.com", "b@example.com"]
            ),
            "550 5.6.0 Message rejected: Cakemail cannot honour X-SMTPAPI asm_group_id, X-SMTPAPI sub, X-Mailgun-Sid"
          )
          assert.strictEqual(
            yield* send(["X-SMTPAPI: {category"]),
            "550 5.6.0 Message rejected: Cakemail cannot honour X-SMTPAPI (no JSON object)"
          )
          assert.match(yield* send(['X-SMTPAPI: {"unique_args": {"a": "b"}}', "X-PM-KeepID: true"]), /^250 /)
          assert.strictEqual((yield* sandbox.captured).length, 1)
        })
      )
    )

    it.live("spoil no mail otherwise", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, send } = yield* start({ api: { contract } })
          assert.match(yield* send(["X-SMTPAPI: {category", "X-Mailgun-Variables: a=b"]), /^250 /)
          assert.strictEqual((yield* sandbox.captured).length, 1)
        })
      )
    )

    it.live("that name other recipients change nothing of who gets the mail", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, send } = yield* start({ api: { contract } })
          assert.match(yield* send(['X-SMTPAPI: {"to": ["Ben <ben@example.com>", "joe@example.com"]}']), /^250 /)
          const recipients = (yield* sandbox.captured).map(({ recipient }) => recipient.address)
          assert.deepStrictEqual(recipients, ["to@example.com"])
        })
      )
    )

    it.live("that name other recipients are refused by name, if that is asked for", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, send } = yield* start({ api: { contract, migrationUnsupported: "reject" } })
          const to = 'X-SMTPAPI: {"to": ["Ben <ben@example.com>", "joe@example.com"], "asm_group_id": 7}'
          assert.strictEqual(
            yield* send([to]),
            "550 5.6.0 Message rejected: Cakemail cannot honour X-SMTPAPI to, X-SMTPAPI asm_group_id"
          )
          const known = 'X-SMTPAPI: {"to": ["Ben <ben@example.com>", "joe@example.com"]}'
          assert.match(yield* send([known], ["joe@example.com", "ben@EXAMPLE.com"]), /^250 /)
          assert.strictEqual((yield* sandbox.captured).length, 2)
        })
      )
    )

    it.live("that say what stands for placeholders are done by, for one recipient", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, send } = yield* start({ api: { contract, migrationUnsupported: "reject" } })
          const header = 'X-SMTPAPI: {"to": ["ben@example.com"], "sub": {"It": ["Ben\'s mail"], "Hello": ["Hi, Ben"]}}'
          assert.match(yield* send([header], ["ben@example.com"]), /^250 /)
          const [captured] = yield* sandbox.captured
          assert.strictEqual(captured?.subject, "Hi, Ben")
          assert.strictEqual(captured?.text?.trim(), "Ben's mail works.")
        })
      )
    )

    it.live("that ask for a test get a 250, and nothing is sent", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, send } = yield* start({ api: { contract } })
          const answer = yield* send(["X-Mailgun-Drop-Message: yes"], ["a@example.com", "b@example.com"])
          assert.match(answer, /^250 2\.0\.0 Message accepted for delivery: test-[0-9a-f-]{36} \(\+1 more\)$/)
          assert.strictEqual((yield* sandbox.captured).length, 0)
        })
      )
    )

    it.live("that put other words into two mails under one idempotency key do not make them one mail", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, send } = yield* start({ api: { contract } })
          const withWord = (word: string) =>
            send([
              "Idempotency-Key: welcome",
              `X-SMTPAPI: {"sub": {"works": ["${word}"]}, "unique_args": {"a": "${word}"}}`
            ])
          assert.match(yield* withWord("runs"), /^250 /)
          assert.match(yield* withWord("walks"), /^550 5\.6\.0 Idempotency key was used for another message/)
          assert.strictEqual((yield* sandbox.captured).length, 1)
        })
      )
    )

    it.live("that ask for a test stand in no one's way: the same mail without them is sent, by whatever key", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, send } = yield* start({ api: { contract } })
          const key = "Idempotency-Key: order-1"
          assert.include(yield* send([key, "X-Mailgun-Drop-Message: yes"]), ": test-")
          assert.notInclude(yield* send([key]), ": test-")
          assert.include(yield* send([key, "X-Mailgun-Drop-Message: yes"]), ": test-")
          assert.strictEqual((yield* sandbox.captured).length, 1)
        })
      )
    )
  })
}

describe("custom data", () => {
  it.live("is left out if that is asked for", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, send } = yield* start({ api: { migrationMetadata: "drop" } })
        assert.match(yield* send(ALL), /^250 /)
        const names = (yield* sandbox.captured)[0]?.headers.map(({ name }) => name)
        assert.notMatch(names?.join(" ") ?? "", /X-Metadata/i)
      })
    )
  )
})

describe("Cakemail's own headers", () => {
  it.live("have the last word", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, send } = yield* start()
        const others = ["X-Mailgun-Track: yes", "X-PM-Message-Stream: broadcast"]
        yield* send(others)
        yield* send([
          ...others,
          "X-Track-Opens: no",
          "X-Track-Clicks-Html: no",
          "X-Track-Clicks-Text: no",
          "X-Email-Api-Type: transactional"
        ])
        const [one, two] = yield* sandbox.captured
        assert.deepStrictEqual(one?.tracking, { opens: true, clicksHtml: true, clicksText: true })
        assert.include(JSON.stringify(one?.payload), '"type":"marketing"')
        assert.deepStrictEqual(two?.tracking, { opens: false, clicksHtml: false, clicksText: false })
        assert.include(JSON.stringify(two?.payload), '"type":"transactional"')
      })
    )
  )
})
