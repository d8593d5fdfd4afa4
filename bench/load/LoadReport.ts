/** What the load generator tells, as JSON lines on its stdout. Times are milliseconds unless they say otherwise. */
import { Schema } from "effect"

export const Latency = Schema.Struct({
  count: Schema.Finite,
  mean: Schema.Finite,
  p50: Schema.Finite,
  p90: Schema.Finite,
  p95: Schema.Finite,
  p99: Schema.Finite,
  p999: Schema.Finite,
  max: Schema.Finite
})

const Replies = Schema.Record(Schema.String, Schema.Int)

export const LoadReport = Schema.Struct({
  /** Length of the measured time. */
  seconds: Schema.Finite,
  /**
   * Mails of the measured time by their reply: `250`, `452 4.3.1`, or `lost` when the connection ended first. Under an
   * open load those that were due in that time, whenever the reply came; else those whose reply came in it.
   */
  replies: Replies,
  /** Mails of the whole run, warm-up included. */
  allReplies: Replies,
  /** Mails that had no reply when the generator gave up waiting. */
  unanswered: Schema.Int,
  /** Octets of one mail as sent. */
  octets: Schema.Int,
  /** From the end of the data to the reply. */
  reply: Latency,
  /** From when the mail was due (closed: begun) to the reply. */
  whole: Latency,
  /** From when a mail was due to its MAIL command, of an open load: the generator's own delay, and the wait for a free connection. */
  late: Latency,
  /** From the beginning of a connection to the reply to EHLO over TLS. */
  connect: Latency,
  login: Latency,
  /** Connections that were logged in when the measured time began. */
  connections: Schema.Int,
  /** Connections that the server or the network ended. */
  connectionsLost: Schema.Int,
  /** Logins of the whole run, and how many of their connections took up an earlier TLS session. */
  logins: Schema.Int,
  resumed: Schema.Int
})

export type LoadReport = typeof LoadReport.Type

/** `at` is on the machine's monotonic clock. */
const PhaseLine = Schema.Struct({ kind: Schema.Literals(["measuring", "measured"]), at: Schema.Finite })
const ReportLine = Schema.Struct({ kind: Schema.Literal("report"), report: LoadReport })

export const LoadLine = Schema.fromJsonString(Schema.Union([PhaseLine, ReportLine]))
export type LoadLine = typeof LoadLine.Type
