import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  AttachmentTooLarge,
  AttachmentUnsupported,
  AuthenticationFailed,
  type GatewayError,
  MimeLimitExceeded,
  SenderNotConfirmed,
  SubmissionRejected
} from "../../src/domain/GatewayError.ts"
import * as SmtpReply from "../../src/domain/SmtpReply.ts"
import { ERROR_REPLIES } from "../kit/gatewayErrors.ts"
import { reply } from "../kit/SessionKit.ts"

const replyTo = (error: GatewayError): string => reply(SmtpReply.fromError(error))

/** RFC 5321 section 4.5.3.1.5, without the CRLF. */
const MAX_LINE_LENGTH = 510

const assertFitsTheWire = ({ code, enhanced, text }: SmtpReply.SmtpReply): void => {
  assert.match(text, /^[\x20-\x7e]{0,480}$/)
  assert.isAtMost(`${code} ${enhanced} ${text}`.length, MAX_LINE_LENGTH)
}

describe("SmtpReply.fromError", () => {
  for (const [tag, [error, expected]] of Object.entries(ERROR_REPLIES)) {
    it(`${tag} is answered with ${expected.slice(0, 9)}`, () => {
      assert.strictEqual(error._tag, tag)
      assert.strictEqual(replyTo(error), expected)
    })
  }

  it("every reply has an enhanced code of the class of its code, and ends the connection exactly when it is 421 or a lost login", () => {
    for (const [error] of Object.values(ERROR_REPLIES)) {
      const { close, code, enhanced } = SmtpReply.fromError(error)
      assert.match(enhanced, /^[45]\.\d{1,3}\.\d{1,3}$/, error._tag)
      assert.strictEqual(Math.floor(code / 100), Number(enhanced[0]), error._tag)
      assert.strictEqual(close, code === 421 || error._tag === "TokenRejected", error._tag)
    }
  })

  it("tells what a rejected submission was rejected for", () => {
    const rejected = (subject: SubmissionRejected["subject"]) =>
      replyTo(new SubmissionRejected({ subject, reason: "No.", status: 400 }))
    assert.strictEqual(rejected("recipient"), "550 5.1.3 Message rejected: No.")
    assert.strictEqual(rejected("policy"), "550 5.7.1 Message rejected: No.")
    assert.strictEqual(rejected("content"), "550 5.6.0 Message rejected: No.")
  })

  it("names each limit of a message's structure", () => {
    const exceeded = (limit: MimeLimitExceeded["limit"]) => replyTo(new MimeLimitExceeded({ limit, maximum: 7 }))
    assert.strictEqual(exceeded("nesting"), "550 5.6.0 Message structure refused: more than 7 levels of nested parts")
    assert.strictEqual(exceeded("parts"), "550 5.6.0 Message structure refused: more than 7 parts")
    assert.strictEqual(exceeded("headers"), "550 5.6.0 Message structure refused: more than 7 bytes of headers")
  })

  it("answers credentials that nobody can read like wrong ones", () => {
    assert.strictEqual(replyTo(new AuthenticationFailed({ reason: "malformed" })), "535 5.7.8 Authentication failed")
  })

  it("lets no private cause out", () => {
    for (const [error] of Object.values(ERROR_REPLIES)) assert.notInclude(replyTo(error), "private", error._tag)
  })

  const foreignText = fc.oneof(
    fc.string({ unit: "binary", maxLength: 1_200 }),
    fc.stringMatching(/^[\r\n\0 -~]*$/, { maxLength: 1_200 })
  )

  it("says whatever an API, an address or a file name holds in one line of printable ASCII", () => {
    fc.assert(
      fc.property(foreignText, (text) => {
        for (const error of [
          new SubmissionRejected({ subject: "policy", reason: text, status: 400 }),
          new AttachmentUnsupported({ fileName: text }),
          new AttachmentTooLarge({ fileName: text, limit: 1 }),
          new SenderNotConfirmed({ address: text })
        ]) {
          assertFitsTheWire(SmtpReply.fromError(error))
        }
        assertFitsTheWire(SmtpReply.unknownParameter(text))
        const receipt = { recipient: text, messageId: text }
        assertFitsTheWire(SmtpReply.accepted({ receipts: [receipt, receipt] }, text))
      })
    )
  })
})

describe("SmtpReply.replyText", () => {
  it("leaves printable ASCII alone, up to 480 characters", () => {
    const longest = "x".repeat(480)
    assert.strictEqual(SmtpReply.replyText(longest), longest)
    assert.strictEqual(SmtpReply.replyText("No. Not <that> one: ~!"), "No. Not <that> one: ~!")
  })

  it("cuts what is longer and shows that it did", () => {
    assert.strictEqual(SmtpReply.replyText("x".repeat(481)), `${"x".repeat(477)}...`)
  })

  it("turns line ends and other control characters into a space, and what is not ASCII into one question mark each", () => {
    assert.strictEqual(SmtpReply.replyText("No\r\n250 2.0.0 yes\0\x7f\x85ok\n"), "No 250 2.0.0 yes ok")
    assert.strictEqual(SmtpReply.replyText("Zoë 😀"), "Zo? ?")
  })
})

describe("SmtpReply.accepted", () => {
  const receipt = (messageId: string) => ({ recipient: "b@example.com", messageId })

  it("gives the API's id, the number of others and the reference", () => {
    assert.strictEqual(
      reply(SmtpReply.accepted({ receipts: [receipt("id-1")] }, "s1-1")),
      "250 2.0.0 Message accepted for delivery: id-1 ref=s1-1"
    )
    assert.strictEqual(
      reply(SmtpReply.accepted({ receipts: [receipt("id-1"), receipt("id-2"), receipt("id-3")] }, "s1-1")),
      "250 2.0.0 Message accepted for delivery: id-1 (+2 more) ref=s1-1"
    )
  })

  it("shows an id as one word of at most 128 characters, and what stands behind it always", () => {
    const shown = (id: string) => reply(SmtpReply.accepted({ receipts: [receipt(id), receipt("id-2")] }, "s1-1"))
    for (const length of [128, 129, 470, 10_000]) {
      assert.strictEqual(
        shown("x".repeat(length)),
        `250 2.0.0 Message accepted for delivery: ${"x".repeat(128)} (+1 more) ref=s1-1`
      )
    }
    assert.strictEqual(
      shown("id-1 ref=s9-9\r\n250 2.0.0 evil"),
      "250 2.0.0 Message accepted for delivery: id-1?ref=s9-9?250?2.0.0?evil (+1 more) ref=s1-1"
    )
  })

  it("leaves the reference out when it is not to be shown", () => {
    assert.strictEqual(
      reply(SmtpReply.accepted({ receipts: [receipt("id-1"), receipt("id-2")] }, undefined)),
      "250 2.0.0 Message accepted for delivery: id-1 (+1 more)"
    )
  })
})

describe("SmtpReply.isTransient", () => {
  it("holds for 4xx alone", () => {
    assert.isTrue(SmtpReply.isTransient(SmtpReply.fromError(ERROR_REPLIES.ShuttingDown[0])))
    assert.isTrue(SmtpReply.isTransient(SmtpReply.fromError(ERROR_REPLIES.ApiRateLimited[0])))
    assert.isFalse(SmtpReply.isTransient(SmtpReply.senderAccepted))
    assert.isFalse(SmtpReply.isTransient(SmtpReply.badBase64))
  })
})

describe("SmtpReply.loggedText", () => {
  it("is the reply, without what a file is called", () => {
    const {
      AttachmentTooLarge: tooLarge,
      AttachmentUnsupported: unsupported,
      TooManyRecipients: tooMany
    } = ERROR_REPLIES
    assert.strictEqual(SmtpReply.loggedText(tooMany[0]), "452 4.5.3 Too many recipients")
    assert.strictEqual(SmtpReply.loggedText(tooLarge[0]), tooLarge[1].replace("film.pdf", "*.pdf"))
    assert.strictEqual(SmtpReply.loggedText(unsupported[0]), unsupported[1].replace("setup.exe", "*.exe"))
    const nameless = new AttachmentTooLarge({ fileName: "to whom it may concern", limit: 1 })
    assert.strictEqual(SmtpReply.loggedText(nameless), "552 5.3.4 Attachment * too large: the limit is 1 bytes")
  })
})

describe("SmtpReply.closing", () => {
  it("changes nothing but the end of the connection", () => {
    const open = SmtpReply.fromError(new AuthenticationFailed({ reason: "credentials" }))
    assert.deepStrictEqual(SmtpReply.closing(open), { ...open, close: true })
    assert.isFalse(open.close)
  })
})

describe("what clients of other services handle already", () => {
  it("a limit is a 4xx: the client comes back", () => {
    const limits = [
      ERROR_REPLIES.TooManyConnections,
      ERROR_REPLIES.TooManyRecipients,
      ERROR_REPLIES.MessageRateExceeded,
      ERROR_REPLIES.MessageBudgetExhausted,
      ERROR_REPLIES.ApiRateLimited,
      ERROR_REPLIES.SenderQuotaReached
    ] as const
    for (const [error] of limits) {
      assert.include([421, 450, 451, 452], SmtpReply.fromError(error).code, error._tag)
    }
  })

  it("a wrong login is 535, and a sender that is not confirmed 550 5.7.1 with what to do", () => {
    assert.strictEqual(SmtpReply.fromError(ERROR_REPLIES.AuthenticationFailed[0]).code, 535)
    const { code, enhanced, text } = SmtpReply.fromError(ERROR_REPLIES.SenderNotConfirmed[0])
    assert.strictEqual(`${code} ${enhanced}`, "550 5.7.1")
    assert.include(text, "confirm it at Cakemail, or send from one that is")
  })
})
