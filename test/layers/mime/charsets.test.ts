import { Buffer } from "node:buffer"
import { assert, describe } from "@effect/vitest"
import { hasWarning, mail, parses, utf8 } from "./mail.ts"

const text = (charset: string, octets: string) => mail(`Content-Type: text/plain; charset=${charset}`, "", octets)

describe("declared charsets", () => {
  for (const [charset, octets, expected] of [
    ["utf-8", utf8("Grüße €"), "Grüße €"],
    ["UTF8", utf8("é"), "é"],
    ['"utf-8"', utf8("é"), "é"],
    ["us-ascii", "plain", "plain"],
    ["iso-8859-1", "\xe9t\xe9", "été"],
    ["ISO-8859-1", "\x80", "€"],
    ["iso-8859-2", "\xb1\xe6", "ąć"],
    ["iso-8859-5", "\xbf\xe0", "Пр"],
    ["iso-8859-7", "\xe1\xe2", "αβ"],
    ["iso-8859-8-i", "\xf9\xec", "של"],
    ["iso-8859-9", "\xfe\xf0", "şğ"],
    ["iso-8859-15", "\xa4", "€"],
    ["windows-1250", "\xb9\x9c", "ąś"],
    ["windows-1251", "\xcf\xf0\xe8", "При"],
    ["cp1252", "\x93x\x94", "“x”"],
    ["windows-1253", "\xe1", "α"],
    ["windows-1254", "\xfe", "ş"],
    ["windows-1255", "\xf9", "ש"],
    ["windows-1256", "\xc8", "ب"],
    ["windows-1257", "\xe0", "ą"],
    ["windows-1258", "\xfe", "₫"],
    ["windows-874", "\xa1", "ก"],
    ["koi8-r", "\xf0\xd2\xc9", "При"],
    ["windows-1251", "\xff\xfe", "яю"],
    ["koi8-u", "\xa4", "є"],
    ["cp866", "\x8f", "П"],
    ["cp850", "\x82", "é"],
    ["macintosh", "\x8e", "é"],
    ["iso-2022-jp", "\x1b$B$3$s\x1b(B!", "こん!"],
    ["ISO-2022-JP-MS", "\x1b$B$3$s\x1b(B", "こん"],
    ["shift_jis", "\x82\xb1\x82\xf1", "こん"],
    ["windows-31j", "\x87\x40", "①"],
    ["euc-jp", "\xa4\xb3\xa4\xf3", "こん"],
    ["gb2312", "\xc4\xe3\xba\xc3", "你好"],
    ["gbk", "\x81\x40", "丂"],
    ["gb18030", "\xc4\xe3\x81\x30\x81\x30", "你\u0080"],
    ["big5", "\xa7\x41\xa6\x6e", "你好"],
    ["euc-kr", "\xb0\xa1", "가"],
    ["ks_c_5601-1987", "\xb0\xa1", "가"],
    ["utf-16", "\xff\xfea\0\xe9\0", "aé"],
    ["utf-16", "\xfe\xff\0a\0\xe9", "aé"],
    ["utf-16", "\0a\0b", "ab"],
    ["utf-16", "a\0b\0", "ab"],
    ["utf-16be", "\0a\x0d\x0a", "a\u0d0a"],
    ["utf-16le", "a\0\r\0\n\0b\0", "a\nb"],
    ["utf-7", "Hi Mom -+Jjo--! 1 +- 1", "Hi Mom -☺-! 1 + 1"],
    ["unicode-1-1-utf-7", "A+ImIDkQ.", "A≢Α."]
  ] as const) {
    parses(`${charset}: ${JSON.stringify(expected)}`, text(charset, octets), (email) => {
      assert.strictEqual(email.text, expected)
      assert.deepStrictEqual(email.warnings, [])
    })
  }
})

describe("charsets that are missing, wrong or unknown", () => {
  parses("none, and UTF-8", mail("", utf8("é")), (email) => assert.strictEqual(email.text, "é"))
  parses("none, and windows-1252", mail("", "\xe9 \x80"), (email) => {
    assert.strictEqual(email.text, "é €")
    hasWarning(email, "windows-1252")
  })
  parses("none, and ISO-2022-JP", mail("", "\x1b$B$3$s\x1b(B"), (email) => assert.strictEqual(email.text, "こん"))
  parses("us-ascii that is UTF-8", text("us-ascii", utf8("é")), (email) => assert.strictEqual(email.text, "é"))
  parses("us-ascii that is windows-1252", text("us-ascii", "\xe9"), (email) => assert.strictEqual(email.text, "é"))
  parses("utf-8 that is windows-1252", text("utf-8", "\xe9"), (email) => {
    assert.strictEqual(email.text, "é")
    hasWarning(email, "windows-1252")
  })
  parses("utf-8 cut within its last character", text("utf-8", utf8("déjà vu €").slice(0, -1)), (email) => {
    assert.strictEqual(email.text, "déjà vu \ufffd")
    hasWarning(email, "replaced")
  })
  parses("an unknown one that is UTF-8", text("x-martian", utf8("é")), (email) => {
    assert.strictEqual(email.text, "é")
    assert.deepStrictEqual(email.warnings, ["unknown charset x-martian"])
  })
  parses("an unknown one that is not", text("x-martian", "\xe9"), (email) => assert.strictEqual(email.text, "é"))
  parses("a name out of Object.prototype", text("constructor", "\xe9"), (email) => assert.strictEqual(email.text, "é"))
  parses("an empty name", text("", utf8("é")), (email) => assert.strictEqual(email.text, "é"))
  parses("a mark in front of UTF-8 goes", text("iso-8859-1", utf8("\ufeffé")), (email) =>
    assert.strictEqual(email.text, "é")
  )
  parses("a mark in front of the whole message goes", mail(`${utf8("\ufeff")}Subject: s`, "", "x"), (email) => {
    assert.strictEqual(email.subject, "s")
    assert.strictEqual(email.text, "x")
  })
})

describe("charsets of HTML", () => {
  parses(
    "that of the meta element when no parameter says one",
    mail("Content-Type: text/html", "", '<meta charset="koi8-r"><p>\xf0\xd2\xc9'),
    (email) => assert.strictEqual(email.html, '<meta charset="utf-8"><p>При')
  )
  parses(
    "the parameter outranks the meta element, which is corrected",
    mail(
      "Content-Type: text/html; charset=iso-8859-1",
      "",
      '<META http-equiv="Content-Type" content="text/html; charset=windows-1251">\xe9'
    ),
    (email) => assert.strictEqual(email.html, '<META http-equiv="Content-Type" content="text/html; charset=utf-8">é')
  )
  parses(
    "a meta element that is right is left alone",
    mail("Content-Type: text/html; charset=utf-8", "", `<meta charset='UTF-8'>${utf8("é")}`),
    (email) => assert.strictEqual(email.html, "<meta charset='UTF-8'>é")
  )
  parses(
    "the word charset in the text is left alone",
    mail("Content-Type: text/html; charset=iso-8859-1", "", "<p>charset=koi8-r</p>"),
    (email) => assert.strictEqual(email.html, "<p>charset=koi8-r</p>")
  )
  parses(
    "all else passes as it is",
    mail("Content-Type: text/html", "", "<!-- x -->\t<P CLASS=a >&nbsp;<br/>  <script>1<2</script>"),
    (email) => assert.strictEqual(email.html, "<!-- x -->\t<P CLASS=a >&nbsp;<br/>  <script>1<2</script>")
  )
})

describe("transfer encodings of text", () => {
  const encoded = (encoding: string, ...lines: ReadonlyArray<string>) =>
    mail("Content-Type: text/plain; charset=utf-8", `Content-Transfer-Encoding: ${encoding}`, "", ...lines)
  for (const [name, source, expected] of [
    ["quoted-printable", encoded("quoted-printable", "caf=C3=A9 =3D soft=", "break"), "café = softbreak"],
    ["lower-case digits", encoded("quoted-printable", "caf=c3=a9"), "café"],
    ["blanks at the end of a line go", encoded("quoted-printable", "a \t ", "b=20 ", "c"), "a\nb \nc"],
    ["a soft break with blanks behind it", encoded("quoted-printable", "a= \t", "b"), "ab"],
    ["blanks before a soft break stay", encoded("quoted-printable", "a =", "b"), "a b"],
    ["malformed escapes stay", encoded("quoted-printable", "1=2 =ZZ =4"), "1=2 =ZZ =4"],
    ["a soft break at the end", encoded("quoted-printable", "a="), "a"],
    ["bare 8-bit among escapes", encoded("quoted-printable", `${utf8("é")}=C3=A9`), "éé"],
    ["base64", encoded("base64", "Y2Fmw6k=", ""), "café"],
    ["base64 in pieces", encoded("base64", "Y2", "Fm", "w6", "k="), "café"],
    ["base64 with rubbish", encoded("base64", "Y2*Fm w6k=!", "--"), "café"],
    ["base64 padded line by line", encoded("base64", "Y2FmZQ==", "Y2Fm"), "cafecaf"],
    ["base64 without padding", encoded("BASE64", "Y2Fmw6k"), "café"],
    ["8bit", encoded("8bit", utf8("é")), "é"],
    ["7-bit", encoded("7-bit", "x"), "x"],
    ["binary", encoded("binary", utf8("é\r\n")), "é\n"],
    ["a comment behind the name", encoded("quoted-printable (yes)", "=41"), "A"],
    ["a semicolon behind the name", encoded("base64;", "QQ=="), "A"],
    ["x-uuencode", encoded("x-uuencode", "begin 644 a", "#0V%T", "`", "end"), undefined]
  ] as const) {
    parses(name, source, (email) => {
      assert.strictEqual(email.text, expected)
      assert.deepStrictEqual(email.warnings, [])
    })
  }
  parses("an unknown one is no encoding", encoded("x-zip", "a=20b"), (email) => {
    assert.strictEqual(email.text, "a=20b")
    assert.deepStrictEqual(email.warnings, ["unknown transfer encoding x-zip"])
  })
  parses("NUL goes", encoded("base64", Buffer.from("a\0b").toString("base64")), (email) => {
    assert.strictEqual(email.text, "ab")
    hasWarning(email, "NUL")
  })
})
