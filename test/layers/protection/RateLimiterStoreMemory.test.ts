import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  RateLimiterStoreMemory,
  rateLimiterStoreMemory
} from "../../../src/layers/protection/RateLimiterStoreMemory.ts"
import { RateLimiterStore, type StrikeRule } from "../../../src/services/RateLimiterStore.ts"
import { rateLimiterStoreContract } from "../../kit/RateLimiterStoreContract.ts"

rateLimiterStoreContract("RateLimiterStoreMemory", RateLimiterStoreMemory)

const RULE: StrikeRule = { limit: 2, window: 300_000, blockFor: 3_600_000 }

/** Whether the one mail that the key may send is remembered; asking sends it. */
const hasSent = (key: string) =>
  Effect.flatMap(RateLimiterStore, (store) =>
    Effect.map(store.take([{ of: "address", key, limit: 1 }], 60_000), (refusal) => refusal !== undefined)
  )

const block = (key: string) =>
  Effect.gen(function* () {
    const store = yield* RateLimiterStore
    yield* store.strike("address", key, 1, RULE)
    assert.isTrue(yield* store.strike("address", key, 2, RULE))
  })

const isBlocked = (key: string) =>
  Effect.flatMap(RateLimiterStore, (store) =>
    Effect.map(store.blockedFor("address", key), (remaining) => remaining > 0)
  )

/** Room for about a hundred keys. */
const small = rateLimiterStoreMemory(25_000)

describe("a full RateLimiterStoreMemory", () => {
  it.effect("forgets the oldest senders first", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 1_000; i++) {
        yield* hasSent(`10.0.${i >> 8}.${i & 255}`)
        yield* TestClock.adjust("1 millis")
      }
      assert.isTrue(yield* hasSent("10.0.3.231"))
      assert.isTrue(yield* hasSent("10.0.3.200"))
      assert.isFalse(yield* hasSent("10.0.0.0"))
      assert.isFalse(yield* hasSent("10.0.3.0"))
    }).pipe(Effect.provide(small))
  )

  it.effect("a sender that is active stays while others come and go", () =>
    Effect.gen(function* () {
      const store = yield* RateLimiterStore
      const active = { of: "address", key: "192.0.2.1", limit: 1_000 } as const
      for (let i = 0; i < 1_000; i++) {
        yield* hasSent(`10.0.${i >> 8}.${i & 255}`)
        assert.isUndefined(yield* store.take([active], 60_000))
      }
      assert.isDefined(yield* store.take([active], 60_000))
    }).pipe(Effect.provide(small))
  )

  it.effect("keeps what blocks, whatever is thrown at it", () =>
    Effect.gen(function* () {
      const store = yield* RateLimiterStore
      for (let i = 0; i < 50; i++) yield* block(`192.0.2.${i}`)
      for (let i = 0; i < 2_000; i++) {
        yield* hasSent(`10.0.${i >> 8}.${i & 255}`)
        yield* store.strike("address", `10.1.${i >> 8}.${i & 255}`, i, RULE)
        yield* store.strike("name", `user${i}@example.com`, i, RULE)
      }
      for (let i = 0; i < 50; i++) assert.isTrue(yield* isBlocked(`192.0.2.${i}`), `192.0.2.${i}`)
    }).pipe(Effect.provide(small))
  )

  it.effect("of nothing but blocks keeps the latest", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 1_000; i++) {
        yield* block(`10.0.${i >> 8}.${i & 255}`)
        yield* TestClock.adjust("1 millis")
      }
      assert.isFalse(yield* hasSent("192.0.2.1"))
      assert.isTrue(yield* hasSent("192.0.2.1"), "there is still room to count")
      assert.isFalse(yield* isBlocked("10.0.0.0"))
      assert.isTrue(yield* isBlocked("10.0.3.231"))
      assert.isTrue(yield* isBlocked("10.0.3.200"))
    }).pipe(Effect.provide(small))
  )

  it.effect("gives its room back when what it held has expired", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 60; i++) yield* block(`10.0.0.${i}`)
      yield* TestClock.adjust("1 hour")
      for (let i = 0; i < 60; i++) yield* block(`10.0.1.${i}`)
      for (let i = 0; i < 60; i++) assert.isTrue(yield* isBlocked(`10.0.1.${i}`))
    }).pipe(Effect.provide(small))
  )
})

describe("RateLimiterStoreMemory in numbers", () => {
  it.effect("100,000 addresses that send, half of which fail to log in, are all remembered, in less than 64 MB", () =>
    Effect.gen(function* () {
      const store = yield* RateLimiterStore
      const before = yield* heapUsed
      const rule = { ...RULE, limit: 5 }
      for (let i = 0; i < 100_000; i++) {
        const key = `2001:db8:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::/64`
        for (let mail = 0; mail < 3; mail++) yield* store.take([{ of: "address", key, limit: 3 }], 60_000)
        if (i % 2 === 0)
          for (let mark = 1; mark < 5; mark++) yield* store.strike("address", key, 2 ** 40 + i + mark, rule)
      }
      assert.isBelow((yield* heapUsed) - before, 64_000_000)
      const first = "2001:db8:0:0::/64"
      assert.isDefined(yield* store.take([{ of: "address", key: first, limit: 3 }], 60_000))
      assert.isTrue(yield* store.strike("address", first, 1, rule))
    }).pipe(Effect.provide(RateLimiterStoreMemory))
  )

  it.effect("three times as many take no more", () =>
    Effect.gen(function* () {
      const store = yield* RateLimiterStore
      const before = yield* heapUsed
      for (let i = 0; i < 300_000; i++) {
        yield* store.take(
          [{ of: "address", key: `2001:db8:${(i >> 8).toString(16)}:${i & 255}::/64`, limit: 3 }],
          60_000
        )
      }
      assert.isBelow((yield* heapUsed) - before, 64_000_000)
      yield* store.blockedFor("address", "192.0.2.1")
    }).pipe(Effect.provide(RateLimiterStoreMemory))
  )
})

/** Bytes of live objects. */
const heapUsed = Effect.sync(() => {
  setFlagsFromString("--expose-gc")
  const collectGarbage: () => void = runInNewContext("gc")
  collectGarbage()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
})
