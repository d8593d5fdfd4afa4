/**
 * Writes the settings into the schema of the chart's values, each with what it may be, so that Helm refuses one that does
 * not exist and most that the gateway would not start with: `npm run chart:settings`, after a change of the table of
 * settings.
 */
import { Duration, Option } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import type { Setting } from "../../src/layers/config/Setting.ts"
import { allSettings } from "../../src/layers/config/settings.ts"

/** Those that the chart makes from other values. */
const MADE_BY_THE_CHART: ReadonlySet<string> = new Set([
  "SMTP_HOSTNAME",
  "SMTP_PORT",
  "SMTPS_PORT",
  "SMTP_EXTRA_PORTS",
  "HTTP_PORT",
  "LOG_FORMAT",
  "TLS_CERT_PATH",
  "TLS_KEY_PATH",
  "DEAD_LETTER_DIR",
  "SHUTDOWN_DELAY",
  "SHUTDOWN_TIMEOUT"
])

export const SCHEMA_PATH = "deploy/helm/smtp-gateway/values.schema.json"

export const plainSettings = allSettings.filter(
  ({ group, name, secret }) => !secret && group !== "Sandbox" && !MADE_BY_THE_CHART.has(name)
)

export const secretSettings = allSettings.filter(({ secret }) => secret)

type Schema = Readonly<Record<string, unknown>>

/** Words that some settings understand beside those that they advertise. */
const SYNONYMS = ["WARNING", "yes", "no", "on", "off", "1", "0"]

const DECIMAL = String.raw`[0-9]+(\.[0-9]*)?|\.[0-9]+`

const NETWORK = String.raw`[0-9a-fA-F]*[.:][0-9a-fA-F.:]*(/[0-9]{1,3})?`

/** Texts by what the table says of their range; of others only the gateway itself can tell. */
const TEXTS: Readonly<Record<string, string>> = {
  "list of networks": `\\s*${NETWORK}(\\s*,\\s*${NETWORK})*\\s*`,
  "https URL": String.raw`https://[^\s?#@]+|http://(localhost|127(\.[0-9]+){3}|\[::1\])([:/][^\s?#@]*)?`,
  "http or https URL": String.raw`https?://[^\s?#@]+`,
  "list of name=value": String.raw`[^\s=,]+\s*=.*`,
  "list of hosts": String.raw`[^\s].*`,
  "address, host name or *": String.raw`[\w.:%*-]+`
}

/** Singular, as the gateway reads them. */
const UNITS = {
  duration: ["ms", "millisecond", "s", "sec", "second", "m", "min", "minute", "h", "hour", "d", "day"],
  size: ["b", "byte", "kb", "kib", "mb", "mib", "gb", "gib"]
} as const

/** Patterns know nothing of case, in Go and in JavaScript alike. An empty setting is one that is not set. */
const matching = (pattern: string) => ({ pattern: `^(${pattern})?$` })

const inAnyCase = (word: string): string =>
  word.replace(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`)

/** What a setting may be as a value of the chart: a text that the gateway reads, or the number or switch that it means. */
export const schemaOf = (setting: Setting<unknown>): Schema => {
  const understands = (text: string) => Option.isSome(setting.decode(text))
  // A number that has a word beside it, such as auto.
  const [numbers = "", word] = setting.range.split(", ")
  const [least = "", most = ""] = numbers.split(" to ")
  if (setting.unit !== "") {
    const plain = (end: string) => plainly(setting.unit, Option.getOrThrow(setting.decode(end)))
    const kind = setting.unit === "bytes" ? "size" : "duration"
    return {
      type: ["number", "string"],
      minimum: plain(least),
      maximum: plain(most),
      allOf: [{ $ref: `#/definitions/${kind}` }]
    }
  }
  if (understands(least) && understands(most) && Number(most) > Number(least)) {
    const whole = setting.expected.includes("whole number")
    const number = whole ? "[0-9]+" : DECIMAL
    const text = matching(word === undefined ? number : `${number}|${inAnyCase(word)}`)
    return { type: [whole ? "integer" : "number", "string"], minimum: Number(least), maximum: Number(most), ...text }
  }
  const words = setting.range.split(", ")
  if (words.every(understands) && !understands("any other word")) {
    const all = [...new Set([...words, ...SYNONYMS.filter(understands)])]
    const text = matching(all.map(inAnyCase).join("|"))
    if (!understands("true")) return { type: "string", ...text }
    return { type: ["boolean", "integer", "string"], minimum: 0, maximum: 1, ...text }
  }
  const pattern = TEXTS[setting.range]
  return { type: "string", ...(pattern !== undefined && matching(pattern)) }
}

/** A plain number, or a text of a number and its unit. */
const quantityOf = (kind: keyof typeof UNITS): Schema => ({
  type: ["number", "string"],
  ...matching(String.raw`[0-9]+(\.[0-9]+)?\s*((${UNITS[kind].map(inAnyCase).join("|")})[sS]?)?`)
})

/** In the unit of a plain number. */
const plainly = (unit: string, value: unknown): unknown => {
  if (!Duration.isDuration(value)) return value
  return unit === "seconds" ? Duration.toSeconds(value) : Duration.toMillis(value)
}

export const configSchema: Schema = {
  type: "object",
  additionalProperties: false,
  properties: Object.fromEntries(plainSettings.map((setting) => [setting.name, schemaOf(setting)]))
}

export const quantitySchemas = { duration: quantityOf("duration"), size: quantityOf("size") }

if (import.meta.main) {
  const schema = JSON.parse(readFileSync(SCHEMA_PATH, "utf8"))
  Object.assign(schema.definitions, quantitySchemas)
  schema.properties.config = configSchema
  schema.properties.secret.properties.values.propertyNames.enum = secretSettings.map(({ name }) => name)
  writeFileSync(SCHEMA_PATH, `${JSON.stringify(schema, undefined, 2)}\n`)
}
