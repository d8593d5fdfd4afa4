/**
 * What all loggers make of a log call. The convention is `Effect.logInfo("event_name", { field: value })`: the first
 * text names the event, objects are fields, annotations are fields too, a Cause is the cause.
 */
import { type Logger, Redacted } from "effect"
import type { AddressMask } from "./AddressMask.ts"
import { causeText, errorText } from "./causeText.ts"

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
  annotations: Readonly<Record<string, unknown>>,
  mask: AddressMask
): LogEvent => {
  try {
    return readEvent(options, annotations, mask)
  } catch {
    // A getter or a toJSON of a foreign object threw.
    return { event: "unloggable_event", fields: {}, cause: undefined }
  }
}

const readEvent = (
  options: Logger.Options<unknown>,
  annotations: Readonly<Record<string, unknown>>,
  mask: AddressMask
): LogEvent => {
  const fields = new Fields(mask)
  for (const name in annotations) fields.set(name, annotations[name])
  const parts = Array.isArray(options.message) ? options.message : [options.message]
  let event: string | undefined
  let remarks = ""
  for (const part of parts) {
    if (typeof part === "string") {
      if (event === undefined) event = fields.text(part)
      else remarks = remarks === "" ? part : `${remarks} ${part}`
    } else if (isFields(part)) {
      for (const name in part) fields.set(name, part[name])
    } else fields.set(part instanceof Error ? "error" : "value", part)
  }
  if (remarks !== "") fields.set("message", remarks)
  const cause = options.cause.reasons.length === 0 ? undefined : fields.text(causeText(options.cause))
  return { event: event ?? "log", fields: fields.values, cause }
}

/** `timestamp`, `level` and `event` are the logger's own. */
const RESERVED: ReadonlySet<string> = new Set(["timestamp", "level", "event"])

/** Never logged by this code base. Should it ever happen, the value stays out. */
const SECRET: ReadonlySet<string> = new Set([
  "password",
  "token",
  "access_token",
  "refresh_token",
  "api_key",
  "secret",
  "authorization",
  "subject",
  "body",
  "html",
  "attachments"
])

/** What LOG_ADDRESSES is about. Addresses that other fields quote are found by their form. */
const ADDRESS: ReadonlySet<string> = new Set(["authenticated_user", "from_address", "recipient"])

/** `<1234@example.com>` looks like an address and names a mail, nobody. */
const MESSAGE_ID: ReadonlySet<string> = new Set(["message_id", "header_message_id"])

/** Objects that were written as `{ field: value }`, and not something that has a meaning of its own. */
const isFields = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const MAX_DEPTH = 3
const MAX_ITEMS = 100
const MAX_ENTRIES = 30

/** Gathers what may be written of the values that are logged. */
class Fields {
  readonly values: Record<string, LogValue> = {}
  readonly #mask: AddressMask

  constructor(mask: AddressMask) {
    this.#mask = mask
  }

  set(name: string, value: unknown): void {
    if (value !== undefined) this.values[RESERVED.has(name) ? `field_${name}` : name] = this.#named(name, value, 0)
  }

  text(text: string): string {
    return cut(this.#mask.text(text))
  }

  #named(name: string, value: unknown, depth: number): LogValue {
    if (SECRET.has(name)) return "<redacted>"
    if (typeof value !== "string") return this.#value(value, depth)
    if (ADDRESS.has(name)) return cut(this.#mask.address(value))
    return MESSAGE_ID.has(name) ? cut(value) : this.text(value)
  }

  #value(value: unknown, depth: number): LogValue {
    switch (typeof value) {
      case "string":
        return this.text(value)
      case "number":
        return Number.isFinite(value) ? value : String(value)
      case "boolean":
        return value
      case "object":
        return value === null ? null : this.#object(value, depth)
      case "undefined":
        return null
      case "function":
        return "[function]"
      default:
        return String(value)
    }
  }

  #object(value: object, depth: number): LogValue {
    if (Redacted.isRedacted(value)) return "<redacted>"
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString()
    if (value instanceof Error) return this.text(errorText(value))
    // Content of messages has no place in a log.
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
    if (depth >= MAX_DEPTH) return "[...]"
    if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item: unknown) => this.#value(item, depth + 1))
    if ("toJSON" in value && typeof value.toJSON === "function") return this.#value(value.toJSON(), depth + 1)
    if (value instanceof Set) return this.#value([...value], depth)
    if (value instanceof Map) return this.#value([...value], depth)
    const entries: Record<string, LogValue> = {}
    let left = MAX_ENTRIES
    for (const [name, item] of Object.entries(value)) {
      if (left-- === 0) break
      if (item !== undefined) entries[name] = this.#named(name, item, depth + 1)
    }
    return entries
  }
}

const cut = (text: string): string =>
  text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH - 3)}...` : text
