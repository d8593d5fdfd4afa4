/** What the load generator is to do. The runner hands it over as JSON; every field but the port may be left out. */
import { Effect, Schema } from "effect"
import { isLoopback } from "../../src/layers/config/formats.ts"

const orElse = <S extends Schema.Constraint>(schema: S, value: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(value))(schema)

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const seconds = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 604_800 }))
const rate = Schema.Finite.check(Schema.isBetween({ minimum: 0.001, maximum: 100_000 }))

/** Octets of the parts of each message before they are encoded. */
export const MessageShape = Schema.Struct({
  text: orElse(count(1, 100_000_000), 700),
  /** 0: no HTML part. */
  html: orElse(count(0, 100_000_000), 600),
  /** Of each attachment; 0: there is none. */
  attachment: orElse(count(0, 100_000_000), 0),
  attachments: orElse(count(1, 100), 1),
  /** Whether every line of the text begins with a dot, which SMTP doubles (RFC 5321 section 4.5.2). */
  dotted: orElse(Schema.Boolean, false)
})

/**
 * When messages are sent. `closed`: each connection sends the next one as soon as it has the reply to the last.
 * `steady` and `ramp`: they arrive by a Poisson process, whether the server keeps up or not. Rates are messages a
 * second; a ramp climbs evenly through the measured time.
 */
export const Pace = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("closed") }),
  Schema.Struct({ kind: Schema.Literal("steady"), rate }),
  Schema.Struct({ kind: Schema.Literal("ramp"), from: rate, to: rate })
])

export const LoadPlan = Schema.Struct({
  /** This machine alone: nobody else has asked for it. */
  host: orElse(
    Schema.String.check(Schema.makeFilter((host) => isLoopback(host) || "expected a loopback address")),
    "127.0.0.1"
  ),
  port: count(1, 65_535),
  tls: orElse(Schema.Literals(["starttls", "implicit", "none"]), "starttls"),
  /** Offers the session of an earlier connection, so that the handshake is short. */
  resume: orElse(Schema.Boolean, false),
  auth: orElse(Schema.Literals(["PLAIN", "LOGIN", "none"]), "PLAIN"),
  username: orElse(Schema.String, "demo@example.com"),
  password: orElse(Schema.String, "demo"),
  /** Connections that send. */
  connections: orElse(count(0, 10_000), 50),
  /** Connections that log in and then say nothing. */
  idle: orElse(count(0, 10_000), 0),
  /** After so many a connection says QUIT and a new one takes its place. */
  messagesPerConnection: orElse(count(1, 1_000_000_000), 1_000_000_000),
  recipients: orElse(count(1, 10_000), 1),
  /** Whether MAIL, RCPT and DATA go out together (RFC 2920). */
  pipelining: orElse(Schema.Boolean, false),
  message: orElse(MessageShape, {}),
  pace: orElse(Pace, { kind: "closed" }),
  /** Time under load before it counts. */
  warmup: orElse(seconds, 0),
  /** Measured time. */
  seconds: orElse(seconds.check(Schema.isGreaterThan(0)), 10),
  /** No message is begun after so many. */
  maxMessages: orElse(count(1, 1_000_000_000), 1_000_000_000)
}).check(Schema.makeFilter(({ connections, idle }) => connections + idle > 0 || "connections and idle are both 0"))

/** A misspelt field is an error, not a load that nobody asked for. */
export const decodeLoadPlan = Schema.decodeEffect(Schema.fromJsonString(LoadPlan), {
  errors: "all",
  onExcessProperty: "error"
})

export type MessageShape = typeof MessageShape.Type
export type Pace = typeof Pace.Type
export type LoadPlan = typeof LoadPlan.Type
/** As it is written down. */
export type LoadPlanInput = typeof LoadPlan.Encoded
