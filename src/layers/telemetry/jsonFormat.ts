import type { LogFormat } from "./LogLine.ts"

/**
 * One JSON object a line: `timestamp` (ISO, milliseconds), `level` (lower case), `event`, annotations and fields flat,
 * `trace_id` and `span_id` while a sampled span is open, `cause` when there is one.
 */
export const jsonFormat: LogFormat = ({ cause, date, event, fields, level, span }) => {
  const line: Record<string, unknown> = { timestamp: date.toISOString(), level: level.toLowerCase(), event, ...fields }
  if (span !== undefined && span.sampled) {
    line["trace_id"] = span.traceId
    line["span_id"] = span.spanId
  }
  if (cause !== undefined) line["cause"] = cause
  const json = JSON.stringify(line)
  return `${BREAKERS.test(json) ? json.replace(EACH_BREAKER, escaped) : json}\n`
}

/** What JSON leaves as it is, and some readers take for the end of a line or a terminal for a command. */
const BREAKERS = /[\x7f-\x9f\u2028\u2029]/
const EACH_BREAKER = new RegExp(BREAKERS, "g")

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
