/** What every implementation of RateLimiterStore does, as long as it has room. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { TestClock } from "effect/testing"
import { type MailQuota, RateLimiterStore, type StrikeRule } from "../../src/services/RateLimiterStore.ts"

const WINDOW = 60_000

const RULE: StrikeRule = { limit: 3, window: 300_000, blockFor: 3_600_000 }

const quota = (key: string, limit: number, of: MailQuota["of"] = "address"): MailQuota => ({ of, key, limit })

const takeTimes = Effect.fnUntraced(function* (times: number, wanted: MailQuota) {
  const store = yield* RateLimiterStore
  for (let i = 0; i < times; i++) assert.isUndefined(yield* store.take([wanted], WINDOW))
})

const strike = (mark: number, key = "192.0.2.1", offender: "address" | "name" = "address") =>
  Effect.flatMap(RateLimiterStore, (store) => store.strike(offender, key, mark, RULE))

const blockedFor = (key = "192.0.2.1", offender: "address" | "name" = "address") =>
  Effect.flatMap(RateLimiterStore, (store) => store.blockedFor(offender, key))

const strikes = (key = "192.0.2.1", offender: "address" | "name" = "address") =>
  Effect.flatMap(RateLimiterStore, (store) => store.strikes(offender, key, RULE.window))

export const rateLimiterStoreContract = (name: string, layer: Layer.Layer<RateLimiterStore>): void => {
  const test = (title: string, body: Effect.Effect<void, never, RateLimiterStore>) =>
    it.effect(title, () => Effect.provide(body, layer))

  describe(`${name}: take`, () => {
    test(
      "gives as many places as the limit, and tells how long the next one takes",
      Effect.gen(function* () {
        const store = yield* RateLimiterStore
        yield* takeTimes(3, quota("192.0.2.1", 3))
        assert.deepStrictEqual(yield* store.take([quota("192.0.2.1", 3)], WINDOW), { of: "address", wait: 60_000 })
      })
    )

    test(
      "slides: each place is free again a window after it was taken, not before",
      Effect.gen(function* () {
        const store = yield* RateLimiterStore
        const wanted = quota("192.0.2.1", 3)
        for (let i = 0; i < 3; i++) {
          yield* takeTimes(1, wanted)
          yield* TestClock.adjust("10 seconds")
        }
        assert.deepStrictEqual(yield* store.take([wanted], WINDOW), { of: "address", wait: 30_000 })
        yield* TestClock.adjust("29999 millis")
        assert.deepStrictEqual(yield* store.take([wanted], WINDOW), { of: "address", wait: 1 })
        yield* TestClock.adjust("1 millis")
        yield* takeTimes(1, wanted)
        assert.deepStrictEqual(yield* store.take([wanted], WINDOW), { of: "address", wait: 10_000 })
      })
    )

    test(
      "a refusal takes no place",
      Effect.gen(function* () {
        const store = yield* RateLimiterStore
        const wanted = quota("192.0.2.1", 2)
        yield* takeTimes(2, wanted)
        yield* TestClock.adjust("59 seconds")
        for (let i = 0; i < 10; i++) assert.isDefined(yield* store.take([wanted], WINDOW))
        yield* TestClock.adjust("1 second")
        yield* takeTimes(2, wanted)
      })
    )

    test(
      "counts each key and each kind for itself",
      Effect.gen(function* () {
        yield* takeTimes(2, quota("one", 2))
        yield* takeTimes(2, quota("other", 2))
        yield* takeTimes(2, quota("one", 2, "account"))
      })
    )

    test(
      "of several quotas takes all or none",
      Effect.gen(function* () {
        const store = yield* RateLimiterStore
        const [free, full] = [quota("192.0.2.1", 3), quota("user@example.com", 1, "account")]
        yield* takeTimes(1, full)
        for (let i = 0; i < 5; i++) {
          assert.deepStrictEqual(yield* store.take([free, full], WINDOW), { of: "account", wait: 60_000 })
        }
        yield* takeTimes(3, free)
      })
    )

    test(
      "of several full quotas tells the one with the longest wait",
      Effect.gen(function* () {
        const store = yield* RateLimiterStore
        const [early, late] = [quota("192.0.2.1", 1), quota("user@example.com", 1, "account")]
        yield* takeTimes(1, early)
        yield* TestClock.adjust("20 seconds")
        yield* takeTimes(1, late)
        yield* TestClock.adjust("5 seconds")
        for (const order of [
          [early, late],
          [late, early]
        ]) {
          assert.deepStrictEqual(yield* store.take(order, WINDOW), { of: "account", wait: 55_000 })
        }
      })
    )

    test(
      "a limit of hundreds is kept exactly",
      Effect.gen(function* () {
        const store = yield* RateLimiterStore
        const wanted = quota("192.0.2.1", 300)
        for (let second = 0; second < 60; second++) {
          yield* takeTimes(5, wanted)
          yield* TestClock.adjust("1 second")
        }
        yield* takeTimes(5, wanted)
        assert.deepStrictEqual(yield* store.take([wanted], WINDOW), { of: "address", wait: 1_000 })
      })
    )
  })

  describe(`${name}: strike`, () => {
    test(
      "blocks with the limit-th distinct mark, and says so once",
      Effect.gen(function* () {
        assert.isFalse(yield* strike(1))
        assert.isFalse(yield* strike(2))
        assert.strictEqual(yield* blockedFor(), 0)
        assert.isTrue(yield* strike(3))
        assert.strictEqual(yield* blockedFor(), RULE.blockFor)
        assert.isFalse(yield* strike(4))
      })
    )

    test(
      "the same mark counts once, however often it comes",
      Effect.gen(function* () {
        for (let i = 0; i < 20; i++) assert.isFalse(yield* strike(1))
        assert.isFalse(yield* strike(2))
        assert.isFalse(yield* strike(1))
        assert.isTrue(yield* strike(3))
      })
    )

    test(
      "strikes are counted by offender and key, each mark once, for a window",
      Effect.gen(function* () {
        assert.strictEqual(yield* strikes(), 0)
        yield* strike(1)
        yield* TestClock.adjust("100 seconds")
        yield* strike(2)
        yield* strike(2)
        assert.strictEqual(yield* strikes(), 2)
        assert.strictEqual(yield* strikes("192.0.2.2"), 0)
        assert.strictEqual(yield* strikes("192.0.2.1", "name"), 0)
        yield* TestClock.adjust("200 seconds")
        assert.strictEqual(yield* strikes(), 1)
        yield* TestClock.adjust("100 seconds")
        assert.strictEqual(yield* strikes(), 0)
      })
    )

    test(
      "a mark counts for a window after it came last",
      Effect.gen(function* () {
        yield* strike(1)
        yield* strike(2)
        yield* TestClock.adjust("4 minutes")
        yield* strike(1)
        yield* TestClock.adjust("1 minute")
        // The second is gone, the first was used a minute ago.
        assert.isFalse(yield* strike(3))
        assert.isTrue(yield* strike(4))
      })
    )

    test(
      "a block ends in its time, grows no longer by new marks, and leaves nothing behind",
      Effect.gen(function* () {
        for (const mark of [1, 2, 3]) yield* strike(mark)
        yield* TestClock.adjust("59 minutes")
        for (const mark of [4, 5, 6, 7]) assert.isFalse(yield* strike(mark))
        assert.strictEqual(yield* blockedFor(), 60_000)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* blockedFor(), 0)
        assert.isFalse(yield* strike(8))
        assert.isFalse(yield* strike(9))
        assert.isTrue(yield* strike(10))
      })
    )

    test(
      "each key and each kind of offender is on its own",
      Effect.gen(function* () {
        for (const mark of [1, 2, 3]) yield* strike(mark, "one")
        assert.isAbove(yield* blockedFor("one"), 0)
        assert.strictEqual(yield* blockedFor("other"), 0)
        assert.strictEqual(yield* blockedFor("one", "name"), 0)
        for (const mark of [1, 2]) assert.isFalse(yield* strike(mark, "one", "name"))
      })
    )
  })
}
