import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { distinctRecipients, mailboxKey, splitAddress } from "../../src/domain/Envelope.ts"

describe("distinctRecipients", () => {
  it("takes domains without case for the same, local parts as they are", () => {
    assert.deepStrictEqual(
      distinctRecipients([
        "Ann@Example.com",
        "ann@example.com",
        "Ann@EXAMPLE.COM",
        "bob@example.com",
        "ann@example.COM"
      ]),
      ["Ann@Example.com", "ann@example.com", "bob@example.com"]
    )
  })

  it("compares what stands before the last @ as it is", () => {
    assert.deepStrictEqual(distinctRecipients(['"a@B"@example.com', '"a@b"@example.com', '"a@B"@Example.com']), [
      '"a@B"@example.com',
      '"a@b"@example.com'
    ])
  })

  it("folds non-ASCII domains too, and takes the encoded form for another", () => {
    assert.deepStrictEqual(distinctRecipients(["a@bücher.example", "a@BÜCHER.example", "a@xn--bcher-kva.example"]), [
      "a@bücher.example",
      "a@xn--bcher-kva.example"
    ])
  })

  it("has nothing to do for nobody or one", () => {
    assert.deepStrictEqual(distinctRecipients([]), [])
    assert.deepStrictEqual(distinctRecipients(["A@Example.com"]), ["A@Example.com"])
  })

  const address = fc
    .tuple(fc.constantFrom("a", "A", "b", "ä", "x y"), fc.constantFrom("example.com", "EXAMPLE.com", "b.example"))
    .map((parts) => parts.join("@"))

  it("keeps every mailbox once, in its first spelling and in order", () => {
    fc.assert(
      fc.property(fc.array(address, { maxLength: 30 }), (recipients) => {
        const distinct = distinctRecipients(recipients)
        const expected = recipients.filter(
          (recipient, index) => recipients.findIndex((other) => mailboxKey(other) === mailboxKey(recipient)) === index
        )
        assert.deepStrictEqual(distinct, expected)
      })
    )
  })
})

describe("splitAddress", () => {
  it("splits at the last @", () => {
    assert.deepStrictEqual(splitAddress('"a@b"@example.com'), { localPart: '"a@b"', domain: "example.com" })
    assert.deepStrictEqual(splitAddress("postmaster"), { localPart: "postmaster", domain: "" })
  })
})
