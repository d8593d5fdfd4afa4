import { assert, describe, it } from "@effect/vitest"
import { replaced, substituted } from "../../../src/domain/migration/substitution.ts"

const NO_LIMIT = Number.MAX_SAFE_INTEGER

describe("replaced", () => {
  const values = new Map([
    ["-a-", "one"],
    ["-a-b-", "two"],
    ["$&", "-a-"],
    ["(.*)", "$1"]
  ])

  it("takes every placeholder as it is written, the longer one first, and looks once", () => {
    assert.strictEqual(replaced("-a- -a-b- -A- $& (.*) -a-", values, NO_LIMIT), "one two -A- -a- $1 one")
  })

  it("leaves a text as it is without placeholders", () => {
    assert.strictEqual(replaced("-a-", new Map(), NO_LIMIT), "-a-")
  })

  it("gives none that is or becomes too long", () => {
    assert.strictEqual(replaced("xx", new Map([["x", "yy"]]), 4), "yyyy")
    assert.isUndefined(replaced("xxx", new Map([["x", "yy"]]), 4))
    assert.isUndefined(replaced("xxxxx", new Map([["x", ""]]), 4))
  })
})

describe("substituted", () => {
  it("reaches subject and bodies, and makes no line of a subject into two", () => {
    const content = { subject: "Hi -n-", text: "Dear -n-", html: "<p>-n-</p>" }
    assert.deepStrictEqual(substituted(content, new Map([["-n-", "Ann\r\nB"]])), {
      subject: "Hi Ann B",
      text: "Dear Ann\r\nB",
      html: "<p>Ann\r\nB</p>"
    })
  })

  it("makes no body where there is none", () => {
    const content = { subject: "", text: undefined, html: "-n-" }
    assert.deepStrictEqual(substituted(content, new Map([["-n-", "Ann"]])), {
      subject: "",
      text: undefined,
      html: "Ann"
    })
  })

  it("gives up on a mail that would grow out of bounds", () => {
    const content = { subject: "", text: "-".repeat(200_000), html: undefined }
    assert.isUndefined(substituted(content, new Map([["-", "0".repeat(200_000)]])))
  })
})
