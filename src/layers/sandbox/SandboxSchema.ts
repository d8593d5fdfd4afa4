/** The JSON of what the sandbox shows beside the messages: inboxes, calls, refusals, where to send to. */
import { Schema } from "effect"
import { Fault } from "../../services/SandboxFaults.ts"

const Outcome = Schema.Union([Schema.Int, Schema.Literals(["reset", "unanswered"])])

const call = {
  endpoint: Schema.Literals(["token", "auth", "senders", "emails"]),
  method: Schema.String,
  path: Schema.String,
  outcome: Outcome,
  requestId: Schema.String,
  traceparent: Schema.optional(Schema.String)
}

export const CallsJson = Schema.Struct({
  total: Schema.Int,
  endpoints: Schema.Record(
    Schema.String,
    Schema.Struct({ calls: Schema.Int, outcomes: Schema.Record(Schema.String, Schema.Int) })
  ),
  /** The last 1,000, oldest first. */
  last: Schema.Array(Schema.Struct(call).annotate({ identifier: "Call" }))
}).annotate({ identifier: "Calls" })

export const FaultsJson = Schema.Array(
  Schema.Struct({
    fault: Schema.toEncoded(Fault),
    /** Calls that it could have hit. */
    matched: Schema.Int,
    /** Calls that it did hit. */
    fired: Schema.Int
  }).annotate({ identifier: "FaultState" })
)

export const ProblemJson = Schema.Struct({ error: Schema.String }).annotate({ identifier: "Problem" })

export const InboxesJson = Schema.Array(
  Schema.Struct({ name: Schema.String, total: Schema.Int, unread: Schema.Int }).annotate({ identifier: "Inbox" })
)

export const InfoJson = Schema.Struct({
  /** Absent when no gateway runs in front. */
  smtp: Schema.optionalKey(
    Schema.Struct({
      host: Schema.String,
      port: Schema.Int,
      username: Schema.String,
      /** Of the demo account, which protects nothing. */
      password: Schema.String
    })
  ),
  /** Whether any user name that starts with inbox- may log in. */
  openInboxes: Schema.Boolean,
  maxMessages: Schema.Int,
  maxBytes: Schema.Int
}).annotate({ identifier: "SandboxInfo" })

const Body = Schema.Struct({
  /** Of the body as it came. */
  bytes: Schema.Int,
  /** JSON is indented, and its longest texts are cut; passwords and tokens are left out. */
  text: Schema.optional(Schema.String)
}).annotate({ identifier: "Body" })

export const StoryJson = Schema.Struct({
  /** The calls that were made for the message, oldest first. */
  exchanges: Schema.Array(
    Schema.Struct({
      ...call,
      username: Schema.optional(Schema.String),
      recipient: Schema.optional(Schema.String),
      /** Milliseconds of the epoch. */
      startedAt: Schema.Int,
      /** Milliseconds. */
      duration: Schema.optional(Schema.Int),
      refused: Schema.Boolean,
      request: Body,
      answer: Body
    }).annotate({ identifier: "Exchange" })
  ),
  /** What the gateway logged of the session, oldest first. */
  log: Schema.Array(
    Schema.Struct({
      at: Schema.Int,
      level: Schema.String,
      event: Schema.String,
      fields: Schema.Record(Schema.String, Schema.Unknown)
    }).annotate({ identifier: "LogLine" })
  ),
  traceId: Schema.optional(Schema.String)
}).annotate({ identifier: "Story" })

export const RefusalsJson = Schema.Array(
  Schema.Struct({
    id: Schema.String,
    at: Schema.Int,
    username: Schema.optional(Schema.String),
    by: Schema.Literals(["api", "gateway", "login"]),
    sender: Schema.optional(Schema.String),
    recipient: Schema.optional(Schema.String),
    subject: Schema.optional(Schema.String),
    reason: Schema.String,
    /** What the SMTP client was told. */
    reply: Schema.optional(Schema.String)
  }).annotate({ identifier: "Refusal" })
)
