import { Context, Effect, Layer, Logger, LogLevel, References } from "effect"
import { LogObservers } from "../../services/LogObservers.ts"

/**
 * Adds the `LogObservers` to the loggers that are there. Those keep to the level that is set; it is lifted for the
 * observers alone, and for nobody when there are none.
 */
export const LogObserversLive: Layer.Layer<never> = Layer.effectContext(
  Effect.gen(function* () {
    const observers = yield* LogObservers
    if (observers.length === 0) return Context.empty()
    const loggers = yield* Logger.CurrentLoggers
    const minimum = yield* References.MinimumLogLevel
    const within = (logger: Logger.Logger<unknown, unknown>) =>
      Logger.make<unknown, void>((options) => {
        if (LogLevel.isGreaterThanOrEqualTo(options.logLevel, minimum)) logger.log(options)
      })
    return Context.make(Logger.CurrentLoggers, new Set([...[...loggers].map(within), ...observers])).pipe(
      Context.add(References.MinimumLogLevel, "All")
    )
  })
)
