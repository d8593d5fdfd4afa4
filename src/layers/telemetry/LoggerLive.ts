import { randomBytes } from "node:crypto"
import { Clock, Context, Effect, Layer, Logger, Redacted, References } from "effect"
import { GatewayConfig, type GatewaySettings } from "../../services/GatewayConfig.ts"
import type { Metrics } from "../../services/Metrics.ts"
import { type AddressMask, addressesShown, hashedWith, onlyDomains } from "./AddressMask.ts"
import { jsonFormat } from "./jsonFormat.ts"
import { type LineSink, type LineWriter, makeLineWriter, streamSink } from "./LineWriter.ts"
import { toLogEvent } from "./LogEvent.ts"
import type { LogFormat } from "./LogLine.ts"
import { prettyFormat } from "./prettyFormat.ts"

/** Where log lines go: to stdout, unless another is provided. */
export const LogOutput = Context.Reference<{
  readonly sink: LineSink
  /** Decides LOG_FORMAT=auto, and whether pretty lines are coloured. */
  readonly isTerminal: boolean
}>("gateway/layers/LogOutput", {
  defaultValue: () => ({ sink: streamSink(process.stdout), isTerminal: process.stdout.isTTY === true })
})

/** The one logger of the process, in place of Effect's own, with LOG_FORMAT, LOG_LEVEL and LOG_ADDRESSES. */
export const LoggerLive: Layer.Layer<never, never, GatewayConfig | Metrics> = Layer.unwrap(
  Effect.gen(function* () {
    const { log } = yield* GatewayConfig
    const { isTerminal, sink } = yield* LogOutput
    const clock = yield* Clock.Clock
    const pretty = log.format === "pretty" || (log.format === "auto" && isTerminal)
    const format = pretty ? prettyFormat(isTerminal) : jsonFormat
    const droppedNotice = (lines: number): string =>
      format({
        date: new Date(clock.currentTimeMillisUnsafe()),
        level: "Warn",
        event: "log_lines_dropped",
        fields: { lines },
        cause: undefined,
        span: undefined
      })
    const logger = Effect.map(makeLineWriter(sink, droppedNotice), (writer) => lineLogger(writer, format, maskOf(log)))
    return Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, MINIMUM[log.level]))
  })
)

const lineLogger = (writer: LineWriter, format: LogFormat, mask: AddressMask): Logger.Logger<unknown, void> =>
  Logger.make((options) => {
    const { cause, event, fields } = toLogEvent(options, options.fiber.getRef(References.CurrentLogAnnotations), mask)
    writer.write(
      format({ date: options.date, level: options.logLevel, event, fields, cause, span: options.fiber.cache.span })
    )
  })

const maskOf = ({ addresses, addressKey }: GatewaySettings["log"]): AddressMask => {
  switch (addresses) {
    case "full":
      return addressesShown
    case "domain":
      return onlyDomains
    case "hash":
      return hashedWith(addressKey === undefined ? randomBytes(32) : Redacted.value(addressKey))
  }
}

const MINIMUM = { DEBUG: "Debug", INFO: "Info", WARN: "Warn", ERROR: "Error" } as const
