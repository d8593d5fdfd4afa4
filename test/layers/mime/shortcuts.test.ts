/** What is read without a library's help, or in one pass where two would do, is read as by them. */
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

const oneOf = (...texts: ReadonlyArray<string>) => fc.constantFrom(...texts)
const made = (part: fc.Arbitrary<string>, maxLength: number, minLength = 1) =>
  fc.array(part, { minLength, maxLength }).map((parts) => parts.join(""))

describe("an address header", () => {
  const name = made(oneOf("a", "Z", "9", " ", "  ", ".", "-", "'", ",", "\\", '"', "é"), 5, 0)
  const address = fc
    .tuple(made(oneOf("a", "Z", "0", ".", "_", "+", "-", " "), 4), made(oneOf("a", "0", ".", "-", "_"), 4))
    .map((parts) => parts.join("@"))
  const header = fc
    .tuple(oneOf("", '"'), name, oneOf("", " ", "  "), oneOf("<", ""), address, oneOf(">", "", "> "))
    .map(([quote, shown, gap, open, mailbox, close]) => `${quote}${shown}${quote}${gap}${open}${mailbox}${close}`)

  it.effect(
    "with one mailbox is read as the parser reads it",
    () =>
      fuzz({
        name: "with one mailbox is read as the parser reads it",
        values: header,
        least: 1_000,
        holds: (value) =>
          Effect.sync(() => {
            const expected = addressparser(value)
            const found = parseMailboxes(value)
            if (expected.length !== 1 || found.length !== 1 || expected[0]?.group !== undefined) return
            // Quotes that are not paired are mended before the parser sees them.
            if ((value.split('"').length - 1) % 2 === 1 || value.includes("\\")) return
            assert.strictEqual(found[0]?.address, expected[0]?.address)
            assert.strictEqual(found[0]?.name, expected[0]?.name.trim())
          })
      }),
    60_000
  )

  it.each([
    ['"Shop" <shop@example.com>', "Shop", "shop@example.com"],
    ["The Shop <shop@example.com>", "The Shop", "shop@example.com"],
    ["<shop@example.com>", "", "shop@example.com"]
  ])("%s", (value, shown, mailbox) => {
    assert.deepStrictEqual(parseMailboxes(value), [{ address: mailbox, name: shown }])
  })
})

describe("Content-Type", () => {
  const token = made(oneOf("a", "Z", "0", "-", ".", "+", "_", ":"), 4)
  const quoted = made(oneOf("a", "Z", "0", " ", "=", "/", ":", "_", ";", "'"), 6, 0).map((text) => `"${text}"`)
  const header = fc
    .tuple(
      oneOf("text/plain", "TEXT/HTML", "multipart/mixed", "text", "a/b/c"),
      oneOf(";", "; ", ";  "),
      oneOf("charset", "CHARSET", "boundary", "name", "format"),
      oneOf("=", " = ", "*="),
      fc.oneof(token, quoted),
      oneOf("", " ", ";", "; delsp=yes")
    )
    .map((parts) => parts.join(""))

  it.effect(
    "is read as the library reads it",
    () =>
      fuzz({
        name: "is read as the library reads it",
        values: header,
        least: 1_000,
        holds: (value) =>
          Effect.sync(() => {
            const field = { name: "Content-Type", key: "content-type", value: value.trim() }
            const content = readContent([field], "text/plain", new Warnings())
            const { params } = libmime.parseHeaderValue(field.value)
            assert.strictEqual(content.charset, params["charset"])
            assert.strictEqual(content.boundary, params["boundary"] || undefined)
            assert.strictEqual(content.flowed, params["format"]?.toLowerCase() === "flowed")
          })
      }),
    60_000
  )
})

describe("quoted-printable text", () => {
  const octets = made(
    oneOf(
      "=",
      "=3D",
      "=0D",
      "=0A",
      "=20",
      "=\r\n",
      "= \r\n",
      "=\n",
      "=\r",
      " ",
      "\t",
      "\r\n",
      "\n",
      "\r",
      "a",
      "\xe9",
      "\0"
    ),
    12,
    0
  ).map((text) => Buffer.from(text, "latin1"))

  it.effect(
    "has the line ends that it would get in a second pass",
    () =>
      fuzz({
        name: "has the line ends that it would get in a second pass",
        values: octets,
        least: 1_000,
        holds: (source) =>
          Effect.sync(() => {
            assert.deepStrictEqual(
              withLfLines(decodeQuotedPrintable(source, 0, source.length, "lf")),
              withLfLines(decodeQuotedPrintable(source, 0, source.length))
            )
          })
      }),
    60_000
  )
})
