import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { MailData } from "../../../src/layers/smtp/MailData.ts"

/** Feeds the octets in pieces of the given sizes; returns what was collected and what came after the end. */
const collect = (wire: string, pieces: ReadonlyArray<number>, limit = 1_000_000) => {
  const data = new MailData(limit, () => true)
  const octets = Buffer.from(wire, "latin1")
  let offset = 0
  for (let turn = 0; offset < octets.length; turn++) {
    const piece = Math.max(1, pieces[turn % pieces.length] ?? 1)
    const chunk = Buffer.from(octets.subarray(offset, offset + piece))
    const end = data.push(chunk)
    if (end >= 0) {
      return { content: data.take().toString("latin1"), rest: wire.slice(offset + end), ended: true, data }
    }
    offset += chunk.length
  }
  return { content: data.take().toString("latin1"), rest: "", ended: false, data }
}

/** What a client does to content that ends in CRLF. */
const stuff = (content: string): string => `${content.replace(/^\./, "..").replaceAll("\r\n.", "\r\n..")}.\r\n`

const SPLITS: ReadonlyArray<ReadonlyArray<number>> = [[1], [2], [3], [4, 1], [5], [7, 1, 2], [1_000_000]]

describe("MailData", () => {
  it("keeps what was taken until it is told that nobody reads it any more", () => {
    const data = new MailData(100, () => true)
    data.push(Buffer.from("one\r\n.\r\n"))
    const taken = data.take()
    assert.strictEqual(taken.toString(), "one\r\n")
    data.forget()
    assert.strictEqual(taken.length, 0)
    data.forget()
  })

  const cases: ReadonlyArray<{ readonly name: string; readonly wire: string; readonly content: string }> = [
    { name: "ends an empty message", wire: ".\r\n", content: "" },
    { name: "ends at CRLF dot CRLF", wire: "a\r\nb\r\n.\r\n", content: "a\r\nb\r\n" },
    { name: "takes out one stuffed dot", wire: "..a\r\n...\r\n.\r\n", content: ".a\r\n..\r\n" },
    { name: "takes out a dot that the client forgot to stuff", wire: "a\r\n.b\r\n.\r\n", content: "a\r\nb\r\n" },
    { name: "keeps dots inside a line", wire: "a.b..c\r\n.\r\n", content: "a.b..c\r\n" },
    { name: "keeps a line of one stuffed dot", wire: "a\r\n..\r\nb\r\n.\r\n", content: "a\r\n.\r\nb\r\n" },
    { name: "does not end at LF dot LF", wire: "a\n.\nb\r\n.\r\n", content: "a\n.\nb\r\n" },
    { name: "does not end at LF dot CRLF", wire: "a\n.\r\nb\r\n.\r\n", content: "a\n.\r\nb\r\n" },
    { name: "does not end at CRLF dot LF", wire: "a\r\n.\nb\r\n.\r\n", content: "a\r\n.\nb\r\n" },
    { name: "does not end at CR dot CR", wire: "a\r.\rb\r\n.\r\n", content: "a\r.\rb\r\n" },
    { name: "does not end at CRLF dot CR", wire: "a\r\n.\rb\r\n.\r\n", content: "a\r\n\rb\r\n" },
    { name: "does not end at CRLF NUL dot CRLF", wire: "a\r\n\0.\r\nb\r\n.\r\n", content: "a\r\n\0.\r\nb\r\n" },
    { name: "does not end at CRLF dot NUL CRLF", wire: "a\r\n.\0\r\nb\r\n.\r\n", content: "a\r\n\0\r\nb\r\n" },
    { name: "takes out a dot stuffed after a bare LF", wire: "a\n..b\r\n.\r\n", content: "a\n.b\r\n" },
    { name: "keeps 8-bit octets", wire: "\xe9\xff\r\n.\r\n", content: "\xe9\xff\r\n" }
  ]
  for (const { content, name, wire } of cases) {
    it(`${name}, however the octets arrive`, () => {
      for (const split of SPLITS) {
        const result = collect(`${wire}QUIT\r\n`, split)
        assert.deepStrictEqual(
          { content: result.content, ended: result.ended },
          { content, ended: true },
          `split ${split}`
        )
      }
    })
  }

  it("leaves what was pipelined behind the end", () => {
    assert.strictEqual(
      collect("a\r\n.\r\nMAIL FROM:<a@example.com>\r\n", [1_000]).rest,
      "MAIL FROM:<a@example.com>\r\n"
    )
  })

  it("gives back any stuffed content, however it is cut", () => {
    const content = fc
      .array(fc.constantFrom("\r\n", "\r", "\n", ".", "..", "a", "\r\n.", "\0", "\xe9"), { maxLength: 60 })
      .map((tokens) => `${tokens.join("")}\r\n`)
      // A client that stuffs by the RFC cannot tell CRLF . LF from stuffing, and does not send a bare dot line after LF.
      .filter((text) => !/(?:^|\n)\./.test(text.replaceAll("\r\n.", "")) && !text.includes("\r\n.\n"))
    fc.assert(
      fc.property(content, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }), (text, split) => {
        const result = collect(stuff(text), split)
        assert.isTrue(result.ended)
        assert.strictEqual(result.content, text)
      }),
      { numRuns: 500 }
    )
  })

  it("counts what is past the limit and keeps nothing of it", () => {
    const { content, data, ended } = collect(`${"x".repeat(5_000)}\r\n.\r\n`, [700], 1_000)
    assert.isTrue(ended)
    assert.isTrue(data.oversize)
    assert.strictEqual(data.size, 5_002)
    assert.isBelow(content.length, 1_001)
  })

  it("is too large by what came, and not for being thrown away", () => {
    const data = new MailData(1_000, () => true)
    data.push(Buffer.from("kept"))
    data.discard()
    assert.isFalse(data.oversize)
    data.push(Buffer.from("x".repeat(1_000)))
    assert.isTrue(data.oversize)
    assert.lengthOf(data.take(), 0)
  })

  it("collects a large message of small pieces whole", () => {
    const content = "0123456789abcdef\r\n".repeat(5_000)
    assert.strictEqual(collect(`${content}.\r\n`, [1, 100, 3_000, 9_000]).content, content)
  })
})
