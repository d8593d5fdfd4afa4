import { type Effect, Schema, SchemaTransformation } from "effect"

/** `auth` is a login by either contract, `token` only the one of `email-api-v2`; `emails` is a submission by either. */
export const FaultEndpoint = Schema.Literals(["token", "auth", "senders", "emails", "*"])
export type FaultEndpoint = typeof FaultEndpoint.Type

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 }

const LATENCY_PATTERN = /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|m)$/

/** A day. Timers of Node.js end at 24 days, and fire at once beyond. */
const Milliseconds = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 86_400_000 }))

/** Milliseconds, at most a day; on the wire a number of milliseconds or `200ms`, `1.5 s`, `2m`. */
const Latency = Schema.Union([
  Milliseconds,
  Schema.String.check(Schema.isPattern(LATENCY_PATTERN, { expected: "a duration such as 200ms, 1.5s or 2m" })).pipe(
    Schema.decodeTo(
      Milliseconds,
      SchemaTransformation.transform({
        decode: (text) => {
          const [, amount = "0", unit = "ms"] = LATENCY_PATTERN.exec(text) ?? []
          return Number(amount) * (MILLISECONDS[unit] ?? 1)
        },
        encode: (milliseconds) => `${milliseconds}ms`
      })
    )
  )
])

/** What somebody typed: an address, a sentence. */
const ShortText = Schema.String.check(Schema.isMaxLength(1_000))

const when = {
  endpoint: FaultEndpoint,
  /** Only calls that have passed this many matching ones before. */
  skip: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
  /** At most this many calls; absent: all. */
  next: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  /** 0..1 of the matching calls, evenly spread and always the same ones: 0.25 hits every fourth. */
  share: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  /** Waited before anything else the fault does. */
  latency: Schema.optionalKey(Latency)
}

const whenRead = {
  ...when,
  /** Only submissions to this recipient, compared without case. */
  recipient: Schema.optionalKey(ShortText),
  /** The call takes effect, a submission is captured, before its answer is spoilt. Default: false. */
  accept: Schema.optionalKey(Schema.Boolean)
}

/** At most a year. */
const Seconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 31_536_000 }))

export const Fault = Schema.Union([
  /** Only slow: the call goes on after `latency`. */
  Schema.Struct({
    ...when,
    what: Schema.Literal("latency"),
    latency: Latency,
    recipient: Schema.optionalKey(ShortText)
  }),
  Schema.Struct({
    ...whenRead,
    what: Schema.Literal("status"),
    status: Schema.Int.check(Schema.isBetween({ minimum: 200, maximum: 599 })),
    /** A string goes out as it is, anything else as JSON; absent: an error in the contract's shape. */
    body: Schema.optionalKey(Schema.Unknown),
    retryAfter: Schema.optionalKey(Seconds)
  }),
  /** 429, without Retry-After unless given. */
  Schema.Struct({ ...whenRead, what: Schema.Literal("rate-limit"), retryAfter: Schema.optionalKey(Seconds) }),
  /** Resets the connection once the headers are there. */
  Schema.Struct({ ...when, what: Schema.Literal("reset-before-body") }),
  Schema.Struct({ ...whenRead, what: Schema.Literal("reset-after-body") }),
  /** Never answers; ends when the client goes. */
  Schema.Struct({ ...whenRead, what: Schema.Literal("hang") }),
  /** A success whose body is not what the contract says. `truncated` announces more bytes than come. */
  Schema.Struct({
    ...whenRead,
    what: Schema.Literal("garbage"),
    form: Schema.Literals(["invalid-json", "truncated", "wrong-schema", "empty"]),
    /** Absent: the status of a success. */
    status: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 200, maximum: 599 })))
  }),
  /** A success that carries a refusal: `data.status` (`status` in `gateway-v1`) is not `queued`. Nothing is captured. */
  Schema.Struct({
    ...when,
    what: Schema.Literal("result"),
    result: Schema.Literals(["rejected", "error"]),
    recipient: Schema.optionalKey(ShortText)
  }),
  /** The API objects to the recipient's address. */
  Schema.Struct({
    ...when,
    what: Schema.Literal("refuse"),
    recipient: Schema.optionalKey(ShortText),
    reason: Schema.optionalKey(ShortText)
  })
])
export type Fault = typeof Fault.Type

/** Every call looks through the list. */
export const Faults = Schema.Array(Fault).check(Schema.isMaxLength(100))

/** A fault and how often it was met. */
export interface FaultState {
  readonly fault: Fault
  /** Calls that it could have hit. */
  readonly matched: number
  /** Calls that it did hit. */
  readonly fired: number
}

/**
 * What goes wrong at the sandbox. Latencies of all faults that hit a call add up; of the others the first in the list
 * decides.
 */
export interface SandboxFaults {
  /** Replaces the list and starts counting anew. */
  readonly set: (faults: ReadonlyArray<Fault>) => Effect.Effect<void>
  readonly clear: Effect.Effect<void>
  readonly current: Effect.Effect<ReadonlyArray<FaultState>>
}
