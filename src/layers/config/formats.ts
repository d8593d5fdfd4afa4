/**
 * How the text of a setting is read. A format carries its decoder together with the words that docs, `--help`
 * and problem reports use for it, so that they cannot say different things.
 */
import { Duration, Effect, type Redacted, Result, Schema, SchemaGetter, SchemaIssue } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

export interface Format<out A> {
  /** Decodes trimmed text that is not empty. */
  readonly decoder: Schema.ConstraintDecoder<A>
  /** Completes the sentence "give ...". */
  readonly expected: string
  /** `seconds`, `bytes`, or empty when the value is no quantity. */
  readonly unit: string
  readonly range: string
  /** The given text is never shown. */
  readonly secret: boolean
}

/** Decimal digits only: no sign, no exponent. */
export const wholeNumber = (minimum: number, maximum: number): Format<number> => ({
  decoder: digits(minimum, maximum),
  expected: `a whole number from ${minimum} to ${maximum}`,
  unit: "",
  range: `${minimum} to ${maximum}`,
  secret: false
})

/** `auto`, or a number that is chosen. */
export const wholeNumberOrAuto = (minimum: number, maximum: number): Format<number | "auto"> => ({
  decoder: Schema.Union([
    digits(minimum, maximum),
    parsed(Schema.Literal("auto"), (text) => (text.toLowerCase() === "auto" ? "auto" : undefined))
  ]),
  expected: `a whole number from ${minimum} to ${maximum}, or auto`,
  unit: "",
  range: `${minimum} to ${maximum}, auto`,
  secret: false
})

/** A share of a whole. Zero is not one: whatever it limits would never be there. */
export const fraction: Format<number> = {
  decoder: parsed(Schema.Finite, (text) => {
    const value = /^\d(\.\d{1,6})?$/.test(text) ? Number(text) : NO_QUANTITY
    return value >= 0.01 && value <= 1 ? value : undefined
  }),
  expected: "a number from 0.01 to 1, such as 0.5",
  unit: "",
  range: "0.01 to 1",
  secret: false
}

/** A TCP port. 0 is decoded too and lets the system choose, which tests want. */
export const port: Format<number> = {
  decoder: digits(0, 65_535),
  expected: "a port, a whole number from 1 to 65535",
  unit: "",
  range: "1 to 65535; 0 for any free port",
  secret: false
}

/** A number with its unit, or a plain one of `plain`. The limits are written in the format itself. */
export const duration = (
  minimum: string,
  maximum: string,
  plain: "seconds" | "milliseconds" = "seconds"
): Format<Duration.Duration> => {
  const [least, most] = [millisOf(minimum), millisOf(maximum)]
  const examples = plain === "seconds" ? "10 (seconds), 500ms or 5 minutes" : "10000 (milliseconds), 10s or 1 minute"
  return {
    decoder: parsed(Schema.Duration, (text) => {
      const millis = quantityOf(text, UNIT_MILLIS, plain === "seconds" ? 1_000 : 1)
      return millis >= least && millis <= most ? Duration.millis(millis) : undefined
    }),
    expected: `a duration from ${minimum} to ${maximum}, such as ${examples}`,
    unit: plain,
    range: `${minimum} to ${maximum}`,
    secret: false
  }
}

/** A plain number of bytes, or a number with its unit: KiB, MiB, GiB are powers of 1024, kB, MB, GB of 1000. */
export const size = (minimum: string, maximum: string): Format<number> => {
  const [least, most] = [bytesOf(minimum), bytesOf(maximum)]
  return {
    decoder: parsed(Schema.Int, (text) => {
      const bytes = bytesOf(text)
      return bytes >= least && bytes <= most ? bytes : undefined
    }),
    expected: `a size from ${minimum} to ${maximum}, such as 26214400 (bytes) or 25 MiB`,
    unit: "bytes",
    range: `${minimum} to ${maximum}`,
    secret: false
  }
}

export const boolean: Format<boolean> = {
  decoder: parsed(Schema.Boolean, (text) => BOOLEANS.get(text.toLowerCase())),
  expected: "true or false (yes, no, on, off, 1 and 0 do as well)",
  unit: "",
  range: "true, false",
  secret: false
}

/** One of a closed list, in any case. `synonyms` are accepted and not advertised. */
export const choice = <const Choice extends string>(
  choices: ReadonlyArray<Choice>,
  synonyms: Readonly<Record<string, Choice>> = {}
): Format<Choice> => ({
  decoder: parsed(Schema.Literals(choices), (text) => {
    const wanted = text.toLowerCase()
    return choices.find((each) => each.toLowerCase() === wanted) ?? synonyms[wanted]
  }),
  expected: `one of ${choices.join(", ")}`,
  unit: "",
  range: choices.join(", "),
  secret: false
})

/** Separated by commas; blanks around an item and empty items are ignored. */
export const list = <A>(item: Format<A>, plural: string): Format<ReadonlyArray<A>> => {
  const decodeItem = Schema.decodeResult(item.decoder)
  return {
    decoder: parsed(Schema.declare<ReadonlyArray<A>>(Array.isArray), (text) => {
      const items: Array<A> = []
      for (const part of text.split(",")) {
        if (part.trim() === "") continue
        const decoded = decodeItem(part.trim())
        if (Result.isFailure(decoded)) return undefined
        items.push(decoded.success)
      }
      return items
    }),
    expected: `${plural} separated by commas, each ${item.expected}`,
    unit: item.unit,
    range: `list of ${plural}`,
    secret: item.secret
  }
}

/** CIDR notation; a bare address stands for itself alone. Host bits are cleared. */
export const network: Format<string> = {
  decoder: parsed(Schema.String, (text) => {
    const slash = text.indexOf("/")
    const address = Result.getOrUndefined(NetAddress.ipFromString(slash < 0 ? text : text.slice(0, slash)))
    if (address === undefined) return undefined
    const bits = NetAddress.isIpv4Address(address) ? "32" : "128"
    const length = slash < 0 ? bits : text.slice(slash + 1)
    if (!/^\d{1,3}$/.test(length)) return undefined
    const decoded = IpNetwork.fromAddress(address, Number(length))
    return Result.isSuccess(decoded) ? IpNetwork.format(decoded.success) : undefined
  }),
  expected: "a network such as 10.0.0.0/8 or 2001:db8::/32, or one address",
  unit: "",
  range: "CIDR notation",
  secret: false
}

/** Where to listen: an address, a host name, or `*` for every interface. */
export const listenHost: Format<string> = {
  decoder: parsed(Schema.String, (text) => (/^[\w.:%*-]+$/.test(text) ? text : undefined)),
  expected: "an address or a host name of this machine, or * for all interfaces",
  unit: "",
  range: "address, host name or *",
  secret: false
}

/** RFC 1123 section 2.1 names, underscores tolerated, because containers have them. */
export const hostName: Format<string> = {
  decoder: parsed(Schema.String, (text) =>
    text.length <= 253 && /^[a-z0-9_]([\w-]*[a-z0-9_])?(\.[a-z0-9_]([\w-]*[a-z0-9_])?)*$/i.test(text) ? text : undefined
  ),
  expected: "a host name such as smtp.example.com",
  unit: "",
  range: "host name",
  secret: false
}

export const path: Format<string> = {
  decoder: parsed(Schema.String, (text) => (text.includes("\0") ? undefined : text)),
  expected: "the path of a file",
  unit: "",
  range: "path",
  secret: false
}

export const directory: Format<string> = { ...path, expected: "the path of a directory" }

/** Hosts, domains and networks that go without a proxy, in the usual notation: passed on as it is. */
export const proxyExceptions: Format<string> = {
  decoder: Schema.NonEmptyString,
  expected: "host names, domains or addresses separated by commas, or *",
  unit: "",
  range: "list of hosts",
  secret: false
}

/** A secret that is used as it is: any text that is not too short to be guessed. */
export const key: Format<Redacted.Redacted> = {
  decoder: Schema.RedactedFromValue(parsed(Schema.String, (text) => (text.length >= 16 ? text : undefined))),
  expected: "a text of at least 16 characters that nobody can guess, such as openssl rand -hex 32 writes",
  unit: "",
  range: "16 characters or more",
  secret: true
}

/** https, or http to this machine alone. Slashes at the end are taken off. */
export const apiUrl: Format<string> = {
  decoder: parsed(Schema.String, (text) => {
    const url = URL.parse(text)
    if (url === null || url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
      return undefined
    const allowed = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))
    return allowed ? url.href.replace(/\/+$/, "") : undefined
  }),
  expected: "an https:// address without user, query or fragment (http:// only for a loopback host)",
  unit: "",
  range: "https URL",
  secret: false
}

/** May hold a user name and a password, hence a secret. */
export const proxyUrl: Format<Redacted.Redacted> = {
  decoder: Schema.RedactedFromValue(
    parsed(Schema.String, (text) => {
      const url = URL.parse(text)
      return url !== null && (url.protocol === "http:" || url.protocol === "https:") ? text : undefined
    })
  ),
  expected: "the address of a proxy, such as http://proxy.example.com:3128",
  unit: "",
  range: "http or https URL",
  secret: true
}

/** May hold a user name and a password, hence a secret. The path, if any, is the number of a database. */
export const redisUrl: Format<Redacted.Redacted> = {
  decoder: Schema.RedactedFromValue(
    parsed(Schema.String, (text) => {
      const url = URL.parse(text)
      if (url === null || (url.protocol !== "redis:" && url.protocol !== "rediss:")) return undefined
      return url.hostname !== "" && /^\/?\d{0,5}$/.test(url.pathname) ? text : undefined
    })
  ),
  expected: "the address of a Redis, such as redis://redis.example.com:6379 or, with TLS, rediss://",
  unit: "",
  range: "redis or rediss URL",
  secret: true
}

/** Whether a host, as a URL or a flag spells it, can only be this machine. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" ||
  host.endsWith(".localhost") ||
  host === "[::1]" ||
  host === "::1" ||
  /^127(\.\d{1,3}){3}$/.test(host)

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["off", false],
  ["0", false]
])

/** Singular; a plural `s` is taken off before the look-up. */
const UNIT_MILLIS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["millisecond", 1],
  ["s", 1_000],
  ["sec", 1_000],
  ["second", 1_000],
  ["m", 60_000],
  ["min", 60_000],
  ["minute", 60_000],
  ["h", 3_600_000],
  ["hour", 3_600_000],
  ["d", 86_400_000],
  ["day", 86_400_000]
])

const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ["b", 1],
  ["byte", 1],
  ["kb", 1_000],
  ["kib", 1_024],
  ["mb", 1_000_000],
  ["mib", 1_048_576],
  ["gb", 1_000_000_000],
  ["gib", 1_073_741_824]
])

/** What a text that is no such quantity becomes: smaller and larger than nothing, so that every range refuses it. */
const NO_QUANTITY = Number.NaN

function millisOf(text: string): number {
  return quantityOf(text, UNIT_MILLIS, 1_000)
}

function bytesOf(text: string): number {
  return quantityOf(text, UNIT_BYTES, 1)
}

/** Whole milliseconds or bytes: what is left of a fraction of them is dropped. */
function quantityOf(text: string, units: ReadonlyMap<string, number>, withoutUnit: number): number {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)$/i.exec(text)
  const [, amount, unit] = match ?? []
  if (amount === undefined || unit === undefined) return NO_QUANTITY
  const name = unit.toLowerCase()
  const factor = name === "" ? withoutUnit : (units.get(name) ?? units.get(name.replace(/s$/, "")))
  return factor === undefined ? NO_QUANTITY : Math.floor(Number(amount) * factor)
}

function digits(minimum: number, maximum: number): Schema.ConstraintDecoder<number> {
  return parsed(Schema.Int, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NO_QUANTITY
    return value >= minimum && value <= maximum ? value : undefined
  })
}

/** Decodes text by a plain function that answers `undefined` to what it does not understand. */
export function parsed<A>(
  target: Schema.Codec<A>,
  parse: (text: string) => A | undefined
): Schema.ConstraintDecoder<A> {
  return Schema.String.pipe(
    Schema.decodeTo(target, {
      decode: SchemaGetter.transformEffect((text: string, options) => {
        const value = parse(text)
        return value === undefined
          ? Effect.fail(new SchemaIssue.InvalidValue({}, text, options))
          : Effect.succeed(value)
      }),
      encode: SchemaGetter.forbiddenEncoding
    })
  )
}
