/** What every implementation of RateLimiterStore does, as long as it has room. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, type Layer, Scope } from "effect"
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

const connect = (key: string | undefined) =>
  Effect.flatMap(RateLimiterStore, (store) => store.connect(key, { limit: 3, limitOfKey: 2 }))

/** A password that is being tried until the scope closes. */
const guess = (mark: number, key = "user@example.com") =>
  Effect.flatMap(RateLimiterStore, (store) => store.guess(key, mark, RULE))

/** The distinct passwords that may be tried on the name now. */
const guessesLeft = (key = "user@example.com") =>
  Effect.scoped(
    Effect.gen(function* () {
      let left = 0
      while (yield* guess(1_000 + left, key)) left++
      return left
    })
  )

export const rateLimiterStoreContract = (name: string, layer: Layer.Layer<RateLimiterStore>): void => {
  const test = (title: string, body: Effect.Effect<void, never, RateLimiterStore>) =>
    it.effect(title, () => Effect.provide(body, layer))

  describe(`${name}: guess`, () => {
    test(
      "as many distinct passwords at a time as would block the name; equal ones are one",
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        for (const mark of [1, 2, 2, 3, 1]) assert.isTrue(yield* Scope.provide(guess(mark), scope))
        assert.isFalse(yield* Effect.scoped(guess(4)))
        assert.isTrue(yield* Effect.scoped(guess(3)))
        assert.isTrue(yield* Effect.scoped(guess(4, "other@example.com")))
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* guessesLeft(), 3)
      })
    )

    test(
      "none while the name is blocked",
      Effect.gen(function* () {
        for (const mark of [1, 2, 3]) yield* strike(mark, "user@example.com", "name")
        assert.isFalse(yield* Effect.scoped(guess(4)))
        yield* TestClock.adjust(RULE.blockFor)
        assert.isTrue(yield* Effect.scoped(guess(4)))
      })
    )
  })

  describe(`${name}: connect`, () => {
    test(
      "so many in all and so many of a key, until they close; what was refused takes no place",
      Effect.gen(function* () {
        const first = yield* Scope.make()
        assert.isUndefined(yield* Scope.provide(connect("192.0.2.1"), first))
        const second = yield* Scope.make()
        assert.isUndefined(yield* Scope.provide(connect("192.0.2.1"), second))
        for (let i = 0; i < 5; i++) assert.strictEqual(yield* Effect.scoped(connect("192.0.2.1")), "limit_of_key")
        const third = yield* Scope.make()
        assert.isUndefined(yield* Scope.provide(connect(undefined), third))
        assert.strictEqual(yield* Effect.scoped(connect(undefined)), "limit")
        assert.strictEqual(yield* Effect.scoped(connect("192.0.2.2")), "limit")
        yield* Scope.close(first, Exit.void)
        assert.isUndefined(yield* Effect.scoped(connect("192.0.2.1")))
        yield* Scope.close(third, Exit.void)
        yield* Scope.close(second, Exit.void)
        for (let i = 0; i < 5; i++) assert.isUndefined(yield* Effect.scoped(connect("192.0.2.1")))
      })
    )

    test(
      "not of an address that is blocked",
      Effect.gen(function* () {
        for (const mark of [1, 2, 3]) yield* strike(mark)
        assert.strictEqual(yield* Effect.scoped(connect("192.0.2.1")), "blocked")
        assert.isUndefined(yield* Effect.scoped(connect("192.0.2.2")))
      })
    )
  })

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
      "strikes of a name are guesses that are not left, each mark once, for a window",
      Effect.gen(function* () {
        const name = "user@example.com"
        assert.strictEqual(yield* guessesLeft(), 3)
        yield* strike(1, name, "name")
        yield* TestClock.adjust("100 seconds")
        yield* strike(2, name, "name")
        yield* strike(2, name, "name")
        assert.strictEqual(yield* guessesLeft(), 1)
        assert.strictEqual(yield* guessesLeft("other@example.com"), 3)
        yield* TestClock.adjust("200 seconds")
        assert.strictEqual(yield* guessesLeft(), 2)
        yield* TestClock.adjust("100 seconds")
        assert.strictEqual(yield* guessesLeft(), 3)
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
