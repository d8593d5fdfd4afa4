import { Buffer } from "node:buffer"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ATTACHMENT_SIZE_LIMIT, decoded, hasWarning, mail, parser, parses } from "./mail.ts"

const mixed = (boundary: string, ...lines: ReadonlyArray<string>) =>
  mail(`Content-Type: multipart/mixed; boundary=${boundary}`, "", ...lines)

describe("boundaries", () => {
  parses("preamble and epilogue are ignored", mixed("b", "preamble", "--b", "", "x", "--b--", "epilogue"), (email) => {
    assert.strictEqual(email.text, "x")
    assert.deepStrictEqual(email.warnings, [])
  })
  for (const [name, boundary] of [
    ["odd characters in quotes", `"'()+_,-./:=? x"`],
    ["a comment behind it", "b (comment)"],
    ["RFC 2231 continuation", "; boundary*0=b; boundary*1=c"],
    ["70 characters", "b".repeat(70)],
    ["200 characters", "b".repeat(200)]
  ] as const) {
    const value = { [`"'()+_,-./:=? x"`]: "'()+_,-./:=? x", "; boundary*0=b; boundary*1=c": "bc", "b (comment)": "b" }[
      boundary
    ]
    const line = `--${value ?? boundary}`
    parses(name, mixed(boundary, line, "", "x", `${line}--`), (email) => assert.strictEqual(email.text, "x"))
  }
  parses("blanks behind a boundary", mixed("b", "--b \t", "", "x", "--b--  "), (email) =>
    assert.strictEqual(email.text, "x")
  )
  parses("a blank at the end that belongs to the boundary", mixed('"b "', "--b ", "", "x", "--b", "--b --"), (email) =>
    assert.strictEqual(email.text, "x\n--b")
  )
  parses("or that only the header has", mixed('"b "', "--b", "", "x", "--b--"), (email) =>
    assert.strictEqual(email.text, "x")
  )
  parses(
    "a line that only begins like one",
    mixed("b", "--b", "", "--bc", "--b-", "--b--x", "-- b", "--b--"),
    (email) => assert.strictEqual(email.text, "--bc\n--b-\n--b--x\n-- b")
  )
  parses(
    "one that begins with the other",
    mixed(
      "a",
      "--a",
      "Content-Type: multipart/mixed; boundary=ab",
      "",
      "--ab",
      "",
      "inner",
      "--ab--",
      "--a",
      "",
      "outer",
      "--a--"
    ),
    (email) => {
      assert.strictEqual(email.text, "inner\nouter")
      assert.deepStrictEqual(email.warnings, [])
    }
  )
  parses("the line break before a boundary is not content", mixed("b", "--b", "", "x", "", "--b--"), (email) =>
    assert.strictEqual(email.text, "x\n")
  )
  parses("a part without headers or blank line", mixed("b", "--b", "--b", "", "x", "--b--"), (email) =>
    assert.strictEqual(email.text, "x")
  )
  parses("a part of headers only", mixed("b", "--b", "Content-Type: text/html", "--b", "", "x", "--b--"), (email) => {
    assert.strictEqual(email.text, "x")
    assert.isUndefined(email.html)
  })
  parses("empty parts", mixed("b", "--b", "", "--b", "", "", "--b--"), (email) => assert.isUndefined(email.text))
})

describe("malformed structure", () => {
  parses("no final boundary", mixed("b", "--b", "", "one", "--b", "", "two", ""), (email) => {
    assert.strictEqual(email.text, "one\ntwo\n")
    hasWarning(email, "final boundary")
  })
  parses(
    "no final boundary of an inner multipart",
    mixed(
      "out",
      "--out",
      "Content-Type: multipart/alternative; boundary=in",
      "",
      "--in",
      "",
      "text",
      "--out",
      "Content-Type: application/pdf; name=a.pdf",
      "",
      "x",
      "--out--"
    ),
    (email) => {
      assert.strictEqual(email.text, "text")
      assert.strictEqual(decoded(email.attachments[0]), "x")
      hasWarning(email, "final boundary")
    }
  )
  parses("no boundary parameter", mail("Content-Type: multipart/mixed", "", "--b", "", "x", "--b--"), (email) => {
    assert.strictEqual(email.text, "x")
    hasWarning(email, "boundary guessed")
  })
  parses(
    "another boundary than declared",
    mixed("c", "preamble", "--b", "Content-Type: text/html", "", "h", "--b--"),
    (email) => {
      assert.strictEqual(email.html, "h")
      hasWarning(email, "boundary guessed")
    }
  )
  parses("no boundary anywhere", mixed("b", "just", "text"), (email) => {
    assert.strictEqual(email.text, "just\ntext")
    hasWarning(email, "read as text")
  })
  parses("dashes that are no boundary", mixed("b", "-- ", "--------", "--- x", "text"), (email) =>
    assert.strictEqual(email.text, "-- \n--------\n--- x\ntext")
  )
  parses(
    "an inner multipart without a boundary",
    mixed("b", "--b", "Content-Type: multipart/alternative", "", "--c", "", "x", "--c--", "--b", "", "y", "--b--"),
    (email) => assert.strictEqual(email.text, "x\ny")
  )
  parses("no parts", mixed("b", "preamble", "--b--"), (email) => {
    assert.isUndefined(email.text)
    hasWarning(email, "without parts")
  })
  parses("nothing but the boundary", mixed("b", "--b"), (email) => assert.isUndefined(email.text))
  parses("no body at all", mixed("b"), (email) => {
    assert.isUndefined(email.text)
    assert.deepStrictEqual(email.attachments, [])
  })
  parses(
    "a multipart without a subtype",
    mail("Content-Type: multipart; boundary=b", "", "--b", "", "x", "--b--"),
    (email) => assert.strictEqual(email.text, "x")
  )
  parses(
    "a transfer encoding on a multipart is ignored",
    mail(
      "Content-Type: multipart/mixed; boundary=b",
      "Content-Transfer-Encoding: quoted-printable",
      "",
      "--b",
      "",
      "a=20b",
      "--b--"
    ),
    (email) => {
      assert.strictEqual(email.text, "a=20b")
      assert.deepStrictEqual(email.warnings, [])
    }
  )
  parses(
    "unless it was applied",
    mail(
      "Content-Type: multipart/mixed; boundary=b",
      "Content-Transfer-Encoding: base64",
      "",
      Buffer.from("--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\nh\r\n--b--").toString("base64")
    ),
    (email) => {
      assert.strictEqual(email.text, "x")
      assert.strictEqual(email.html, "h")
    }
  )
  for (const type of [
    "text",
    "text/plain;;;",
    "; charset=utf-8",
    "",
    "text/",
    "/",
    "text/plain; charset",
    "text/plain boundary=x",
    "=?x?Q?y?="
  ]) {
    parses(`Content-Type: ${type}`, mail(`Content-Type: ${type}`, "", "x"), (email) =>
      assert.strictEqual(email.text, "x")
    )
  }
  parses("two Content-Types", mail("Content-Type: text/html", "Content-Type: text/plain", "", "x"), (email) => {
    assert.strictEqual(email.html, "x")
    hasWarning(email, "second Content-Type")
  })
})

describe("line ends", () => {
  const lines = [
    "Subject: s",
    "Content-Type: multipart/mixed; boundary=b",
    "",
    "--b",
    "",
    "one",
    "two",
    "--b",
    "Content-Type: application/x; name=a",
    "",
    "x",
    "--b--",
    ""
  ]
  for (const [name, end] of [
    ["bare LF", "\n"],
    ["bare CR", "\r"],
    ["CRLF", "\r\n"]
  ] as const) {
    parses(name, Buffer.from(lines.join(end)), (email) => {
      assert.strictEqual(email.subject, "s")
      assert.strictEqual(email.text, "one\ntwo")
      assert.strictEqual(decoded(email.attachments[0]), "x")
    })
  }
  parses("all kinds in one text", mail("", "a\rb\nc\r\nd\n\re"), (email) =>
    assert.strictEqual(email.text, "a\nb\nc\nd\n\ne")
  )
  parses("bare CR in HTML", mail("Content-Type: text/html", "", "a\rb\r\nc"), (email) =>
    assert.strictEqual(email.html, "a\nb\nc")
  )
})

describe("hardly anything", () => {
  const nothing = {
    from: undefined,
    subject: "",
    text: undefined,
    html: undefined,
    attachments: [],
    messageId: undefined
  }
  for (const [name, source] of [
    ["no octets", ""],
    ["one line end", "\r\n"],
    ["only headers", "X-A: 1\r\n"],
    ["a header without a line end", "X-A: 1"]
  ] as const) {
    parses(name, Buffer.from(source), (email) => {
      for (const [key, value] of Object.entries(nothing)) {
        assert.deepStrictEqual(email[key as keyof typeof nothing], value)
      }
    })
  }
})

describe("limits", () => {
  const nested = (levels: number): ReadonlyArray<string> =>
    levels === 0
      ? ["Content-Type: text/plain", "", "deep"]
      : [
          `Content-Type: multipart/mixed; boundary=b${levels}`,
          "",
          `--b${levels}`,
          ...nested(levels - 1),
          `--b${levels}--`
        ]
  const parts = (count: number) => mixed("b", ...Array.from({ length: count }, () => ["--b", "", "x"]).flat(), "--b--")
  const fails = (name: string, source: Buffer, expected: object) =>
    it.effect(name, () =>
      Effect.map(Effect.flip(parser.parse(source)), (error) => assert.deepInclude({ ...error }, expected))
    )
  parses("10 levels", mail(...nested(10)), (email) => assert.strictEqual(email.text, "deep"))
  fails("11 levels", mail(...nested(11)), { _tag: "MimeLimitExceeded", limit: "nesting", maximum: 10 })
  fails(
    "60 levels without boundary parameters",
    mail(...Array.from({ length: 60 }, (_, level) => ["Content-Type: multipart/mixed", "", `--b${level}`]).flat()),
    { _tag: "MimeLimitExceeded", limit: "nesting" }
  )
  parses("1000 parts", parts(1000), (email) => assert.strictEqual(email.text, Array(1000).fill("x").join("\n")))
  fails("1001 parts", parts(1001), { _tag: "MimeLimitExceeded", limit: "parts", maximum: 1000 })
  parses("256 KiB of headers", mail(`X: ${"a".repeat(262_144 - 7)}`, "", ""), (email) =>
    assert.lengthOf(email.headers, 1)
  )
  fails("one byte more", mail(`X: ${"a".repeat(262_144 - 6)}`, "", ""), {
    _tag: "MimeLimitExceeded",
    limit: "headers",
    maximum: 262_144
  })
  fails("many headers", mail(...Array.from({ length: 100_000 }, () => "A: b"), "", ""), { limit: "headers" })
  fails("headers of a part", mixed("b", "--b", `X: ${"a".repeat(300_000)}`, "", "x", "--b--"), { limit: "headers" })
  const file = (size: number) =>
    mail(
      "Content-Type: application/pdf; name=big.pdf",
      "Content-Transfer-Encoding: base64",
      "",
      Buffer.alloc(size, "x").toString("base64")
    )
  parses("an attachment of the limit", file(ATTACHMENT_SIZE_LIMIT), (email) =>
    assert.strictEqual(email.attachments[0]?.size, ATTACHMENT_SIZE_LIMIT)
  )
  fails("an attachment above it", file(ATTACHMENT_SIZE_LIMIT + 1), {
    _tag: "AttachmentTooLarge",
    fileName: "big.pdf",
    limit: ATTACHMENT_SIZE_LIMIT
  })
  parses("a body above it is no attachment", mail("", "x".repeat(ATTACHMENT_SIZE_LIMIT + 1)), (email) =>
    assert.lengthOf(email.text ?? "", ATTACHMENT_SIZE_LIMIT + 1)
  )
  parses(
    "warnings are bounded and hold nothing of the message",
    mixed(
      "b",
      ...Array.from({ length: 30 }, (_, index) => [
        "--b",
        `Content-Type: text/plain; charset="secret ${index}<>"`,
        "",
        "x"
      ]).flat(),
      "--b--"
    ),
    (email) => {
      assert.lengthOf(email.warnings, 21)
      assert.strictEqual(email.warnings[0], "unknown charset secret0")
      assert.strictEqual(email.warnings[20], "10 more warnings left out")
    }
  )
})
