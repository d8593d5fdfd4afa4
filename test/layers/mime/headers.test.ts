import { assert, describe } from "@effect/vitest"
import { headerValue } from "../../../src/domain/Email.ts"
import { hasWarning, mail, parses, utf8 } from "./mail.ts"

describe("header list", () => {
  parses(
    "keeps every field in order, spelling and repetition",
    mail(
      "Received: one",
      "Received: two",
      "X-Tags: a,b",
      "x-EMPTY:",
      "List-Unsubscribe: <https://example.com/u?a=1>",
      "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
      "Bcc: hidden@example.com",
      "",
      ""
    ),
    (email) =>
      assert.deepStrictEqual(email.headers, [
        { name: "Received", value: "one" },
        { name: "Received", value: "two" },
        { name: "X-Tags", value: "a,b" },
        { name: "x-EMPTY", value: "" },
        { name: "List-Unsubscribe", value: "<https://example.com/u?a=1>" },
        { name: "List-Unsubscribe-Post", value: "List-Unsubscribe=One-Click" },
        { name: "Bcc", value: "hidden@example.com" }
      ])
  )
  for (const [name, lines, expected] of [
    ["folded by a blank", ["X-A: one", " two"], "one two"],
    ["folded by tabs", ["X-A: one", "\t\ttwo"], "one two"],
    ["folded before the value", ["X-A:", " one"], "one"],
    ["folded over a line of blanks", ["X-A: one", "  ", " two"], "one  two"],
    ["no blank behind the colon", ["X-A:one"], "one"],
    ["blanks before the colon", ["X-A \t: one"], "one"],
    ["colons in the value", ["X-A: b: c"], "b: c"],
    ["raw UTF-8", [`X-A: ${utf8("Grüße")}`], "Grüße"],
    ["raw latin1", ["X-A: Gr\xfc\xdfe"], "Grüße"],
    ["raw 8-bit in the charset of the body", ["X-A: \xf0\xd2", "Content-Type: text/plain; charset=koi8-r"], "Пр"],
    ["NUL", ["X-A: a\0b"], "ab"],
    ["an encoded line break", ["X-A: =?utf-8?Q?a=0D=0ABcc:_b=00?="], "a Bcc: b "]
  ] as const) {
    parses(name, mail(...lines, "", ""), (email) => assert.strictEqual(headerValue(email, "X-A"), expected))
  }
  parses("long lines", mail(`X-A: ${"a".repeat(5000)}`, "", "b".repeat(5000)), (email) => {
    assert.lengthOf(headerValue(email, "X-A") ?? "", 5000)
    assert.lengthOf(email.text ?? "", 5000)
  })
})

describe("encoded words", () => {
  for (const [name, value, expected] of [
    ["quoted", "=?iso-8859-1?Q?caf=E9_au_lait?=", "café au lait"],
    ["base64", "=?UTF-8?B?Y2Fmw6k=?=", "café"],
    ["lower case", "=?utf-8?q?caf=c3=a9?=", "café"],
    ["among other words", "a =?utf-8?Q?=C3=A9?= b", "a é b"],
    ["neighbours lose the blank between them", "=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"],
    ["neighbours of two encodings", "=?utf-8?Q?a?=  =?iso-8859-1?B?6Q==?=", "aé"],
    ["a character cut in two", "=?utf-8?B?w6?= =?utf-8?B?k=?=", "é"],
    ["a cut character, quoted", "=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "é"],
    ["a language", "=?utf-8*fr?Q?=C3=A9?=", "é"],
    ["iso-2022-jp", "=?ISO-2022-JP?B?GyRCJDMkcxsoQg==?=", "こん"],
    ["shift_jis", "=?Shift_JIS?B?grGC8Q==?=", "こん"],
    ["gb18030", "=?GB18030?B?xOO6ww==?=", "你好"],
    ["koi8-r", "=?koi8-r?Q?=F0=D2=C9?=", "При"],
    ["blanks inside", "=?utf-8?Q?a b?=", "a b"],
    ["glued to text", "x=?utf-8?Q?=C3=A9?=y", "xéy"],
    ["no end", "=?utf-8?Q?abc", "=?utf-8?Q?abc"],
    ["no encoding", "=?utf-8?abc?=", "=?utf-8?abc?="],
    ["an encoding that does not exist", "=?utf-8?X?abc?=", "=?utf-8?X?abc?="],
    ["a bad escape", "=?utf-8?Q?a=ZZ?=", "a=ZZ"],
    ["an empty one", "=?utf-8?Q??=x", "x"],
    ["none at all", "a = b? c", "a = b? c"]
  ] as const) {
    parses(name, mail(`Subject: ${value}`, "", ""), (email) => {
      assert.strictEqual(email.subject, expected)
      assert.strictEqual(headerValue(email, "subject"), expected)
    })
  }
  parses("folded", mail("Subject: =?utf-8?Q?one_?=", " =?utf-8?Q?two?=", "", ""), (email) =>
    assert.strictEqual(email.subject, "one two")
  )
  parses("the first subject counts", mail("Subject: one", "Subject: two", "", ""), (email) => {
    assert.strictEqual(email.subject, "one")
    assert.lengthOf(email.headers, 2)
  })
  parses("no subject", mail("To: a@example.com", "", ""), (email) => assert.strictEqual(email.subject, ""))
})

describe("Message-ID", () => {
  for (const [value, expected] of [
    ["<a@b>", "<a@b>"],
    [" <a@b> (comment)", "<a@b>"],
    ["a@b", "<a@b>"],
    ["<a @ b>", "<a@b>"],
    ["<no-at>", "<no-at>"],
    ["", undefined],
    ["<>", undefined]
  ] as const) {
    parses(JSON.stringify(value), mail(`Message-Id: ${value}`, "", ""), (email) =>
      assert.strictEqual(email.messageId, expected)
    )
  }
  parses("missing", mail("Subject: s", "", ""), (email) => assert.isUndefined(email.messageId))
})

describe("addresses", () => {
  const ann = { name: "", address: "ann@example.com" }
  for (const [name, value, expected] of [
    ["bare", "ann@example.com", [ann]],
    ["in brackets", "<ann@example.com>", [ann]],
    ["with a name", "Ann Example <ann@example.com>", [{ ...ann, name: "Ann Example" }]],
    ["with a quoted name", '"Example, Ann" <ann@example.com>', [{ ...ann, name: "Example, Ann" }]],
    ["with escaped quotes", '"Ann \\"A\\" E" <ann@example.com>', [{ ...ann, name: 'Ann "A" E' }]],
    ["with a comment", "ann@example.com (Ann)", [{ ...ann, name: "Ann" }]],
    ["with an encoded comma", "=?utf-8?Q?Example=2C_Ann?= <ann@example.com>", [{ ...ann, name: "Example, Ann" }]],
    ["with an encoded name in quotes", '"=?utf-8?Q?=C3=89mile?=" <ann@example.com>', [{ ...ann, name: "Émile" }]],
    ["with raw UTF-8", utf8("Émile <ann@example.com>"), [{ ...ann, name: "Émile" }]],
    ["without a closing quote", '"Ann <ann@example.com>', [{ ...ann, name: "Ann" }]],
    ["a comma in a bare name", "Example, Ann <ann@example.com>", [{ ...ann, name: "Example, Ann" }]],
    ["two", "ann@example.com, Bob <bob@example.com>", [ann, { name: "Bob", address: "bob@example.com" }]],
    ["semicolons between them", "ann@example.com; bob@example.com", [ann, { name: "", address: "bob@example.com" }]],
    ["a group", "Team: ann@example.com, Bob <bob@example.com>;", [ann, { name: "Bob", address: "bob@example.com" }]],
    ["an empty group", "undisclosed-recipients:;", []],
    ["no address", "nobody, <>, Ann <ann>", []],
    ["nothing", "", []],
    ["an IDN", utf8("ann@bücher.example"), [{ name: "", address: "ann@bücher.example" }]],
    ["an IDN in ASCII", "ann@xn--bcher-kva.example", [{ name: "", address: "ann@xn--bcher-kva.example" }]],
    ["a quoted local part", '"ann b"@example.com', [{ name: "", address: '"ann b"@example.com' }]],
    ["encoded as a whole", "=?utf-8?Q?Ann_=3Cann=40example.com=3E?=", [{ ...ann, name: "Ann" }]]
  ] as const) {
    parses(name, mail(`To: ${value}`, "", ""), (email) => assert.deepStrictEqual(email.to, [...expected]))
  }
  parses(
    "From, Reply-To and Cc",
    mail("From: ann@example.com, bob@example.com", "Reply-To: r@example.com", "CC: c@example.com", "", ""),
    (email) => {
      assert.deepStrictEqual(email.from, ann)
      assert.deepStrictEqual(email.replyTo, [{ name: "", address: "r@example.com" }])
      assert.deepStrictEqual(email.cc, [{ name: "", address: "c@example.com" }])
    }
  )
  parses("the second From when the first names nobody", mail("From: x", "From: ann@example.com", "", ""), (email) =>
    assert.deepStrictEqual(email.from, ann)
  )
  parses("Sender stands in for From", mail("Sender: ann@example.com", "", ""), (email) =>
    assert.deepStrictEqual(email.from, ann)
  )
  parses("nobody", mail("Subject: s", "", ""), (email) => assert.isUndefined(email.from))
  parses("From with a group", mail("From: Team: ann@example.com;", "", ""), (email) =>
    assert.deepStrictEqual(email.from, ann)
  )
  parses("two To headers", mail("To: ann@example.com", "To: bob@example.com", "", ""), (email) =>
    assert.lengthOf(email.to, 2)
  )
  for (const [value, expected] of [
    ["Ann <ann@example.com>", "Ann <ann@example.com>"],
    ["=?utf-8?Q?Example=2C_Ann?= <ann@example.com>", '"Example, Ann" <ann@example.com>'],
    ["=?utf-8?Q?=C3=89mile?= <ann@example.com>, b@example.com", "Émile <ann@example.com>, b@example.com"],
    ["=?utf-8?Q?a=22=3Cx=40y=3E?= <ann@example.com>", '"a\\"<x@y>" <ann@example.com>'],
    ["=?utf-8?Q?a=0D=0ABcc:_x?= <ann@example.com>", '"a Bcc: x" <ann@example.com>'],
    ["=?utf-8?Q?Te=C3=A4m?=: a@example.com, b@example.com;", "Teäm: a@example.com, b@example.com;"]
  ] as const) {
    parses(`as a header: ${value}`, mail(`Reply-To: ${value}`, "", ""), (email) =>
      assert.strictEqual(headerValue(email, "Reply-To"), expected)
    )
  }
})

describe("lines that are no headers", () => {
  parses("an mbox line", mail("From ann@example.com Mon Jan  1", "Subject: s", "", "b"), (email) => {
    assert.strictEqual(email.subject, "s")
    assert.strictEqual(email.text, "b")
    hasWarning(email, "no header")
  })
  parses(
    "rubbish between headers, with its continuation",
    mail("A: 1", "rubbish", " more", "B: 2", "", "b"),
    (email) => {
      assert.deepStrictEqual(email.headers, [
        { name: "A", value: "1" },
        { name: "B", value: "2" }
      ])
      assert.strictEqual(email.text, "b")
    }
  )
  parses("rubbish before the blank line", mail("A: 1", "rubbish", "", "b"), (email) =>
    assert.strictEqual(email.text, "b")
  )
  parses("a name with blanks", mail("A: 1", "B C: 2", "D: 3", "", "b"), (email) => assert.lengthOf(email.headers, 2))
  parses("no name", mail("A: 1", ": 2", "D: 3", "", "b"), (email) => assert.lengthOf(email.headers, 2))
  parses("a continuation of nothing", mail(" lost", "A: 1", "", "b"), (email) => {
    assert.deepStrictEqual(email.headers, [{ name: "A", value: "1" }])
    hasWarning(email, "continuation")
  })
  parses("no blank line before the body", mail("A: 1", "Dear Bob,", "hello", "", "x"), (email) => {
    assert.strictEqual(email.text, "Dear Bob,\nhello\n\nx")
    hasWarning(email, "blank line")
  })
  parses("blanks in place of the blank line", mail("A: 1", "  ", "Dear Bob", "", "hello"), (email) =>
    assert.strictEqual(email.text, "Dear Bob\n\nhello")
  )
  parses("an empty line first: no headers", mail("", "A: 1", "", "b"), (email) => {
    assert.deepStrictEqual(email.headers, [])
    assert.strictEqual(email.text, "A: 1\n\nb")
  })
  parses("no headers at all", mail("Dear Bob,", "hello"), (email) => assert.strictEqual(email.text, "Dear Bob,\nhello"))
})
