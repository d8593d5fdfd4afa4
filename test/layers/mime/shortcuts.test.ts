/** What is read without a library's help, or in one pass where two would do, is read as by them (docs/decisions/0036). */
import { Buffer } from "node:buffer"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import libmime from "libmime"
import addressparser from "nodemailer/lib/addressparser"
import { parseMailboxes } from "../../../src/layers/mime/addresses.ts"
import { readContent } from "../../../src/layers/mime/contentFields.ts"
import { withLfLines } from "../../../src/layers/mime/lines.ts"
import { decodeQuotedPrintable } from "../../../src/layers/mime/quotedPrintable.ts"
import { Warnings } from "../../../src/layers/mime/Warnings.ts"
import { fuzz } from "../../kit/fuzz.ts"

const FUZZ_TIMEOUT = 60_000

const oneOf = (...texts: ReadonlyArray<string>) => fc.constantFrom(...texts)
const joined = (...parts: ReadonlyArray<fc.Arbitrary<string>>) => fc.tuple(...parts).map((texts) => texts.join(""))
const repeated = (part: fc.Arbitrary<string>, maxLength: number, minLength = 1) =>
  fc.array(part, { minLength, maxLength }).map((parts) => parts.join(""))

/** Fails where the library does not read one mailbox. */
const asTheParserReads = (value: string) =>
  Effect.sync(() => {
    const [first, ...others] = addressparser(value)
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual(parseMailboxes(value), [{ address: first?.address ?? "none", name: first?.name ?? "none" }])
  })

describe("an address header", () => {
  const address = fc.stringMatching(/^[\w.+-]{1,8}@[A-Za-z0-9.-]{1,8}$/)
  const words = fc.array(fc.stringMatching(/^[A-Za-z0-9]{1,6}$/), { minLength: 1, maxLength: 4 })
  const plain = fc
    .tuple(fc.option(words, { nil: [] }), fc.boolean(), address)
    .map(([name, isQuoted, mailbox]) =>
      name.length === 0 ? `<${mailbox}>` : `${isQuoted ? `"${name.join(" ")}"` : name.join(" ")} <${mailbox}>`
    )

  it.effect(
    "of the plain form",
    () => fuzz({ name: "plain mailboxes", values: plain, least: 1_000, holds: asTheParserReads }),
    FUZZ_TIMEOUT
  )

  const name = repeated(oneOf("a", "Z", "9", " ", "  ", ".", "-", "'", "é"), 5)
  const near = joined(
    fc.oneof(
      name.map((text) => `"${text}"`),
      name.map((text) => `a${text.trimEnd()}`)
    ),
    oneOf("", " ", "  "),
    address.map((mailbox) => `<${mailbox}>`),
    oneOf("", " ")
  )

  it.effect(
    "near the plain form",
    () =>
      fuzz({
        name: "nearly plain mailboxes",
        values: near,
        least: 1_000,
        holds: (value) =>
          Effect.sync(() => {
            const [first] = addressparser(value)
            const [found] = parseMailboxes(value)
            assert.strictEqual(found?.address, first?.address)
            assert.strictEqual(found?.name, first?.name.trim())
          })
      }),
    FUZZ_TIMEOUT
  )

  it.each([
    ['"Shop" <shop@example.com>', "Shop", "shop@example.com"],
    ["The Shop <shop@example.com>", "The Shop", "shop@example.com"],
    ["<shop@example.com>", "", "shop@example.com"]
  ])("%s", (value, shown, mailbox) => {
    assert.deepStrictEqual(parseMailboxes(value), [{ address: mailbox, name: shown }])
  })
})

describe("a header with parameters", () => {
  const parameter = oneOf("charset", "Boundary", "NAME", "format", "delsp", "filename", "constructor", "x-other")
  const token = fc.stringMatching(/^[\w.:+-]{1,8}$/)
  const quoted = fc.stringMatching(/^[\w.:+=/ -]{1,8}$/).map((text) => `"${text}"`)
  const value = fc.oneof(token, quoted, oneOf("flowed", "FLOWED", "yes", '"yes"'))

  const read = (key: string, text: string) =>
    readContent([{ name: key, key, value: text.trim() }], "text/plain", new Warnings())
  const named = (name: string | undefined) => name?.trim() || undefined

  const holdsOf = (text: string) =>
    Effect.sync(() => {
      const parsed = libmime.parseHeaderValue(text.trim())
      const { params } = parsed
      const type = read("content-type", text)
      assert.strictEqual(type.type, String(parsed.value).toLowerCase())
      assert.strictEqual(type.charset, params["charset"])
      assert.strictEqual(type.boundary, params["boundary"] || undefined)
      assert.strictEqual(type.flowed, params["format"]?.toLowerCase() === "flowed")
      assert.strictEqual(type.delSp, params["delsp"]?.toLowerCase() === "yes")
      assert.strictEqual(type.fileName, named(params["name"]))
      const disposition = read("content-disposition", text)
      assert.strictEqual(disposition.disposition, String(parsed.value).toLowerCase())
      assert.strictEqual(disposition.fileName, named(params["filename"]))
    })

  const media = fc.stringMatching(/^[A-Za-z]{1,6}\/[A-Za-z.+-]{1,6}$/)
  const plain = joined(media, oneOf(";", "; "), parameter, oneOf("="), value)

  it.effect(
    "of the plain form",
    () => fuzz({ name: "plain parameters", values: plain, least: 1_000, holds: holdsOf }),
    FUZZ_TIMEOUT
  )

  const near = joined(
    media,
    oneOf(";", ";  ", " ; "),
    parameter,
    oneOf("=", " = "),
    fc.oneof(value, oneOf('""', '"a;b"', "a b", "")),
    oneOf("", ";", "; delsp=yes")
  )

  it.effect(
    "near the plain form",
    () => fuzz({ name: "nearly plain parameters", values: near, least: 1_000, holds: holdsOf }),
    FUZZ_TIMEOUT
  )
})

describe("quoted-printable text", () => {
  const escapes = ["=", "=3D", "=0D", "=0A", "=20", "=\r\n", "= \r\n", "=\n", "=\r"]
  const others = [" ", "\t", "\r\n", "\n", "\r", "a", "\xe9", "\0"]
  const octets = repeated(oneOf(...escapes, ...others), 12, 0).map((text) => Buffer.from(text, "latin1"))

  it.effect(
    "has the line ends that it would get in a second pass",
    () =>
      fuzz({
        name: "quoted-printable lines",
        values: octets,
        least: 1_000,
        holds: (source) =>
          Effect.sync(() =>
            assert.deepStrictEqual(
              withLfLines(decodeQuotedPrintable(source, 0, source.length, "lf")),
              withLfLines(decodeQuotedPrintable(source, 0, source.length))
            )
          )
      }),
    FUZZ_TIMEOUT
  )
})
