import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { SlidingWindow } from "../../../src/layers/protection/SlidingWindow.ts"

const WINDOW = 60_000

const Gaps = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 })))

describe("SlidingWindow", () => {
  it.prop(
    "refuses and lets pass as a list of all mails would",
    [Gaps, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))],
    ([gaps, limit]) => {
      const window = new SlidingWindow()
      let accepted: Array<number> = []
      let now = 0
      for (const gap of gaps) {
        now += gap
        accepted = accepted.filter((at) => at > now - WINDOW)
        const expected = accepted.length < limit ? 0 : accepted[accepted.length - limit]! + WINDOW - now
        assert.strictEqual(window.wait(limit, WINDOW, now), expected)
        if (expected > 0) continue
        window.add(now)
        accepted.push(now)
      }
    }
  )

  it("what it says to wait is enough and no more than that", () => {
    const window = new SlidingWindow()
    for (let at = 0; at < 100; at++) window.add(at * 500)
    const wait = window.wait(100, WINDOW, 50_000)
    assert.strictEqual(wait, 10_000)
    assert.strictEqual(window.wait(100, WINDOW, 50_000 + wait - 1), 1)
    assert.strictEqual(window.wait(100, WINDOW, 50_000 + wait), 0)
  })

  it("a limit that has become smaller holds at once", () => {
    const window = new SlidingWindow()
    for (const at of [0, 1_000, 2_000]) window.add(at)
    assert.strictEqual(window.wait(1, WINDOW, 3_000), 59_000)
  })

  it("takes memory for what it has seen in a window, not for its limit", () => {
    const window = new SlidingWindow()
    const small = window.bytes
    for (let at = 0; at < 1_000; at++) {
      assert.strictEqual(window.wait(100_000, WINDOW, at * 30_000), 0)
      window.add(at * 30_000)
    }
    assert.strictEqual(window.bytes, small)
    for (let mail = 0; mail < 100; mail++) window.add(30_000_000)
    assert.isAbove(window.bytes, small + 800)
  })
})
