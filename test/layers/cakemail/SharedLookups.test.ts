import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { makeSharedLookups } from "../../../src/layers/cakemail/SharedLookups.ts"

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

/** Whether nothing holds the object any more. */
const isCollected = (reference: WeakRef<object>) =>
  Effect.gen(function* () {
    // What a WeakRef was asked for in a turn of the event loop lives to the end of that turn.
    yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
    collectGarbage()
    return reference.deref() === undefined
  })

it.effect("a remembered value does not hold the look-up it came from, nor that of a later hit", () =>
  Effect.gen(function* () {
    const lookups = yield* makeSharedLookups<number, never>({ capacity: 10, timeToLive: () => Duration.minutes(1) })
    const ask = Effect.suspend(() => {
      const secret = { password: "secret" }
      return Effect.as(
        lookups.get(
          "key",
          Effect.sync(() => secret.password.length)
        ),
        new WeakRef(secret)
      )
    })
    const miss = yield* ask
    const hit = yield* ask
    assert.isTrue(yield* isCollected(miss))
    assert.isTrue(yield* isCollected(hit))
    assert.strictEqual(lookups.sizeNow(), 1)
  })
)
