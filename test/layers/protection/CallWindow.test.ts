import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { CallWindow } from "../../../src/layers/protection/CallWindow.ts"

const WINDOW = 60_000

const Calls = Schema.Array(
  Schema.Struct({
    gap: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 25_000 })),
    failed: Schema.Boolean
  })
)

describe("CallWindow", () => {
  it.prop("counts the calls of the last minute, to the second", [Calls], ([calls]) => {
    const window = new CallWindow(WINDOW, 5_000)
    const made: Array<{ readonly second: number; readonly failed: boolean }> = []
    let now = 5_000
    for (const { failed, gap } of calls) {
      now += gap
      window.add(failed, now)
      const second = Math.floor(now / 1_000)
      made.push({ second, failed })
      const recent = made.filter((call) => call.second > second - 60)
      assert.strictEqual(window.calls, recent.length)
      assert.strictEqual(window.failures, recent.filter((call) => call.failed).length)
    }
  })

  it("begins empty after a long silence", () => {
    const window = new CallWindow(WINDOW, 0)
    for (let i = 0; i < 100; i++) window.add(true, i * 600)
    window.add(false, 10_000_000)
    assert.deepStrictEqual([window.calls, window.failures], [1, 0])
  })

  it("has room for windows of other lengths", () => {
    const window = new CallWindow(1_000, 0)
    window.add(true, 0)
    window.add(true, 999)
    assert.strictEqual(window.failures, 2)
    window.add(true, 1_000)
    assert.strictEqual(window.failures, 2)
  })
})
