/** What was logged, for a test to read. */
import { type Layer, Logger, Predicate } from "effect"

export interface LoggedEvent {
  /** `Info`, `Warn` ... */
  readonly level: string
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** `events` fills up while effects run with `layer`. */
export const makeLogRecorder = (): {
  readonly events: ReadonlyArray<LoggedEvent>
  readonly layer: Layer.Layer<never>
} => {
  const events: Array<LoggedEvent> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    const [event, fields] = Array.isArray(message) ? message : [message]
    events.push({
      level: logLevel,
      event: String(event),
      fields: Predicate.isObject(fields) ? { ...fields } : {}
    })
  })
  return { events, layer: Logger.layer([logger]) }
}
