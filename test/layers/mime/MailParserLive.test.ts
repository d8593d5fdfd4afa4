import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { headerValue } from "../../../src/domain/Email.ts"
import { MailParserLive } from "../../../src/layers/mime/MailParserLive.ts"

import { MailParser } from "../../../src/services/MailParser.ts"
import { configWith } from "../../kit/SettingsKit.ts"
import { decoded, hasWarning, mail, parser, parses } from "./mail.ts"
import { base64Text } from "../../kit/mail.ts"

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/mime/${name}.eml`, import.meta.url))

describe("whole messages", () => {
  parses("a newsletter with an inline image and a file", fixture("newsletter"), (email) => {
    assert.deepStrictEqual(email.from, { address: "news@example.com", name: "Café, Le" })
    assert.deepStrictEqual(email.to, [{ address: "bob@example.org", name: "Bob Example" }])
    assert.deepStrictEqual(email.replyTo, [{ address: "help@example.com", name: "" }])
    assert.deepStrictEqual(email.cc, [])
    assert.strictEqual(email.subject, "Nouveautés de janvier €")
    assert.strictEqual(email.messageId, "<newsletter-1@example.com>")
    assert.strictEqual(headerValue(email, "from"), '"Café, Le" <news@example.com>')
    assert.strictEqual(
      headerValue(email, "List-Unsubscribe"),
      "<https://example.com/unsubscribe?u=1>, <mailto:leave@example.com>"
    )
    assert.strictEqual(email.text, "Bonjour Bob, voici les nouveautés de janvier : un  long paragraphe.\n\n-- \nCafé")
    assert.strictEqual(email.html, '<p>Bonjour Bob,</p><img src="cid:logo@example.com"><p>voici les nouveautés</p>')
    assert.deepStrictEqual(
      email.attachments.map(({ contentId, contentType, fileName, inline, size }) => ({
        contentId,
        contentType,
        fileName,
        inline,
        size
      })),
      [
        { contentId: "logo@example.com", contentType: "image/png", fileName: "logo.png", inline: true, size: 114 },
        {
          contentId: undefined,
          contentType: "application/pdf",
          fileName: "tarifs été.pdf",
          inline: false,
          size: 19
        }
      ]
    )
    assert.strictEqual(email.attachments.map(base64Text)[1], "JVBERi0xLjQKJSBleGFtcGxlCg==")
    assert.deepStrictEqual(email.warnings, [])
  })

  parses("an invitation", fixture("invitation"), (email) => {
    assert.strictEqual(email.text, "Lunch on Friday?")
    assert.strictEqual(email.html, "<p>Lunch on Friday?</p>")
    assert.deepStrictEqual(
      email.attachments.map(({ contentType, fileName }) => [fileName, contentType]),
      [["invite.ics", "text/calendar"]]
    )
  })

  parses("signed mail", fixture("signed"), (email) => {
    assert.strictEqual(email.text, "I did write this.")
    assert.deepStrictEqual(
      email.attachments.map((attachment) => [attachment.fileName, decoded(attachment)]),
      [["numbers.csv", "a,b\r\n1,2"]]
    )
  })

  parses("a bounce", fixture("bounce"), (email) => {
    assert.strictEqual(email.text, "The mail could not be delivered.")
    assert.isUndefined(email.html)
    assert.deepStrictEqual(
      email.attachments.map(({ contentType, fileName }) => [fileName, contentType]),
      [
        [undefined, "message/delivery-status"],
        ["hello.eml", "message/rfc822"]
      ]
    )
    assert.match(decoded(email.attachments[1]), /^From: ann@example\.com\r\n[^]*--deep--\r\n$/)
  })

  parses("Japanese", fixture("japanese"), (email) => {
    assert.deepStrictEqual(email.from, { address: "yamada@example.jp", name: "山田" })
    assert.strictEqual(email.subject, "こんにちは")
    assert.strictEqual(email.text, "こんにちは Bob\n")
  })

  parses("8-bit text without any declaration but the HTML's own", fixture("latin1"), (email) => {
    assert.deepStrictEqual(email.from, { address: "juergen@example.com", name: "Jürgen" })
    assert.strictEqual(email.subject, "Grüße")
    assert.strictEqual(email.html, '<meta charset="utf-8"><p>Grüße für 5 €</p>\n')
  })

  parses("a mail with everything wrong", fixture("broken"), (email) => {
    assert.deepStrictEqual(email.from, { address: "ann@example.com", name: "" })
    assert.deepStrictEqual(email.to, [])
    assert.strictEqual(email.subject, "=?utf-8?Q?half a word")
    assert.strictEqual(email.text, "the text")
    assert.strictEqual(email.html, "<p>the html</p>")
    assert.strictEqual(decoded(email.attachments[0]), "ABCDEF")
    for (const repaired of ["no header", "guessed", "x-nonsense", "final boundary", "base64"])
      hasWarning(email, repaired)
  })
})

describe("the service", () => {
  it.effect("takes the attachment limit from the configuration", () =>
    Effect.gen(function* () {
      const { parse } = yield* MailParser
      const email = yield* parse(mail("Content-Type: image/png; name=a.png", "", "1234"))
      assert.strictEqual(email.attachments[0]?.size, 4)
      const error = yield* Effect.flip(parse(mail("Content-Type: image/png; name=a.png", "", "12345")))
      assert.deepInclude({ ...error }, { _tag: "AttachmentTooLarge", fileName: "a.png", limit: 4 })
    }).pipe(Effect.provide(MailParserLive.pipe(Layer.provide(configWith({ smtp: { attachmentSizeLimit: 4 } })))))
  )

  it.effect("reads a view into a larger buffer without its surroundings", () =>
    Effect.gen(function* () {
      const whole = mail("xx", "Subject: s", "", "body", "--")
      const email = yield* parser.parse(new Uint8Array(whole.buffer, whole.byteOffset + 4, whole.length - 8))
      assert.strictEqual(email.subject, "s")
      assert.strictEqual(email.text, "body")
    })
  )

  it.effect("maps what a library throws to MessageMalformed", () =>
    Effect.gen(function* () {
      const unreadable = new Proxy(new Uint8Array(4), {
        get: () => {
          throw new RangeError("no")
        }
      })
      const error = yield* Effect.flip(parser.parse(unreadable))
      assert.strictEqual(error._tag, "MessageMalformed")
      assert.strictEqual(error.cause, "RangeError", "what it says may quote the message")
    })
  )
})
