import { Effect, Layer, Logger, References } from "effect"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import type { Metrics } from "../../services/Metrics.ts"
import { jsonLogger } from "./JsonLogger.ts"
import { type LineSink, makeLineWriter, streamSink } from "./LineWriter.ts"
import { prettyLogger } from "./PrettyLogger.ts"

/** Where log lines go. */
export interface LogOutput {
  readonly sink: LineSink
  /** Decides LOG_FORMAT=auto, and whether pretty lines are coloured. */
  readonly isTerminal: boolean
}

/** The one logger of the process, in place of Effect's own, with LOG_FORMAT and LOG_LEVEL. */
export const loggerLayer = (output: LogOutput): Layer.Layer<never, never, GatewayConfig | Metrics> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { format, level } = (yield* GatewayConfig).log
      const pretty = format === "pretty" || (format === "auto" && output.isTerminal)
      const logger = Effect.map(makeLineWriter(output.sink), (writer) =>
        pretty ? prettyLogger(writer, output.isTerminal) : jsonLogger(writer)
      )
      return Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, MINIMUM[level]))
    })
  )

/** To stdout. */
export const LoggerLive: Layer.Layer<never, never, GatewayConfig | Metrics> = Layer.unwrap(
  Effect.sync(() => loggerLayer({ sink: streamSink(process.stdout), isTerminal: process.stdout.isTTY === true }))
)

const MINIMUM = { DEBUG: "Debug", INFO: "Info", WARN: "Warn", ERROR: "Error" } as const
