/**
 * What all loggers make of a log call. The convention is `Effect.logInfo("event_name", { field: value })`: the first
 * text names the event, objects are fields, annotations are fields too, a Cause is the cause.
 */
import { Cause, type Logger, Redacted } from "effect"

export type LogValue = string | number | boolean | null | ReadonlyArray<LogValue> | { readonly [key: string]: LogValue }

export interface LogEvent {
  readonly event: string
  /** Annotations first, then the fields of the call, which win. */
  readonly fields: { readonly [name: string]: LogValue }
  readonly cause: string | undefined
}

/** Longer texts are cut: one line must not drown the others. */
export const MAX_TEXT_LENGTH = 2_000

/** Never throws, whatever was logged. */
export const toLogEvent = (
  options: Logger.Options<unknown>,
  annotations: Readonly<Record<string, unknown>>
): LogEvent => {
  try {
    return readEvent(options, annotations)
  } catch {
    // A getter or a toJSON of a foreign object threw.
    return { event: "unloggable_event", fields: {}, cause: undefined }
  }
}

/** The cause is shown as it is, cut like any text: errors of this code base hold no secret. */
const readEvent = (options: Logger.Options<unknown>, annotations: Readonly<Record<string, unknown>>): LogEvent => {
  const fields: Record<string, LogValue> = {}
  for (const name in annotations) setField(fields, name, annotations[name])
  const parts = Array.isArray(options.message) ? options.message : [options.message]
  let event: string | undefined
  let remarks = ""
  for (const part of parts) {
    if (typeof part === "string") {
      if (event === undefined) event = cut(part)
      else remarks = remarks === "" ? part : `${remarks} ${part}`
    } else if (isFields(part)) {
      for (const name in part) setField(fields, name, part[name])
    } else setField(fields, part instanceof Error ? "error" : "value", part)
  }
  if (remarks !== "") setField(fields, "message", remarks)
  const cause = options.cause.reasons.length === 0 ? undefined : cut(Cause.pretty(options.cause))
  return { event: event ?? "log", fields, cause }
}

/** `timestamp`, `level` and `event` are the logger's own. */
const RESERVED: ReadonlySet<string> = new Set(["timestamp", "level", "event"])

const setField = (fields: Record<string, LogValue>, name: string, value: unknown): void => {
  if (value === undefined) return
  fields[RESERVED.has(name) ? `field_${name}` : name] = toLogValue(value, 0)
}

/** Objects that were written as `{ field: value }`, and not something that has a meaning of its own. */
const isFields = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const MAX_DEPTH = 3
const MAX_ITEMS = 100
const MAX_ENTRIES = 30

const toLogValue = (value: unknown, depth: number): LogValue => {
  switch (typeof value) {
    case "string":
      return cut(value)
    case "number":
      return Number.isFinite(value) ? value : String(value)
    case "boolean":
      return value
    case "object":
      return value === null ? null : objectToLogValue(value, depth)
    case "undefined":
      return null
    case "function":
      return "[function]"
    default:
      return String(value)
  }
}

const objectToLogValue = (value: object, depth: number): LogValue => {
  if (Redacted.isRedacted(value)) return "<redacted>"
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString()
  if (value instanceof Error) return cut(value.message === "" ? value.name : `${value.name}: ${value.message}`)
  // Content of messages has no place in a log.
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth >= MAX_DEPTH) return "[...]"
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item: unknown) => toLogValue(item, depth + 1))
  if ("toJSON" in value && typeof value.toJSON === "function") return toLogValue(value.toJSON(), depth + 1)
  if (value instanceof Set) return toLogValue([...value], depth)
  if (value instanceof Map) return toLogValue([...value], depth)
  const entries: Record<string, LogValue> = {}
  let left = MAX_ENTRIES
  for (const [name, item] of Object.entries(value)) {
    if (left-- === 0) break
    if (item !== undefined) entries[name] = toLogValue(item, depth + 1)
  }
  return entries
}

const cut = (text: string): string =>
  text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH - 3)}...` : text
