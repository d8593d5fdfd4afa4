/** The stores of the supervisor, asked by workers. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { RateLimiterStoreMemory } from "../../../src/layers/protection/RateLimiterStoreMemory.ts"
import { RecentSubmissionsOverStore } from "../../../src/layers/protection/RecentSubmissionsOverStore.ts"
import { SharedReceiptsMemory } from "../../../src/layers/workers/SharedReceipts.ts"
import type { SubmissionReceipt } from "../../../src/domain/Submission.ts"
import { RateLimiterStore } from "../../../src/services/RateLimiterStore.ts"
import { ReceiptStore } from "../../../src/services/ReceiptStore.ts"
import { RecentSubmissions } from "../../../src/services/RecentSubmissions.ts"
import { layerMetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { rateLimiterStoreContract } from "../../kit/RateLimiterStoreContract.ts"
import {
  countedSubmissions,
  heldSubmission,
  message,
  RECIPIENT,
  recentSubmissionsContract
} from "../../kit/RecentSubmissionsContract.ts"
import { configWith } from "../../kit/SettingsKit.ts"
import { connectWorker, WorkerStores } from "../../kit/WorkerLinkKit.ts"

const Supervisor = Layer.merge(RateLimiterStoreMemory, SharedReceiptsMemory).pipe(Layer.provide(configWith()))

const OverLink = Layer.provide(WorkerStores, Supervisor)

rateLimiterStoreContract("the store of the supervisor, asked by a worker", OverLink)

recentSubmissionsContract(
  "duplicate protection of a worker, by the supervisor",
  Effect.succeed({
    layer: RecentSubmissionsOverStore.pipe(
      Layer.provide(
        Layer.fresh(WorkerStores).pipe(
          Layer.provide(Layer.fresh(Layer.merge(RateLimiterStoreMemory, SharedReceiptsMemory)))
        )
      )
    ),
    elapse: TestClock.adjust
  })
)

/** A worker with duplicate protection of its own, in a scope that is its life. */
const startWorker = Effect.gen(function* () {
  const life = yield* Scope.make()
  const stores = yield* Scope.provide(connectWorker, life)
  const recent = yield* Layer.build(
    RecentSubmissionsOverStore.pipe(
      Layer.provide(Layer.merge(Layer.succeedContext(stores), layerMetricsRecorder)),
      Layer.fresh
    )
  )
  return {
    limits: Context.get(stores, RateLimiterStore),
    receipts: Context.get(stores, ReceiptStore),
    submitOnce: Context.get(recent, RecentSubmissions).forMessage(message),
    end: Scope.close(life, Exit.void)
  }
})

/** Lets messages come to where they go. */
const settle = Effect.repeat(TestClock.adjust("10 micros"), { times: 30 })

const RULE = { limit: 3, window: 300_000, blockFor: 3_600_000 }

describe("two workers", () => {
  it.effect("share marks, blocks and quotas, and hash with one secret", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* startWorker, yield* startWorker]
      assert.deepStrictEqual(Buffer.from(one.limits.secret), Buffer.from(two.limits.secret))
      assert.isFalse(yield* one.limits.strike("address", "192.0.2.1", 1, RULE))
      assert.isFalse(yield* two.limits.strike("address", "192.0.2.1", 1, RULE))
      assert.isFalse(yield* two.limits.strike("address", "192.0.2.1", 2, RULE))
      assert.isTrue(yield* one.limits.strike("address", "192.0.2.1", 3, RULE))
      assert.strictEqual(yield* two.limits.blockedFor("address", "192.0.2.1"), RULE.blockFor)
      const quota = { of: "account", key: "user", limit: 2 } as const
      assert.isUndefined(yield* one.limits.take([quota], 60_000))
      assert.isUndefined(yield* two.limits.take([quota], 60_000))
      assert.deepStrictEqual(yield* one.limits.take([quota], 60_000), { of: "account", wait: 60_000 })
    }).pipe(Effect.provide(Supervisor))
  )

  it.effect("share places; those of a worker that is gone are free, its failed logins stay", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* startWorker, yield* startWorker]
      const held = yield* Scope.make()
      const rule = { limit: 2, limitOfKey: 2 }
      yield* Scope.provide(one.limits.connect("192.0.2.1", rule), held)
      yield* Scope.provide(one.limits.connect("192.0.2.1", rule), held)
      yield* Scope.provide(one.limits.guess("user", 1, RULE), held)
      yield* one.limits.strike("name", "user", 2, RULE)
      assert.strictEqual(yield* Effect.scoped(two.limits.connect(undefined, rule)), "limit")
      yield* one.end
      assert.isUndefined(yield* Effect.scoped(two.limits.connect("192.0.2.1", rule)))
      const scope = yield* Scope.make()
      const guesses = yield* Effect.forEach([3, 4, 5], (mark) =>
        Scope.provide(two.limits.guess("user", mark, RULE), scope)
      )
      assert.deepStrictEqual(guesses, [true, true, false])
    }).pipe(Effect.provide(Supervisor))
  )

  it.effect("submit one mail once: the other waits for the first, and has its receipt", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* startWorker, yield* startWorker]
      const { begun, outcome, submit } = yield* heldSubmission
      const other = countedSubmissions()
      const first = yield* Effect.forkChild(one.submitOnce(RECIPIENT, submit))
      yield* begun
      const second = yield* Effect.forkChild(two.submitOnce(RECIPIENT, other.submit))
      yield* settle
      assert.strictEqual(other.calls(), 0)
      const accepted: SubmissionReceipt = { recipient: RECIPIENT, messageId: "api-1" }
      yield* Deferred.succeed(outcome, accepted)
      assert.deepStrictEqual(yield* Fiber.join(first), accepted)
      assert.deepStrictEqual(yield* Fiber.join(second), accepted)
      assert.strictEqual(other.calls(), 0)
    }).pipe(Effect.provide(Supervisor))
  )

  it.effect("a worker that is killed in the middle: who waited is told to come back, and then gets through", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* startWorker, yield* startWorker]
      const { begun, submit } = yield* heldSubmission
      const other = countedSubmissions()
      yield* Effect.forkChild(one.submitOnce(RECIPIENT, submit))
      yield* begun
      const second = yield* Effect.forkChild(Effect.flip(two.submitOnce(RECIPIENT, other.submit)))
      yield* settle
      yield* one.end
      assert.strictEqual((yield* Fiber.join(second))._tag, "SubmissionInProgress")
      assert.strictEqual((yield* two.submitOnce(RECIPIENT, other.submit)).messageId, "api-1")
    }).pipe(Effect.provide(Supervisor))
  )
})
