import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { fittedTags } from "../../src/domain/Tag.ts"

describe("fittedTags", () => {
  const cases: ReadonlyArray<readonly [given: string, tag: string]> = [
    ["invoice", "invoice"],
    [" a b ", "a-b"],
    ["order/1042", "order-1042"],
    ["campaign=welcome", "campaign-welcome"],
    ["--", "--"],
    ["Größe é", "Gro-e-e"],
    ["März", "Marz"],
    ["日本", "u65e5u672c"],
    ["Привет", "u41fu440u438u432u435u442"],
    ["😀", "u1f600"],
    ["x".repeat(300), "x".repeat(255)]
  ]
  for (const [given, tag] of cases) {
    it(`makes ${given.slice(0, 20)} ${tag.slice(0, 20)}`, () => {
      assert.deepStrictEqual(fittedTags([given]), [tag])
    })
  }

  it("keeps foreign tags apart", () => {
    assert.strictEqual(fittedTags(["日本", "中国", "!", "?"]).length, 4)
  })

  it("leaves out what is empty or there already", () => {
    assert.deepStrictEqual(fittedTags(["", " ", "a", "a ", "b"]), ["a", "b"])
  })

  it("makes of anything what Cakemail takes", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 400 })), (texts) => {
        for (const tag of fittedTags(texts)) assert.match(tag, /^[a-zA-Z0-9-_]{1,255}$/)
      })
    )
  })
})
