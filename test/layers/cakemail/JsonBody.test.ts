/** Bodies with long texts: escaped slice by slice, within the room that there is. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { bodyWithHole, jsonMembers } from "../../../src/layers/cakemail/JsonBody.ts"

const LONG = 300 * 1024

const bodyOf = (
  fields: { readonly [name: string]: unknown },
  entries: Parameters<typeof jsonMembers>[2] = [],
  room: (bytes: number) => boolean = () => true
) =>
  bodyWithHole({
    recipientField: "to",
    recipientValue: (recipient) => JSON.stringify(recipient),
    rest: jsonMembers(fields, "attachments", entries),
    query: "",
    room
  })

const decoded = (fields: { readonly [name: string]: unknown }, entries: Parameters<typeof jsonMembers>[2] = []) => {
  const text = Buffer.concat([...(bodyOf(fields, entries)?.bodyFor("b@example.com") ?? [])]).toString("utf8")
  const value: unknown = JSON.parse(text)
  return value
}

const entry = { fields: { name: "a.txt" }, base64: Buffer.from("aGVsbG8=") }

describe("bodyWithHole", () => {
  const texts: ReadonlyArray<readonly [string, string]> = [
    ["control characters", "\u0001".repeat(LONG)],
    ["quotes and backslashes", `"\\`.repeat(LONG)],
    ["characters of two halves, at every offset", `x${"😀".repeat(LONG)}`],
    ["halves alone", "\ud83d".repeat(LONG)],
    ["lines", "line\r\n".repeat(LONG)]
  ]
  for (const [name, text] of texts) {
    it(`says the same as JSON of the whole, with long texts of ${name}`, () => {
      const fields = { a: 1, gone: undefined, text, content: { html: text, empty: "", list: ["x", { y: 1 }] }, z: null }
      const expected: unknown = JSON.parse(JSON.stringify({ to: "b@example.com", ...fields }))
      assert.deepStrictEqual(decoded(fields), expected)
      assert.deepStrictEqual(decoded({ text }, [entry, entry]), {
        to: "b@example.com",
        text: JSON.parse(JSON.stringify(text)),
        attachments: [
          { name: "a.txt", content: "aGVsbG8=" },
          { name: "a.txt", content: "aGVsbG8=" }
        ]
      })
    })
  }

  it("says the same as JSON of the whole, with any fields", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true, minKeys: 1 }), (fields) => {
        delete fields["to"]
        delete fields["__proto__"]
        fc.pre(Object.keys(fields).length > 0)
        assert.deepStrictEqual(decoded(fields), JSON.parse(JSON.stringify({ to: "b@example.com", ...fields })))
      })
    )
  })

  it("asks for room before it keeps anything, and makes no more than there is room for", () => {
    let left = 1_000_000
    const asked: Array<number> = []
    const body = bodyOf({ text: "\u0001".repeat(10_000_000) }, [], (bytes) => {
      asked.push(bytes)
      left -= bytes
      return left >= 0
    })
    assert.isUndefined(body)
    assert.strictEqual(asked.length, 2)
    assert.isAtMost(Math.max(...asked), 6 * 256 * 1024)
  })

  it("counts what all recipients share", () => {
    let asked = 0
    const body = bodyOf({ text: "é".repeat(LONG) }, [entry], (bytes) => {
      asked += bytes
      return true
    })
    const [own, ...shared] = body?.bodyFor("b@example.com") ?? []
    assert.strictEqual(own?.toString(), `{"to":"b@example.com"`)
    assert.strictEqual(
      shared.reduce((sum, { byteLength }) => sum + byteLength, 0),
      asked
    )
    assert.strictEqual(body?.sharedBytes, asked)
  })
})
