import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { WholeLines } from "../../../src/layers/workers/WholeLines.ts"

/** What comes out of it, chunk by chunk, when these go in. */
const passed = (...chunks: ReadonlyArray<string>) =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    const lines = new WholeLines()
    const out: Array<string> = []
    lines.on("data", (chunk: Buffer) => out.push(chunk.toString()))
    lines.on("end", () => resume(Effect.succeed(out)))
    for (const chunk of chunks) lines.write(chunk)
    lines.end()
  })

describe("WholeLines", () => {
  it.effect("passes on nothing but whole lines, wherever they were cut", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* passed("a\nb", "c", "\n", "d\ne\n"), ["a\n", "bc\n", "d\ne\n"])
      assert.deepStrictEqual(yield* passed("é".repeat(3), "\nü\n"), ["ééé\nü\n"])
    })
  )

  it.effect("ends a line that its writer did not", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* passed("a\nb"), ["a\n", "b\n"])
      assert.deepStrictEqual(yield* passed(), [])
    })
  )

  it.effect("holds no more than a megabyte of a line without an end", () =>
    Effect.gen(function* () {
      const out = yield* passed(...Array.from({ length: 40 }, () => "x".repeat(65_536)))
      assert.strictEqual(out.join("").length, 40 * 65_536 + 1)
      for (const chunk of out) assert.isAtMost(chunk.length, 1_048_576 + 65_536)
    })
  )
})
