/** Formats that only the standard OTEL_* variables have (https://opentelemetry.io/docs/specs/otel/). */
import { type Redacted, Schema } from "effect"
import { choice, type Format, parsed } from "./formats.ts"

export type KeyValues = Readonly<Record<string, string>>

/** http, too: collectors are usually in the same cluster or on the same machine. */
export const collectorUrl: Format<string> = {
  decoder: parsed(Schema.String, (text) => {
    const url = URL.parse(text)
    if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined
    return url.username === "" && url.password === "" && url.search === "" && url.hash === "" ? url.href : undefined
  }),
  expected: "an http:// or https:// address without user, query or fragment",
  unit: "",
  range: "http or https URL",
  secret: false
}

/** There is no http/json: who listens for it listens for these. */
export const otlpProtocol = choice(["http/protobuf", "grpc"])

export const compression = choice(["none", "gzip"])

export const sampler = choice([
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio"
])

/** A share of a whole, down to nothing. */
export const ratio: Format<number> = {
  decoder: parsed(Schema.Finite, (text) => {
    const value = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN
    return value <= 1 ? value : undefined
  }),
  expected: "a number from 0 to 1, such as 0.1",
  unit: "",
  range: "0 to 1",
  secret: false
}

export const serviceName: Format<string> = {
  decoder: parsed(Schema.String, (text) => (/[\x00-\x1f\x7f]/.test(text) ? undefined : text)),
  expected: "a text of one line",
  unit: "",
  range: "text",
  secret: false
}

/** `name=value,name=value`; values may be percent-encoded. */
export const keyValues: Format<KeyValues> = {
  decoder: parsed(Schema.Record(Schema.String, Schema.String), (text) => readPairs(text, /^[^\s=,]+$/, /^/)),
  expected: "name=value pairs separated by commas, such as deployment.environment.name=production",
  unit: "",
  range: "list of name=value",
  secret: false
}

/** As `keyValues`, each fit for a header of HTTP. What is sent to a collector is usually a credential, hence a secret. */
export const headerValues: Format<Redacted.Redacted<KeyValues>> = {
  decoder: Schema.RedactedFromValue(
    parsed(Schema.Record(Schema.String, Schema.String), (text) =>
      readPairs(text, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, /^[\x20-\x7e]*$/)
    )
  ),
  expected: "name=value pairs separated by commas, such as x-api-key=abc",
  unit: "",
  range: "list of name=value",
  secret: true
}

/** `undefined` unless each pair, decoded, is as it must be. */
const readPairs = (text: string, names: RegExp, values: RegExp): KeyValues | undefined => {
  const pairs: Array<readonly [string, string]> = []
  for (const part of text.split(",")) {
    if (part.trim() === "") continue
    const equals = part.indexOf("=")
    const name = part.slice(0, equals).trim()
    const value = percentDecoded(part.slice(equals + 1).trim())
    if (equals < 0 || value === undefined || !names.test(name) || !values.test(value)) return undefined
    pairs.push([name, value])
  }
  // Not an object literal grown by assignment: a name may be `__proto__`.
  return Object.fromEntries(pairs)
}

const percentDecoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
