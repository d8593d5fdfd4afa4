import { assert, describe } from "@effect/vitest"
import { decoded, hasWarning, mail, parses } from "./mail.ts"

const multipart = (subtype: string, ...parts: ReadonlyArray<ReadonlyArray<string>>) => [
  `Content-Type: multipart/${subtype}; boundary="=_${subtype}"`,
  "",
  ...parts.flatMap((part) => [`--=_${subtype}`, ...part]),
  `--=_${subtype}--`
]

const plain = (text: string) => ["Content-Type: text/plain", "", text]
const html = (text: string) => ["Content-Type: text/html", "", text]
const file = (name: string, content: string, type = "text/plain") => [
  `Content-Type: ${type}`,
  `Content-Disposition: attachment; filename="${name}"`,
  "",
  content
]

describe("single bodies", () => {
  parses("text without any MIME header", mail("Subject: s", "", "one", "two", ""), (email) => {
    assert.strictEqual(email.text, "one\ntwo\n")
    assert.isUndefined(email.html)
    assert.deepStrictEqual(email.attachments, [])
    assert.deepStrictEqual(email.warnings, [])
  })
  parses("HTML alone", mail("Content-Type: text/html", "", "<p>one", "two</p>"), (email) => {
    assert.strictEqual(email.html, "<p>one\ntwo</p>")
    assert.isUndefined(email.text)
  })
  parses("an empty body is none", mail("Subject: s", "", ""), (email) => assert.isUndefined(email.text))
  parses("blanks and empty lines of a text stay", mail("", "", " a  ", "", ""), (email) =>
    assert.strictEqual(email.text, "\n a  \n\n")
  )
  parses(
    "the CR of a CRLF, encoded for itself, makes no second line",
    mail("Content-Transfer-Encoding: quoted-printable", "", "one=0D", "=0D", "two=0D", "three=0Dfour"),
    (email) => assert.strictEqual(email.text, "one\n\ntwo\nthree\nfour")
  )
  parses("a whole message that is a file", mail("Content-Type: application/pdf; name=a.pdf", "", "%PDF"), (email) => {
    assert.isUndefined(email.text)
    assert.strictEqual(email.attachments[0]?.fileName, "a.pdf")
    assert.strictEqual(decoded(email.attachments[0]), "%PDF")
  })
  parses("a text with a name is a file", mail("Content-Type: text/plain; name=notes.txt", "", "x"), (email) => {
    assert.isUndefined(email.text)
    assert.strictEqual(email.attachments[0]?.fileName, "notes.txt")
  })
  parses(
    "unknown text as the only part is read as plain text",
    mail("Content-Type: text/enriched", "", "x"),
    (email) => {
      assert.strictEqual(email.text, "x")
      hasWarning(email, "text/enriched")
    }
  )
  parses("a calendar as the only part", mail("Content-Type: text/calendar; method=REQUEST", "", "BEGIN"), (email) => {
    assert.strictEqual(email.attachments[0]?.fileName, "invite.ics")
    assert.strictEqual(email.attachments[0]?.contentType, "text/calendar")
    assert.isUndefined(email.text)
  })
  parses("an image as the only part", mail("Content-Type: image/png", "", "x"), (email) => {
    assert.isUndefined(email.attachments[0]?.fileName)
    assert.strictEqual(email.attachments[0]?.contentType, "image/png")
  })
})

describe("an invitation", () => {
  const asBody = ["Content-Type: text/calendar; method=REQUEST", "", "BEGIN"]
  const asFile = ['Content-Type: application/ics; name="invite.ics"', "", "BEGIN"]

  parses("as an alternative is attached", mail(...multipart("alternative", plain("t"), asBody)), (email) => {
    assert.deepStrictEqual(
      email.attachments.map(({ fileName }) => fileName),
      ["invite.ics"]
    )
  })
  parses(
    "as an alternative and as a file is attached once",
    mail(...multipart("mixed", multipart("alternative", plain("t"), asBody), asFile)),
    (email) => {
      assert.deepStrictEqual(
        email.attachments.map(({ contentType, fileName }) => [fileName, contentType]),
        [["invite.ics", "application/ics"]]
      )
      hasWarning(email, "text/calendar left out")
    }
  )
})

describe("comments before a value", () => {
  parses(
    "are skipped in Content-Type and Content-Transfer-Encoding",
    mail(
      "Content-Type: (c) text/html; charset=utf-8",
      "Content-Transfer-Encoding: (c) quoted-printable",
      "",
      "caf=C3=A9"
    ),
    (email) => assert.strictEqual(email.html, "café")
  )
})

describe("multipart/alternative", () => {
  parses("text and HTML", mail(...multipart("alternative", plain("t"), html("<p>h</p>"))), (email) => {
    assert.strictEqual(email.text, "t")
    assert.strictEqual(email.html, "<p>h</p>")
  })
  parses("HTML first", mail(...multipart("alternative", html("<p>h</p>"), plain("t"))), (email) => {
    assert.strictEqual(email.text, "t")
    assert.strictEqual(email.html, "<p>h</p>")
  })
  parses(
    "a calendar is attached",
    mail(
      ...multipart("alternative", plain("t"), ["Content-Type: text/calendar; method=REQUEST", "", "BEGIN:VCALENDAR"])
    ),
    (email) => {
      assert.strictEqual(email.text, "t")
      assert.strictEqual(email.attachments[0]?.fileName, "invite.ics")
      assert.strictEqual(decoded(email.attachments[0]), "BEGIN:VCALENDAR")
    }
  )
  parses(
    "a calendar keeps a name of its own",
    mail(...multipart("alternative", plain("t"), ["Content-Type: text/calendar; name=m.ics", "", "B"])),
    (email) => assert.strictEqual(email.attachments[0]?.fileName, "m.ics")
  )
  for (const type of ["text/x-amp-html", "text/watch-html", "text/enriched", "application/json"]) {
    parses(
      `${type} is left out`,
      mail(...multipart("alternative", plain("t"), [`Content-Type: ${type}`, "", "x"], html("h"))),
      (email) => {
        assert.strictEqual(email.text, "t")
        assert.strictEqual(email.html, "h")
        assert.deepStrictEqual(email.attachments, [])
        assert.deepStrictEqual(email.warnings, [`${type} left out`])
      }
    )
  }
  parses(
    "a named file among the alternatives is attached",
    mail(...multipart("alternative", plain("t"), file("a.pdf", "x", "application/pdf"))),
    (email) => assert.strictEqual(email.attachments[0]?.fileName, "a.pdf")
  )
  parses("of two texts the first counts", mail(...multipart("alternative", plain("one"), plain("two"))), (email) => {
    assert.strictEqual(email.text, "one")
    hasWarning(email, "second version")
  })
  parses(
    "HTML inside multipart/related",
    mail(
      ...multipart(
        "alternative",
        plain("t"),
        multipart("related", html('<img src="cid:logo@x">'), [
          "Content-Type: image/png",
          "Content-ID: <logo@x>",
          "",
          "p"
        ])
      )
    ),
    (email) => {
      assert.strictEqual(email.text, "t")
      assert.strictEqual(email.html, '<img src="cid:logo@x">')
      assert.strictEqual(email.attachments[0]?.contentId, "logo@x")
      assert.strictEqual(email.attachments[0]?.inline, true)
    }
  )
  parses(
    "HTML around a file, as Apple Mail sends it",
    mail(
      ...multipart(
        "alternative",
        plain("all of it"),
        multipart("mixed", html("<p>before</p>"), file("a.pdf", "x", "application/pdf"), html("<p>after</p>"))
      )
    ),
    (email) => {
      assert.strictEqual(email.text, "all of it")
      assert.strictEqual(email.html, "<p>before</p>\n<p>after</p>")
      assert.lengthOf(email.attachments, 1)
    }
  )
})

describe("multipart/mixed", () => {
  parses("text and a text file", mail(...multipart("mixed", plain("body"), file("a.txt", "file"))), (email) => {
    assert.strictEqual(email.text, "body")
    assert.strictEqual(email.attachments[0]?.fileName, "a.txt")
    assert.strictEqual(decoded(email.attachments[0]), "file")
  })
  parses("a text file before the body", mail(...multipart("mixed", file("a.txt", "file"), plain("body"))), (email) => {
    assert.strictEqual(email.text, "body")
    assert.strictEqual(email.attachments[0]?.fileName, "a.txt")
  })
  parses(
    "a text file shown inline is still a file",
    mail(
      ...multipart("mixed", plain("body"), [
        "Content-Type: text/plain",
        "Content-Disposition: inline; filename=a.txt",
        "",
        "file"
      ])
    ),
    (email) => {
      assert.strictEqual(email.text, "body")
      assert.strictEqual(email.attachments[0]?.inline, true)
    }
  )
  parses(
    "an attachment without a name",
    mail(...multipart("mixed", plain("body"), ["Content-Disposition: attachment", "", "file"])),
    (email) => {
      assert.strictEqual(email.text, "body")
      assert.isUndefined(email.attachments[0]?.fileName)
      assert.strictEqual(email.attachments[0]?.contentType, "application/octet-stream")
    }
  )
  parses(
    "an HTML file is no body",
    mail(...multipart("mixed", plain("body"), file("page.html", "<p>", "text/html"))),
    (email) => {
      assert.isUndefined(email.html)
      assert.strictEqual(email.attachments[0]?.contentType, "text/html")
    }
  )
  parses("texts are appended", mail(...multipart("mixed", plain("one"), plain("two"))), (email) =>
    assert.strictEqual(email.text, "one\ntwo")
  )
  parses("HTML is appended to HTML", mail(...multipart("mixed", html("<p>1</p>"), html("<p>2</p>"))), (email) =>
    assert.strictEqual(email.html, "<p>1</p>\n<p>2</p>")
  )
  parses("the first of each kind are the bodies", mail(...multipart("mixed", plain("t"), html("h"))), (email) => {
    assert.strictEqual(email.text, "t")
    assert.strictEqual(email.html, "h")
  })
  parses(
    "a text below HTML stays text, and the HTML stays as it is",
    mail(...multipart("mixed", html("<p>h</p>"), plain("list <a&b>"))),
    (email) => {
      assert.strictEqual(email.text, "list <a&b>")
      assert.strictEqual(email.html, "<p>h</p>")
    }
  )
  parses(
    "a footer below both kinds",
    mail(...multipart("mixed", multipart("alternative", plain("t"), html("<p>h</p>")), plain("footer"))),
    (email) => {
      assert.strictEqual(email.text, "t\nfooter")
      assert.strictEqual(email.html, "<p>h</p>")
    }
  )
  parses(
    "a text above both kinds",
    mail(...multipart("mixed", plain("intro"), multipart("alternative", plain("t"), html("<p>h</p>")))),
    (email) => {
      assert.strictEqual(email.text, "intro\nt")
      assert.strictEqual(email.html, "<p>h</p>")
    }
  )
  parses(
    "mixed, alternative and related inside each other",
    mail(
      ...multipart(
        "mixed",
        multipart("related", multipart("alternative", plain("t"), html('<img src="cid:i">')), [
          "Content-Type: image/jpeg; name=i.jpg",
          "Content-ID: <i>",
          "",
          "j"
        ]),
        file("a.pdf", "x", "application/pdf")
      )
    ),
    (email) => {
      assert.strictEqual(email.text, "t")
      assert.deepStrictEqual(
        email.attachments.map(({ fileName, inline }) => [fileName, inline]),
        [
          ["i.jpg", true],
          ["a.pdf", false]
        ]
      )
    }
  )
})

describe("other containers", () => {
  parses(
    "of signed mail the content",
    mail(
      ...multipart("signed", plain("t"), ["Content-Type: application/pgp-signature; name=signature.asc", "", "-----"])
    ),
    (email) => {
      assert.strictEqual(email.text, "t")
      assert.deepStrictEqual(email.attachments, [])
      hasWarning(email, "application/pgp-signature left out")
    }
  )
  for (const [type, name] of [
    ["application/pkcs7-signature", "smime.p7s"],
    ["application/x-pkcs7-signature", "smime.p7s"],
    ["application/octet-stream", "smime.p7s"],
    ["application/octet-stream", "signature.asc"]
  ] as const) {
    parses(
      `${name} as ${type} is left out`,
      mail(...multipart("mixed", plain("t"), file(name, "x", type))),
      (email) => {
        assert.deepStrictEqual(email.attachments, [])
        hasWarning(email, `${type} left out`)
      }
    )
  }
  parses(
    "a public key is a file",
    mail(...multipart("mixed", plain("t"), file("key.asc", "x", "application/pgp-keys"))),
    (email) => assert.strictEqual(email.attachments[0]?.fileName, "key.asc")
  )
  parses(
    "encrypted mail keeps its content",
    mail(
      ...multipart(
        "encrypted",
        ["Content-Type: application/pgp-encrypted", "", "Version: 1"],
        file("encrypted.asc", "x")
      )
    ),
    (email) =>
      assert.deepStrictEqual(
        email.attachments.map((attachment) => attachment.fileName),
        [undefined, "encrypted.asc"]
      )
  )
  parses(
    "a delivery report",
    mail(
      ...multipart(
        "report",
        plain("failed"),
        ["Content-Type: message/delivery-status", "", "Action: failed"],
        ["Content-Type: text/rfc822-headers", "", "Subject: s"]
      )
    ),
    (email) => {
      assert.strictEqual(email.text, "failed")
      assert.deepStrictEqual(
        email.attachments.map((attachment) => attachment.contentType),
        ["message/delivery-status", "text/rfc822-headers"]
      )
    }
  )
  parses("parts of a digest are messages", mail(...multipart("digest", ["", "Subject: one", "", "1"])), (email) => {
    assert.strictEqual(email.attachments[0]?.contentType, "message/rfc822")
    assert.strictEqual(email.attachments[0]?.fileName, "one.eml")
  })
  parses("an unknown subtype is mixed", mail(...multipart("x-unknown", plain("one"), plain("two"))), (email) =>
    assert.strictEqual(email.text, "one\ntwo")
  )
  parses(
    "winmail.dat is a file",
    mail(...multipart("mixed", plain("t"), file("winmail.dat", "x", "application/ms-tnef"))),
    (email) => assert.strictEqual(email.attachments[0]?.contentType, "application/ms-tnef")
  )
})

describe("format=flowed", () => {
  const flowed = (parameters: string, ...lines: ReadonlyArray<string>) =>
    mail(`Content-Type: text/plain; format=flowed${parameters}`, "", ...lines)
  parses("paragraphs are joined", flowed("", "one ", "two", "three", ""), (email) =>
    assert.strictEqual(email.text, "one two\nthree\n")
  )
  parses("delsp drops the blank", flowed("; DelSp=Yes", "won ", "derful"), (email) =>
    assert.strictEqual(email.text, "wonderful")
  )
  parses("stuffing goes", flowed("", " From here", "  indented"), (email) =>
    assert.strictEqual(email.text, "From here\n indented")
  )
  parses("the signature separator is no soft break", flowed("", "bye", "-- ", "Ann"), (email) =>
    assert.strictEqual(email.text, "bye\n-- \nAnn")
  )
  parses("quotes are joined within their depth", flowed("", "> one ", "> two", ">> three ", "mine", ">"), (email) =>
    assert.strictEqual(email.text, "> one two\n>> three \nmine\n>")
  )
  parses("without the parameter nothing is joined", mail("", "one ", "two"), (email) =>
    assert.strictEqual(email.text, "one \ntwo")
  )
})
