/** A worker's end of the channel to its supervisor. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { metricsOver } from "../../../src/layers/workers/storesOverLink.ts"
import { makeSupervisorLink } from "../../../src/layers/workers/SupervisorLink.ts"
import { MetricsPrometheus } from "../../../src/layers/telemetry/MetricsPrometheus.ts"

const settle = Effect.repeat(Effect.yieldNow, { times: 20 })

describe("a worker that is asked for its metrics", () => {
  // The supervisor asks as soon as there is a process, and kills one that never answers.
  it.effect("answers each question once, also those that came before it had any", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const answered: Array<unknown> = []
        let hear: (batch: unknown) => void = () => {}
        const link = yield* makeSupervisorLink({
          post: (batch) =>
            Effect.sync(() => {
              for (const message of JSON.parse(JSON.stringify(batch))) {
                if (message._tag === "Families") answered.push(message.id)
              }
              return true
            }),
          listen: (listener) => void (hear = listener)
        })
        hear([{ _tag: "FamiliesWanted", id: 1 }])
        hear([{ _tag: "FamiliesWanted", id: 2 }])
        yield* settle
        assert.deepStrictEqual(answered, [])

        yield* Layer.build(metricsOver(link).pipe(Layer.provide(MetricsPrometheus)))
        hear([{ _tag: "FamiliesWanted", id: 3 }])
        // The metrics are put together by promises, which end when they end.
        yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))).pipe(
          Effect.repeat({ until: () => answered.length >= 3, times: 1_000 })
        )
        assert.deepStrictEqual(answered, [1, 2, 3])
      })
    )
  )
})
