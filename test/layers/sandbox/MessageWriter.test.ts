import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type AddressObject, simpleParser } from "mailparser"
import { writeMessage } from "../../../src/layers/sandbox/MessageWriter.ts"
import type { CapturedMessage } from "../../../src/services/SandboxMessages.ts"
import { capturedMessage } from "./capturedMessage.ts"

const parse = (message: CapturedMessage) =>
  Effect.promise(() => simpleParser(writeMessage(message), { skipTextToHtml: true, skipHtmlToText: true }))

const textOf = (addresses: AddressObject | Array<AddressObject> | undefined) =>
  Array.isArray(addresses) ? addresses.map(({ text }) => text).join() : addresses?.text

it.effect("everything comes back", () =>
  Effect.gen(function* () {
    const first = Buffer.from("x".repeat(200))
    const second = Buffer.from([0, 1, 2, 255])
    const mail = yield* parse(
      capturedMessage({
        sender: { address: "sender@example.com", name: 'Jörg "JM" Müller' },
        recipient: { address: "recipient@example.net", name: "Doe, Jane" },
        subject: "Grüße 🎂 ".repeat(20).trim(),
        text: "Zeile eins\r\nZeile zwei: ä ö ü = 100 %  \n\n.\nFrom here\ttab\t\n",
        html: `<p>${"long ".repeat(400)}€</p>\n`,
        headers: [
          { name: "Message-ID", value: "<m1@example.com>" },
          { name: "Date", value: "Thu, 01 Jan 2026 10:00:00 +0100" },
          { name: "References", value: Array.from({ length: 12 }, (_, n) => `<reference-${n}@example.com>`).join(" ") },
          { name: "Reply-To", value: '"Größe, Amt" <reply@example.com>, Öl Werk <oil@example.com>' },
          { name: "X-Twice", value: "1" },
          { name: "X-Twice", value: "2" },
          { name: "X-Text", value: "Überraschung" },
          { name: "Content-Type", value: "text/plain" },
          { name: "Bcc", value: "hidden@example.com" }
        ],
        attachments: [
          { fileName: "report.pdf", contentType: "application/pdf", size: 200 },
          { fileName: "größe (1)'.bin", contentType: "application/octet-stream", size: 4 }
        ],
        attachmentContents: () => [first, second].map((content) => content.toString("base64"))
      })
    )
    assert.deepStrictEqual(mail.from?.value[0], { address: "sender@example.com", name: 'Jörg "JM" Müller' })
    assert.strictEqual(textOf(mail.to), '"Doe, Jane" <recipient@example.net>')
    assert.strictEqual(mail.subject, "Grüße 🎂 ".repeat(20).trim())
    assert.strictEqual(mail.text, "Zeile eins\nZeile zwei: ä ö ü = 100 %  \n\n.\nFrom here\ttab\t\n")
    assert.strictEqual(mail.html, `<p>${"long ".repeat(400)}€</p>\n`)
    assert.strictEqual(mail.messageId, "<m1@example.com>")
    assert.strictEqual(mail.date?.toISOString(), "2026-01-01T09:00:00.000Z")
    assert.strictEqual(mail.references?.length, 12)
    assert.deepStrictEqual(mail.replyTo?.value, [
      { address: "reply@example.com", name: "Größe, Amt" },
      { address: "oil@example.com", name: "Öl Werk" }
    ])
    assert.deepStrictEqual(mail.headers.get("x-twice"), ["1", "2"])
    // The parser leaves fields that it does not know as they are.
    assert.strictEqual(mail.headers.get("x-text"), "=?utf-8?B?w5xiZXJyYXNjaHVuZw==?=")
    assert.isUndefined(mail.bcc)
    assert.deepStrictEqual(
      mail.attachments.map(({ content, contentType, filename }) => ({ content, contentType, filename })),
      [
        { content: first, contentType: "application/pdf", filename: "report.pdf" },
        { content: second, contentType: "application/octet-stream", filename: "größe (1)'.bin" }
      ]
    )
  })
)

it.effect.each<[string, Partial<CapturedMessage>, string | undefined, string | false]>([
  ["text alone", { text: "Hello" }, "Hello", false],
  ["html alone", { html: "<p>Hello</p>" }, "", "<p>Hello</p>"],
  ["neither", {}, undefined, false],
  ["a line longer than SMTP allows", { text: "y".repeat(5_000) }, "y".repeat(5_000), false],
  [
    "soft breaks at the edge",
    { text: `${"z".repeat(74)}ä${"=".repeat(80)} \n` },
    `${"z".repeat(74)}ä${"=".repeat(80)} \n`,
    false
  ],
  ["a lone carriage return", { text: "a\rb\n" }, "a\rb\n", false],
  ["an unpaired surrogate", { text: "a\ud800b" }, "a\ufffdb", false]
])("bodies: %s", ([, changes, text, html]) =>
  Effect.gen(function* () {
    const mail = yield* parse(capturedMessage(changes))
    assert.strictEqual(mail.text, text)
    assert.strictEqual(mail.html, html)
  })
)

it.effect("fields that are missing are made, and only those", () =>
  Effect.gen(function* () {
    const message = capturedMessage({ receivedAt: Date.parse("2026-01-02T03:04:05Z"), text: "t" })
    assert.strictEqual(
      writeMessage(message),
      [
        "From: sender@example.com",
        "To: recipient@example.net",
        "Subject: Hello",
        "Date: Fri, 02 Jan 2026 03:04:05 +0000",
        "Message-ID: <id-1@sandbox.invalid>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
        "",
        "t"
      ].join("\r\n")
    )
    const headers = [
      { name: "To", value: "Everybody <all@example.com>" },
      { name: "Cc", value: "cc@example.com" }
    ]
    const mail = yield* parse(capturedMessage({ text: "t", headers }))
    assert.strictEqual(textOf(mail.to), '"Everybody" <all@example.com>')
    assert.strictEqual(textOf(mail.cc), "cc@example.com")
  })
)

it("lines keep to what RFC 5322 and RFC 2045 allow", () => {
  const raw = writeMessage(
    capturedMessage({
      subject: "ü".repeat(300),
      sender: { address: "s@example.com", name: "word ".repeat(40).trim() },
      headers: [{ name: "X-A-Rather-Long-Name", value: "ü".repeat(30) }],
      text: "ä".repeat(3_000),
      attachments: [{ fileName: "a.pdf", contentType: "application/pdf", size: 3_000 }],
      attachmentContents: () => ["QUJD".repeat(1_000)]
    })
  )
  const lines = raw.split("\r\n")
  assert.isAtMost(Math.max(...lines.map((line) => line.length)), 76)
  assert.isFalse(lines.some((line) => /[\r\n]/.test(line)))
  assert.match(raw, /^[\x00-\x7f]*$/)
})

it("no value starts a field of its own", () => {
  const raw = writeMessage(
    capturedMessage({
      subject: "a\r\nBcc: x@example.com",
      sender: { address: "s@example.com", name: "n\nX-Evil: 1" },
      text: "t",
      attachments: [{ fileName: 'f"\r\nX-Evil: 2.pdf', contentType: "application/pdf", size: 0 }],
      attachmentContents: () => [""]
    })
  )
  assert.notMatch(raw, /^(?:Bcc|X-Evil):/m)
})
