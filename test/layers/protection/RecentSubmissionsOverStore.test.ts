import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { RecentSubmissionsMemory } from "../../../src/layers/protection/RecentSubmissionsOverStore.ts"
import { RecentSubmissions } from "../../../src/services/RecentSubmissions.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import {
  countedSubmissions,
  message,
  RECIPIENT,
  recentSubmissionsContract
} from "../../kit/RecentSubmissionsContract.ts"
import { configWith, testSettings } from "../../kit/SettingsKit.ts"

recentSubmissionsContract(
  "RecentSubmissionsMemory",
  Effect.succeed({ layer: RecentSubmissionsMemory, elapse: TestClock.adjust })
)

describe("RecentSubmissionsMemory", () => {
  it.effect("past its capacity the oldest receipt is forgotten, and no other", () =>
    Effect.gen(function* () {
      const submitOnce = (yield* RecentSubmissions).forMessage(message)
      const { calls, submit } = countedSubmissions()
      for (const name of ["a", "b", "c", "d"]) yield* submitOnce(`${name}@example.com`, submit)
      for (const name of ["d", "c", "b"]) yield* submitOnce(`${name}@example.com`, submit)
      assert.strictEqual(calls(), 4)
      yield* submitOnce("a@example.com", submit)
      assert.strictEqual(calls(), 5)
    }).pipe(
      Effect.provide(
        RecentSubmissionsMemory.pipe(
          Layer.provide(
            Layer.merge(
              configWith({ recentSubmissions: { ...testSettings.recentSubmissions, capacity: 3 } }),
              layerMetricsRecorder
            )
          )
        )
      )
    )
  )

  it.effect("what was not submitted again is counted", () =>
    Effect.gen(function* () {
      const recorder = yield* MetricsRecorder
      const submitOnce = (yield* RecentSubmissions).forMessage(message)
      const { submit } = countedSubmissions()
      for (let turn = 0; turn < 3; turn++) yield* submitOnce(RECIPIENT, submit)
      assert.strictEqual(recorder.value("smtp_duplicates_total", { first: "accepted" }), 2)
      assert.strictEqual(recorder.value("smtp_duplicates_total", { first: "under_way" }), 0)
    }).pipe(
      Effect.provide(RecentSubmissionsMemory.pipe(Layer.provideMerge(Layer.merge(configWith(), layerMetricsRecorder))))
    )
  )
})
