/** What a format makes one line of. */
import type { LogLevel, Tracer } from "effect"
import type { LogEvent } from "./LogEvent.ts"

export interface LogLine extends LogEvent {
  readonly date: Date
  readonly level: LogLevel.LogLevel
  /** The span that was open, sampled or not. */
  readonly span: Tracer.AnySpan | undefined
}

/** Ends with a line break. Pretty ones may hold others. */
export type LogFormat = (line: LogLine) => string
