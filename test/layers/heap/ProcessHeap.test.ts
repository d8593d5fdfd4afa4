import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { ProcessHeap } from "../../../src/layers/heap/ProcessHeap.ts"

const MIB = 1024 * 1024

/** Old enough for the part of the heap that V8 seldom looks through. */
const oldObjects = () => Array.from({ length: 400_000 }, (_, serial) => ({ serial, text: [`object ${serial}`] }))

describe("the heap of this process", () => {
  it.effect("gets smaller by what nobody needs any more", () =>
    Effect.gen(function* () {
      // As with --expose-gc; the process is that of this file alone.
      setFlagsFromString("--expose-gc")
      globalThis.gc = runInNewContext("gc")
      const { shrink, size } = yield* ProcessHeap
      assert.isDefined(shrink)
      yield* shrink
      const before = yield* size
      let held: ReadonlyArray<unknown> = oldObjects()
      assert.isAbove(yield* size, before + 30 * MIB)
      assert.strictEqual(held.length, 400_000)
      held = []
      yield* shrink
      assert.isBelow(yield* size, before + 10 * MIB)
    })
  )
})
