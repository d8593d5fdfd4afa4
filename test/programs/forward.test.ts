import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import {
  ApiAnswerUnreadable,
  ApiFailed,
  MessageMalformed,
  MimeLimitExceeded,
  SenderNotConfirmed,
  SubmissionRejected
} from "../../src/domain/GatewayError.ts"
import { acceptedFor, people, replyOf, startForwarding } from "../kit/ForwardKit.ts"
import { anAttachment, anEmail, anEnvelope } from "../kit/mail.ts"

const REJECTED = new SubmissionRejected({ subject: "recipient", reason: "unknown", status: 400 })
const FAILED = new ApiFailed({ status: 503 })

describe("recipients", () => {
  it.effect("one recipient: one call, its receipt", () =>
    Effect.gen(function* () {
      const { accept, calls, logins, prepared } = yield* startForwarding()
      assert.deepStrictEqual(yield* accept(["a@example.com"]), {
        receipts: [{ recipient: "a@example.com", messageId: "id-of-a@example.com" }]
      })
      assert.deepStrictEqual(calls, [{ recipient: "a@example.com", token: "token-1", at: 0 }])
      assert.strictEqual(prepared.length, 1)
      assert.strictEqual(logins(), 1)
    })
  )

  it.effect("many: parsed and prepared once, receipts in the order of the envelope whoever is done first", () =>
    Effect.gen(function* () {
      const recipients = people(5)
      const { accept, prepared } = yield* startForwarding({
        submit: (recipient) => Effect.sleep(`${9 - Number(recipient[1])} seconds`)
      })
      assert.deepStrictEqual(acceptedFor(yield* accept(recipients)), recipients)
      assert.strictEqual(prepared.length, 1)
    })
  )

  it.effect("never more calls at a time than RECIPIENT_CONCURRENCY, in the order of the envelope", () =>
    Effect.gen(function* () {
      let running = 0
      let most = 0
      const submit = () =>
        Effect.acquireUseRelease(
          Effect.sync(() => void (most = Math.max(most, ++running))),
          () => Effect.sleep("1 second"),
          () => Effect.sync(() => void running--)
        )
      const { accept, calls } = yield* startForwarding({ submit, settings: { api: { recipientConcurrency: 4 } } })
      const recipients = people(10)
      yield* accept(recipients)
      assert.strictEqual(most, 4)
      assert.deepStrictEqual(
        calls.map(({ recipient }) => recipient),
        recipients
      )
      assert.deepStrictEqual(
        calls.map(({ at }) => at),
        [0, 0, 0, 0, 1000, 1000, 1000, 1000, 2000, 2000]
      )
    })
  )

  it.effect("a mailbox that is named twice gets the mail once", () =>
    Effect.gen(function* () {
      const { accept, calls, metric } = yield* startForwarding()
      const accepted = yield* accept(["a@example.com", "a@EXAMPLE.com", "A@example.com"])
      assert.deepStrictEqual(acceptedFor(accepted), ["a@example.com", "A@example.com"])
      assert.strictEqual(calls.length, 2)
      assert.strictEqual(metric("smtp_emails_forwarded_total", { result: "success" }), 2)
    })
  )

  it.effect("a submission without any is a defect", () =>
    Effect.gen(function* () {
      const { accept, calls } = yield* startForwarding()
      const exit = yield* Effect.exit(accept([]))
      assert.isTrue(Exit.hasDies(exit))
      assert.strictEqual(calls.length, 0)
    })
  )
})

describe("several recipients", () => {
  const mixed = (recipient: string) =>
    recipient.startsWith("gone")
      ? Effect.fail(REJECTED)
      : recipient.startsWith("later")
        ? Effect.fail(FAILED)
        : Effect.void

  const replies = [
    [
      "accept",
      ["gone@x.example", "b@x.example", "later@x.example"],
      "250 2.0.0 Message accepted for delivery: id-of-b@x.example"
    ],
    ["defer", ["gone@x.example", "b@x.example", "later@x.example"], "451 4.3.0 Temporary failure, try again later"],
    ["defer", ["gone@x.example", "b@x.example"], "250 2.0.0 Message accepted for delivery: id-of-b@x.example"],
    ["accept", ["gone@x.example", "later@x.example"], "451 4.3.0 Temporary failure, try again later"],
    ["accept", ["gone@x.example", "gone@y.example"], "550 5.1.3 Message rejected: unknown"]
  ] as const
  for (const [partialFailure, recipients, expected] of replies) {
    it.effect(`PARTIAL_FAILURE=${partialFailure}, ${recipients.join(", ")}: ${expected.slice(0, 3)}`, () =>
      Effect.gen(function* () {
        const { accept } = yield* startForwarding({ submit: mixed, settings: { partialFailure } })
        assert.strictEqual(yield* replyOf(accept(recipients)), expected)
      })
    )
  }

  it.effect("each is counted, and a 250 leaves dead letters for those that it hides", () =>
    Effect.gen(function* () {
      const { accept, deadLetters, metric } = yield* startForwarding({ submit: mixed })
      yield* accept(["gone@x.example", "b@x.example", "later@x.example"])
      assert.strictEqual(metric("smtp_emails_forwarded_total", { result: "success" }), 1)
      assert.strictEqual(metric("smtp_emails_forwarded_total", { result: "failure" }), 2)
      assert.deepStrictEqual(
        deadLetters.map(({ failures, hidden }) => [
          hidden,
          failures.map(({ error, recipient }) => [recipient, error._tag])
        ]),
        [
          [
            true,
            [
              ["gone@x.example", "SubmissionRejected"],
              ["later@x.example", "ApiFailed"]
            ]
          ]
        ]
      )
    })
  )

  it.effect("what the client is told to send again is no dead letter; what it is told never to is one", () =>
    Effect.gen(function* () {
      const { accept, deadLetters, events } = yield* startForwarding({ submit: mixed })
      yield* Effect.flip(accept(["gone@x.example", "later@x.example"]))
      assert.deepStrictEqual(
        deadLetters.map(({ failures, hidden }) => [hidden, failures.map(({ recipient }) => recipient)]),
        [[false, ["gone@x.example"]]]
      )
      const told = events.filter(({ event }) => event === "recipient_failed")
      assert.deepStrictEqual(
        told.map(({ fields }) => [fields["recipient"], fields["error_type"], fields["reply"], fields["reference"]]),
        [["later@x.example", "ApiFailed", "451 4.3.0 Temporary failure, try again later", "s1-1"]]
      )
    })
  )
})

describe("a message that the API never sees", () => {
  const unreadable = [
    [new MessageMalformed({ cause: "x" }), "554 5.6.0 Message could not be parsed"],
    [
      new MimeLimitExceeded({ limit: "nesting", maximum: 10 }),
      "550 5.6.0 Message structure refused: more than 10 levels of nested parts"
    ]
  ] as const
  for (const [error, expected] of unreadable) {
    it.effect(`${error._tag} makes no call, not even a login, and fails for every recipient`, () =>
      Effect.gen(function* () {
        const { accept, calls, logins, metric } = yield* startForwarding({ parse: Effect.fail(error) })
        assert.strictEqual(yield* replyOf(accept(["a@example.com", "b@example.com"])), expected)
        assert.strictEqual(calls.length + logins(), 0)
        assert.strictEqual(metric("smtp_emails_forwarded_total", { result: "failure" }), 2)
      })
    )
  }

  it.effect("a sender that is not confirmed stops it before the first submission", () =>
    Effect.gen(function* () {
      const { accept, calls } = yield* startForwarding({
        prepare: () => Effect.fail(new SenderNotConfirmed({ address: "s@example.com" }))
      })
      assert.strictEqual(
        yield* replyOf(accept(["a@example.com"])),
        "550 5.7.1 Sender s@example.com is not a confirmed Cakemail sender: confirm it at Cakemail, or send from one that is"
      )
      assert.strictEqual(calls.length, 0)
    })
  )

  // 32 bytes of data, a payload of 1,000: the difference is asked for once it is known.
  for (const [room, preparations] of [
    [31, 0],
    [999, 1]
  ] as const) {
    it.effect(`with room for ${room} bytes only it is put off, after ${preparations} preparations`, () =>
      Effect.gen(function* () {
        let held = 0
        const grow = (bytes: number) => {
          if (held + bytes > room) return false
          held += bytes
          return true
        }
        const { accept, calls, prepared } = yield* startForwarding()
        assert.strictEqual(
          yield* replyOf(accept(["a@example.com"], { grow })),
          "452 4.3.1 Insufficient system storage, try again later"
        )
        assert.strictEqual(prepared.length, preparations)
        assert.strictEqual(calls.length, 0)
      })
    )
  }

  it.effect("with room for its payload it goes out", () =>
    Effect.gen(function* () {
      let held = 0
      const grow = (bytes: number) => (held += bytes) <= 1_000
      const { accept } = yield* startForwarding()
      assert.deepStrictEqual(acceptedFor(yield* accept(["a@example.com"], { grow })), ["a@example.com"])
      assert.strictEqual(held, 1_000)
    })
  )
})

describe("the log", () => {
  it.effect("tells of each message once, with everything but its content", () =>
    Effect.gen(function* () {
      const email = anEmail({
        messageId: "<m1@example.com>",
        subject: "secret plans",
        text: "secret text",
        attachments: [anAttachment()]
      })
      const { accept, events } = yield* startForwarding({
        parse: Effect.succeed(email),
        submit: () => Effect.sleep("250 millis")
      })
      yield* accept(["a@example.com", "b@example.com"], {
        envelope: anEnvelope({ sender: "s@example.com", recipients: ["a@example.com", "b@example.com"] })
      })
      assert.deepStrictEqual(events, [
        {
          level: "Info",
          event: "email_received",
          fields: {
            reference: "s1-1",
            header_message_id: "<m1@example.com>",
            from_address: "s@example.com",
            recipient_count: 2,
            message_size_bytes: 32,
            has_attachments: true,
            attachment_count: 1,
            processing_time_ms: 250,
            api_calls: 2,
            api_latency_ms: 250,
            result: "success",
            message_id: "id-of-a@example.com"
          }
        }
      ])
    })
  )

  const results = [
    { result: "partial", recipients: ["a@example.com", "gone@example.com"], messageId: "id-of-a@example.com" },
    { result: "failure", recipients: ["gone@example.com"], messageId: undefined }
  ]
  for (const { messageId, recipients, result } of results) {
    it.effect(`warns of a ${result}`, () =>
      Effect.gen(function* () {
        const { accept, events } = yield* startForwarding({
          submit: (recipient) => (recipient.startsWith("gone") ? Effect.fail(REJECTED) : Effect.void)
        })
        yield* Effect.exit(accept(recipients))
        const summary = events.at(-1)
        assert.strictEqual(summary?.event, "email_received")
        assert.strictEqual(summary?.level, "Warn")
        assert.strictEqual(summary?.fields["result"], result)
        assert.strictEqual(summary?.fields["message_id"], messageId)
      })
    )
  }

  it.effect("is there for a message that the end of the process breaks off, which leaves no dead letter", () =>
    Effect.gen(function* () {
      const { accept, deadLetters, events, metric } = yield* startForwarding({
        settings: { api: { submitDeadline: Duration.hours(1) } },
        submit: (recipient) => (recipient.startsWith("slow") ? Effect.never : Effect.void)
      })
      const message = accept(["a@example.com", "slow@example.com"])
      const underWay = yield* Effect.forkChild(Effect.scoped(message), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      yield* Fiber.interrupt(underWay)
      const summary = events.at(-1)
      assert.deepStrictEqual([summary?.event, summary?.level], ["email_received", "Warn"])
      assert.containSubset(summary?.fields, {
        recipient_count: 2,
        result: "partial",
        error_type: "ShuttingDown",
        reply: "421 4.3.2 Service shutting down, try again"
      })
      assert.notProperty(summary?.fields, "message_id")
      assert.deepStrictEqual(deadLetters, [])
      assert.strictEqual(metric("smtp_emails_forwarded_total", { result: "success" }), 1)
      assert.strictEqual(metric("smtp_emails_forwarded_total", { result: "failure" }), 1)
    })
  )

  it.effect("a bug in the call for one recipient is that recipient's alone, and is told and counted", () =>
    Effect.gen(function* () {
      const { accept, deadLetters, events, metric } = yield* startForwarding({
        submit: (recipient) => (recipient.startsWith("bug") ? Effect.die(new Error("nobody foresaw it")) : Effect.void)
      })
      const accepted = yield* accept(["a@example.com", "bug@example.com", "b@example.com"])
      assert.deepStrictEqual(acceptedFor(accepted), ["a@example.com", "b@example.com"])
      assert.strictEqual(metric("smtp_defects_total"), 1)
      assert.deepStrictEqual(
        deadLetters.map(({ failures }) => failures.map(({ error, recipient }) => [recipient, error._tag])),
        [[["bug@example.com", "InternalError"]]]
      )
      const defect = events.find(({ event }) => event === "defect")
      assert.strictEqual(defect?.level, "Error")
      assert.strictEqual(events.at(-1)?.event, "email_received")
      assert.strictEqual(events.at(-1)?.fields["result"], "partial")
    })
  )

  it.effect("a bug before any call: 451, and the message has its summary all the same", () =>
    Effect.gen(function* () {
      const { accept, calls, events, metric } = yield* startForwarding({
        parse: Effect.die(new Error("nobody foresaw it"))
      })
      assert.strictEqual(yield* replyOf(accept(["a@example.com"])), "451 4.3.0 Temporary failure, try again later")
      assert.strictEqual(calls.length, 0)
      assert.strictEqual(metric("smtp_defects_total"), 1)
      assert.strictEqual(events.at(-1)?.event, "email_received")
      assert.strictEqual(events.at(-1)?.fields["result"], "failure")
    })
  )

  it.effect("says what was repaired, and why a call failed", () =>
    Effect.gen(function* () {
      const { accept, events } = yield* startForwarding({
        parse: Effect.succeed(anEmail({ warnings: ["boundary was never closed"] })),
        submit: () => Effect.fail(new ApiAnswerUnreadable({ status: 201, cause: "no id" }))
      })
      yield* Effect.exit(accept(["a@example.com"]))
      const fieldsOf = (name: string) => events.find(({ event }) => event === name)?.fields
      assert.deepStrictEqual(fieldsOf("message_repaired")?.["warnings"], ["boundary was never closed"])
      assert.strictEqual(fieldsOf("recipient_failed")?.["detail"], "no id")
    })
  )

  it.effect("holds neither password nor token", () =>
    Effect.gen(function* () {
      const { accept, events, revokeTokens } = yield* startForwarding({ submit: () => Effect.fail(REJECTED) })
      yield* Effect.exit(accept(["a@example.com"]))
      yield* revokeTokens
      yield* Effect.exit(accept(["a@example.com"]))
      assert.notMatch(JSON.stringify(events), /correct horse|token-\d/)
    })
  )
})
