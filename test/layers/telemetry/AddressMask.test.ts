import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { hashedWith, onlyDomains } from "../../../src/layers/telemetry/AddressMask.ts"

describe("AddressMask", () => {
  it("leaves no local part of an address, whatever stands around it", () => {
    const around = fc.array(
      fc.oneof(fc.constant("some.body@example.com"), fc.string(), fc.constantFrom('"', "<", "@", "'"))
    )
    fc.assert(
      fc.property(around, fc.constantFrom(" ", ",", "\n", ""), (parts, separator) => {
        for (const mask of [onlyDomains, hashedWith("key")]) {
          assert.notInclude(mask.text(parts.join(separator)), "some.body@")
        }
      })
    )
  })

  it("leaves text without an address as it is", () => {
    for (const text of ["", "250 2.0.0 Ok", "@", "a @ b", "@example.com", "@@@", "user@", "42%"]) {
      assert.strictEqual(onlyDomains.text(text), text)
    }
  })

  it("knows the forms of an address", () => {
    const told: ReadonlyArray<readonly [text: string, masked: string]> = [
      ["to <a.b+c@example.com>.", "to <***@example.com>."],
      ['"a @ b"@example.com refused', "***@example.com refused"],
      ['{"email":"jörg@müller.example"}', '{"email":"***@müller.example"}'],
      ["o'brien@example.com", "***@example.com"],
      ["for 'a@example.com'!", "for '***@example.com'!"],
      ["mailto:a@example.com?subject=x", "mailto:***@example.com?subject=x"],
      ["a@[IPv6:2001:db8::1] b@c", "***@[IPv6:2001:db8::1] ***@c"],
      ["a@b.example,c@d.example", "***@b.example,***@d.example"]
    ]
    for (const [text, masked] of told) assert.strictEqual(onlyDomains.text(text), masked)
  })

  it("takes a time that grows with the text and not with its square", () => {
    const text = `${"a".repeat(2_000_000)} ${"@".repeat(500_000)} ${'"@'.repeat(100_000)}`
    assert.isAbove(onlyDomains.text(text).length, 2_000_000)
  })
})
