import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, References } from "effect"
import { LogObserversLive } from "../../../src/layers/telemetry/LogObserversLive.ts"
import { LogObservers } from "../../../src/services/LogObservers.ts"

const recorder = () => {
  const seen: Array<unknown> = []
  return { seen, logger: Logger.make<unknown, void>(({ message }) => void seen.push(message)) }
}

const threeEvents = Effect.andThen(
  Effect.logDebug("debug"),
  Effect.andThen(Effect.logInfo("info"), Effect.logError("error"))
)

/** As the gateway is put together: the logger beneath, the observers around it. */
const logged = (observers: ReadonlyArray<Logger.Logger<unknown, void>>, line: Logger.Logger<unknown, void>) =>
  Effect.provide(
    Effect.as(threeEvents, References.MinimumLogLevel).pipe(Effect.flatMap((level) => level)),
    LogObserversLive.pipe(
      Layer.provideMerge(Layer.merge(Logger.layer([line]), Layer.succeed(References.MinimumLogLevel, "Info"))),
      Layer.provide(Layer.succeed(LogObservers, observers))
    )
  )

describe("LogObserversLive", () => {
  it.effect("shows observers everything, and the log what it is to have", () =>
    Effect.gen(function* () {
      const line = recorder()
      const observer = recorder()
      yield* logged([observer.logger], line.logger)
      assert.deepStrictEqual(line.seen, [["info"], ["error"]])
      assert.deepStrictEqual(observer.seen, [["debug"], ["info"], ["error"]])
    })
  )

  it.effect("changes nothing when nobody looks", () =>
    Effect.gen(function* () {
      const line = recorder()
      assert.strictEqual(yield* logged([], line.logger), "Info")
      assert.deepStrictEqual(line.seen, [["info"], ["error"]])
    })
  )
})
