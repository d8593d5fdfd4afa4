import { Buffer } from "node:buffer"
import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import * as fc from "fast-check"
import { fuzz } from "../../kit/fuzz.ts"
import { parser } from "./mail.ts"
import { base64Text } from "../../kit/mail.ts"

/** A part as the writer below puts it into MIME. */
type Part =
  | { readonly kind: "text" | "html"; readonly content: string; readonly encoding: TextEncoding }
  | { readonly kind: "file"; readonly name: string; readonly content: Uint8Array; readonly width: number }
  | { readonly kind: "mixed"; readonly parts: ReadonlyArray<Part> }

type TextEncoding = "base64" | "quoted-printable" | "8bit"

const wrapped = (text: string, width: number): string => text.replace(new RegExp(`.{${width}}(?=.)`, "g"), "$&\r\n")

const quotedPrintable = (text: string): string =>
  [...Buffer.from(text.replaceAll("\n", "\r\n"))]
    .map((octet) => `=${octet.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("")
    .replaceAll("=0D=0A", "\r\n")
    .replace(/(?:=..){20}(?=.)/g, "$&=\r\n")

const encodeText = (text: string, encoding: TextEncoding): string => {
  switch (encoding) {
    case "base64":
      return wrapped(Buffer.from(text).toString("base64"), 76)
    case "quoted-printable":
      return quotedPrintable(text)
    case "8bit":
      return text.replaceAll("\n", "\r\n")
  }
}

const write = (part: Part, depth: number): string => {
  switch (part.kind) {
    case "text":
    case "html":
      return [
        `Content-Type: text/${part.kind === "text" ? "plain" : "html"}; charset=utf-8`,
        `Content-Transfer-Encoding: ${part.encoding}`,
        "",
        encodeText(part.content, part.encoding)
      ].join("\r\n")
    case "file":
      return [
        "Content-Type: application/octet-stream",
        `Content-Disposition: attachment; filename*=utf-8''${encodeURIComponent(part.name).replace(/['()*]/g, "_")}`,
        "Content-Transfer-Encoding: base64",
        "",
        wrapped(Buffer.from(part.content).toString("base64"), part.width)
      ].join("\r\n")
    case "mixed": {
      const boundary = `=_${depth}_=`
      return [
        `Content-Type: multipart/mixed; boundary="${boundary}"`,
        "",
        ...part.parts.map((child) => `--${boundary}\r\n${write(child, depth + 1)}`),
        `--${boundary}--`
      ].join("\r\n")
    }
  }
}

const leaves = (part: Part): ReadonlyArray<Exclude<Part, { kind: "mixed" }>> =>
  part.kind === "mixed" ? part.parts.flatMap(leaves) : [part]

/** Dashes are kept out: a body line that is a boundary is not the writer's to invent. */
const content = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 200 })
  .map((text) => text.replace(/[\r\0\ufeff\u001b-]/g, "").replace(/[ \t]+(?=\n|$)/g, ""))
  .filter((text) => text !== "" && text.isWellFormed())

const encoding = fc.constantFrom<TextEncoding>("base64", "quoted-printable", "8bit")

const fileName = fc.stringMatching(/^[a-zA-Z0-9é€ _.]{0,20}[a-z]$/).map((name) => name.trim())

const leaf: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ kind: fc.constant<"text">("text"), content, encoding }),
  fc.record({ kind: fc.constant<"html">("html"), content: content.map((text) => `<p>${text}`), encoding }),
  fc.record({
    kind: fc.constant<"file">("file"),
    name: fileName,
    content: fc.uint8Array({ maxLength: 40_000 }),
    width: fc.integer({ min: 1, max: 1000 })
  })
)

const { tree } = fc.letrec<{ tree: Part }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", maxDepth: 6 },
    leaf,
    fc.record({
      kind: fc.constant<"mixed">("mixed"),
      parts: fc.array(tie("tree"), { minLength: 1, maxLength: 4 })
    })
  )
}))

const textsJoined = (texts: ReadonlyArray<string>): string =>
  texts.map((text, index) => (index < texts.length - 1 && !text.endsWith("\n") ? `${text}\n` : text)).join("")

describe("a generated tree", () => {
  it.effect("parses back to its bodies and files", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(tree, async (part) => {
          const email = await Effect.runPromise(parser.parse(Buffer.from(write(part, 0))))
          const parts = leaves(part)
          const texts = parts.flatMap((one) => (one.kind === "text" ? [one.content] : []))
          const htmls = parts.flatMap((one) => (one.kind === "html" ? [one.content] : []))
          assert.strictEqual(email.text, texts.length === 0 ? undefined : textsJoined(texts))
          assert.strictEqual(email.html === undefined, htmls.length === 0)
          for (const html of htmls) assert.include(email.html ?? "", html)
          assert.deepStrictEqual(
            email.attachments.map((each) => ({ base64: base64Text(each), fileName: each.fileName, size: each.size })),
            parts.flatMap((one) =>
              one.kind === "file"
                ? [
                    {
                      base64: Buffer.from(one.content).toString("base64"),
                      fileName: one.name,
                      size: one.content.length
                    }
                  ]
                : []
            )
          )
          assert.deepStrictEqual(email.warnings, [])
        }),
        { numRuns: 200 }
      )
    )
  )
})

const fixtures = new URL("../../fixtures/mime/", import.meta.url)
const messages = readdirSync(fixtures).map((name) => readFileSync(new URL(name, fixtures)))

/** Words of the trade, so that random messages reach further than random bytes do. */
const phrase = fc.constantFrom(
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "--",
  "--b",
  "--b--",
  "--bb",
  "Content-Type: ",
  "multipart/mixed; boundary=b",
  "multipart/alternative; boundary=bb",
  "multipart/signed",
  "message/rfc822",
  "text/html",
  "text/plain; charset=",
  "utf-16",
  "utf-7",
  "iso-2022-jp",
  "gb18030",
  "; format=flowed",
  "Content-Transfer-Encoding: ",
  "base64",
  "quoted-printable",
  "x-uuencode",
  "begin 644 a",
  "Content-Disposition: attachment; filename*0*=",
  "utf-8''%e2%82",
  "filename=",
  '"',
  "\\",
  "=?utf-8?B?",
  "=?iso-2022-jp?Q?=1B",
  "?=",
  "From: ",
  "To: a:b,<c@d>;(",
  "Content-ID: <",
  "cid:%",
  "<meta charset=",
  "=",
  "+",
  "\0",
  "\x1b$B",
  "\xff\xfe",
  "\xe9",
  " ",
  "QUJD"
)

const random: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }).map((octets) => Buffer.from(octets)),
  fc.array(phrase, { maxLength: 60 }).map((phrases) => Buffer.from(phrases.join(""), "latin1")),
  fc
    .tuple(
      fc.constantFrom(...messages),
      fc.array(
        fc.record({ at: fc.nat(2000), remove: fc.nat(80), insert: fc.oneof(phrase, fc.string({ maxLength: 5 })) }),
        { minLength: 1, maxLength: 8 }
      )
    )
    .map(([message, edits]) =>
      edits.reduce(
        (mutated, { at, insert, remove }) =>
          Buffer.concat([
            mutated.subarray(0, at % (mutated.length + 1)),
            Buffer.from(insert, "latin1"),
            mutated.subarray((at % (mutated.length + 1)) + remove)
          ]),
        message
      )
    )
)

describe("any octets at all", () => {
  it.effect("become an Email or a typed refusal, and never a line break in a header", () =>
    fuzz({
      name: "octets (parser)",
      values: random,
      holds: (octets) =>
        Effect.map(Effect.exit(parser.parse(octets)), (exit) => {
          if (Exit.isFailure(exit)) {
            // What a library threw would be mapped to MessageMalformed, which nothing here deserves.
            assert.strictEqual(Cause.findErrorOption(exit.cause)._tag, "Some", Cause.pretty(exit.cause))
            assert.notInclude(Cause.pretty(exit.cause), "MessageMalformed")
            return
          }
          const email = exit.value
          for (const { name, value } of email.headers) {
            assert.match(name, /^[!-9;-~]+$/)
            assert.notMatch(value, /[\r\n\0]/)
          }
          for (const attachment of email.attachments) {
            const { fileName, size } = attachment
            const base64 = base64Text(attachment)
            assert.strictEqual(Buffer.from(base64, "base64").length, size)
            assert.match(base64, /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)
            assert.notMatch(fileName ?? "", /[\r\n\0]/)
          }
          for (const mailbox of [...email.to, ...email.cc, ...email.replyTo, ...(email.from ? [email.from] : [])]) {
            assert.include(mailbox.address, "@")
            assert.notMatch(mailbox.address + mailbox.name, /[\r\n\0]/)
          }
          assert.notInclude(`${email.text}${email.html}`, "\0")
          assert.isAtMost(email.warnings.length, 21)
        }),
      least: 1_500
    })
  )
})
