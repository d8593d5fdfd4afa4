import { Buffer } from "node:buffer"
import { assert, describe } from "@effect/vitest"
import { decoded, hasWarning, mail, parses, utf8 } from "./mail.ts"
import { base64Text } from "../../kit/mail.ts"

const attached = (...lines: ReadonlyArray<string>) =>
  mail(
    "Content-Type: multipart/mixed; boundary=b",
    "",
    "--b",
    "Content-Type: text/html",
    "",
    '<img src="cid:used@x"><a style="background: url(CID:odd%40x)">',
    "--b",
    ...lines,
    "--b--",
    ""
  )

describe("file names", () => {
  for (const [name, lines, expected] of [
    ["of the disposition", ["Content-Disposition: attachment; filename=a.pdf"], "a.pdf"],
    ["of the type", ["Content-Type: application/pdf; name=a.pdf"], "a.pdf"],
    [
      "the disposition outranks the type",
      ["Content-Type: application/pdf; name=b.pdf", "Content-Disposition: attachment; filename=a.pdf"],
      "a.pdf"
    ],
    ["quoted", ['Content-Disposition: attachment; filename="a b; c.pdf"'], "a b; c.pdf"],
    ["with escaped quotes", ['Content-Disposition: attachment; filename="a \\"b\\".pdf"'], 'a "b".pdf'],
    ["with blanks and no quotes", ["Content-Disposition: attachment; filename=my report (1).pdf"], "my report (1).pdf"],
    ["upper-case parameter", ["Content-Disposition: ATTACHMENT; FILENAME=a.pdf"], "a.pdf"],
    ["an encoded word", ["Content-Disposition: attachment; filename==?utf-8?Q?caf=C3=A9.pdf?="], "café.pdf"],
    ["an encoded word in quotes", ['Content-Disposition: attachment; filename="=?utf-8?B?Y2Fmw6kucGRm?="'], "café.pdf"],
    [
      "encoded words folded in quotes",
      ['Content-Type: application/pdf; name="=?utf-8?Q?caf?=', ' =?utf-8?Q?=C3=A9.pdf?="'],
      "café.pdf"
    ],
    ["RFC 2231", ["Content-Disposition: attachment; filename*=utf-8''caf%C3%A9.pdf"], "café.pdf"],
    [
      "RFC 2231 in latin1 with a language",
      ["Content-Disposition: attachment; filename*=iso-8859-1'fr'caf%E9.pdf"],
      "café.pdf"
    ],
    [
      "RFC 2231 outranks the plain one",
      ["Content-Disposition: attachment; filename=x.pdf; filename*=utf-8''%C3%A9.pdf"],
      "é.pdf"
    ],
    ["continued", ["Content-Disposition: attachment; filename*0=long;", ' filename*1="er.pdf"'], "longer.pdf"],
    [
      "continued out of order and encoded",
      ["Content-Disposition: attachment; filename*1*=%A9.pdf; filename*0*=utf-8''caf%C3"],
      "café.pdf"
    ],
    ["raw UTF-8", [`Content-Disposition: attachment; filename="${utf8("é.pdf")}"`], "é.pdf"],
    ["raw latin1", ['Content-Disposition: attachment; filename="\xe9.pdf"'], "é.pdf"],
    ["a Windows path", ['Content-Disposition: attachment; filename="C:\\docs\\new.pdf"'], "C:\\docs\\new.pdf"],
    ["an encoded line break", ["Content-Disposition: attachment; filename*=utf-8''a%0D%0Ab.pdf"], "a b.pdf"],
    ["an empty one", ['Content-Disposition: attachment; filename=""'], undefined],
    ["none", ["Content-Disposition: attachment"], undefined]
  ] as const) {
    parses(name, attached(...lines, "", "x"), (email) => {
      assert.lengthOf(email.attachments, 1)
      assert.strictEqual(email.attachments[0]?.fileName, expected)
    })
  }
})

describe("types", () => {
  for (const [name, lines, expected] of [
    ["upper case", ["Content-Type: IMAGE/PNG"], "image/png"],
    ["with a comment", ["Content-Type: image/png (a picture)"], "image/png"],
    ["after the file name when there is none", ["Content-Disposition: attachment; filename=a.pdf"], "application/pdf"],
    ["after the file name when it is malformed", ["Content-Type: text; name=a.pdf"], "application/pdf"],
    ["unknown extension", ["Content-Disposition: attachment; filename=a.q9"], "application/octet-stream"],
    ["the first of two", ["Content-Type: image/png", "Content-Type: image/gif"], "image/png"]
  ] as const) {
    parses(name, attached(...lines, "", "x"), (email) =>
      assert.strictEqual(email.attachments[0]?.contentType, expected)
    )
  }
})

describe("inline images", () => {
  for (const [name, lines, contentId, inline] of [
    ["referred to", ["Content-ID: <used@x>"], "used@x", true],
    ["referred to by an escaped address", ["Content-ID: <odd@x>"], "odd@x", true],
    ["not referred to", ["Content-ID: <other@x>"], "other@x", false],
    ["by disposition", ["Content-Disposition: inline"], undefined, true],
    ["attached although referred to", ["Content-ID: used@x", "Content-Disposition: attachment"], "used@x", true],
    ["an empty Content-ID", ["Content-ID: <>"], undefined, false]
  ] as const) {
    parses(name, attached("Content-Type: image/png", ...lines, "", "x"), (email) => {
      assert.strictEqual(email.attachments[0]?.contentId, contentId)
      assert.strictEqual(email.attachments[0]?.inline, inline)
    })
  }
})

describe("content", () => {
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7) % 256))
  const wrapped = (text: string, width = 76) => text.match(new RegExp(`.{1,${width}}`, "g")) ?? []
  const pdf = (encoding: string, ...lines: ReadonlyArray<string>) =>
    attached("Content-Type: application/pdf; name=a.pdf", `Content-Transfer-Encoding: ${encoding}`, "", ...lines)
  for (const [name, source, expected] of [
    ["base64", pdf("base64", ...wrapped(bytes.toString("base64"))), bytes.toString("latin1")],
    [
      "base64 with an empty line below",
      pdf("base64", ...wrapped(bytes.toString("base64")), ""),
      bytes.toString("latin1")
    ],
    ["base64 in odd widths", pdf("base64", ...wrapped(bytes.toString("base64"), 61)), bytes.toString("latin1")],
    ["base64 with bare LF", pdf("base64", wrapped(bytes.toString("base64")).join("\n")), bytes.toString("latin1")],
    ["base64 of nothing", pdf("base64", ""), ""],
    ["quoted-printable", pdf("quoted-printable", "=00=FF", "x"), "\0\xff\r\nx"],
    ["binary", pdf("binary", "\0\xff\r\n\r\nx "), "\0\xff\r\n\r\nx "],
    ["7bit keeps its line ends", pdf("7bit", "a\nb", "c", ""), "a\nb\r\nc\r\n"]
  ] as const) {
    parses(name, source, (email) => {
      const [attachment] = email.attachments
      assert.strictEqual(decoded(attachment), expected)
      assert.strictEqual(attachment?.size, expected.length)
      assert.deepStrictEqual(email.attachments.map(base64Text), [Buffer.from(expected, "latin1").toString("base64")])
      assert.deepStrictEqual(email.warnings, [])
    })
  }
  for (const [name, lines, expected] of [
    ["without padding", ["QUI"], "AB"],
    ["padded in the middle", ["QQ==", "QkM="], "ABC"],
    ["with blanks", ["Q U J D "], "ABC"],
    ["with foreign characters", ["QU*JD"], "ABC"],
    ["of eight bits", ["QUJD\xe9"], "ABC"],
    ["with a list footer", ["QUJD", "____", "-- "], "ABC"],
    ["in the alphabet of URLs it is not base64 of mail", ["QUJD-_"], "ABC"],
    ["with a stray character at the end", ["QUJDQ"], "ABC"],
    ["with nothing but padding", ["=="], ""]
  ] as const) {
    parses(`base64 ${name} is repaired`, pdf("base64", ...lines), (email) => {
      const [attachment] = email.attachments
      assert.deepStrictEqual(email.attachments.map(base64Text), [Buffer.from(expected).toString("base64")])
      assert.strictEqual(attachment?.size, expected.length)
      hasWarning(email, "base64")
    })
  }
  parses(
    "uuencode, with the name it carries",
    attached("Content-Transfer-Encoding: x-uuencode", "", "begin 644 cat.txt", "#0V%T", "`", "end"),
    (email) => {
      assert.strictEqual(email.attachments[0]?.fileName, "cat.txt")
      assert.strictEqual(decoded(email.attachments[0]), "Cat")
    }
  )
  parses("uuencode that never begins", pdf("uuencode", "no"), (email) =>
    assert.strictEqual(decoded(email.attachments[0]), "no")
  )
})

describe("embedded messages", () => {
  const embedded = ["Subject: =?utf-8?Q?caf=C3=A9:_1/2?=", "From: a@example.com", "", "line one", " -- ", "", "last"]
  const rfc822 = (...lines: ReadonlyArray<string>) => attached("Content-Type: message/rfc822", ...lines)
  parses("hold exactly their octets", rfc822("", ...embedded), (email) => {
    const [attachment] = email.attachments
    assert.strictEqual(decoded(attachment), embedded.join("\r\n"))
    assert.strictEqual(attachment?.contentType, "message/rfc822")
    assert.strictEqual(attachment?.fileName, "café 1 2.eml")
  })
  parses("keep their own name", rfc822("Content-Disposition: attachment; filename=f.eml", "", ...embedded), (email) =>
    assert.strictEqual(email.attachments[0]?.fileName, "f.eml")
  )
  parses("without a subject", rfc822("", "From: a@example.com", "", "x"), (email) =>
    assert.strictEqual(email.attachments[0]?.fileName, "message.eml")
  )
  parses("do not give the message a body", rfc822("Content-Disposition: inline", "", "", "inner text"), (email) =>
    assert.isUndefined(email.text)
  )
  parses(
    "with a multipart inside",
    rfc822("", "Content-Type: multipart/mixed; boundary=inner", "", "--inner", "", "x", "--inner--"),
    (email) => {
      assert.lengthOf(email.attachments, 1)
      assert.include(decoded(email.attachments[0]), "--inner--")
    }
  )
  parses(
    "in base64, which RFC 2046 forbids",
    rfc822("Content-Transfer-Encoding: base64", "", Buffer.from("Subject: s\r\n\r\nx").toString("base64")),
    (email) => {
      assert.strictEqual(email.attachments[0]?.fileName, "s.eml")
      assert.strictEqual(decoded(email.attachments[0]), "Subject: s\r\n\r\nx")
    }
  )
})
