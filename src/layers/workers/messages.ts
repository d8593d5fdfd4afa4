/**
 * What the supervisor and a worker say to each other. Each side decodes what it is told: neither is trusted with the
 * memory of the other. Messages hold addresses, user names and, in `Begin`, secrets: they are never logged.
 */
import { Schema } from "effect"
import { MetricFamily } from "../../services/MetricFamilies.ts"

const StrikeRule = Schema.Struct({ limit: Schema.Int, window: Schema.Finite, blockFor: Schema.Finite })

const Offender = Schema.Literals(["address", "name"])

const QuotaOwner = Schema.Literals(["address", "account"])

/** Calls of the stores that are the supervisor's. What they mean is written at the services. */
export const Ask = Schema.Union([
  Schema.TaggedStruct("Connect", {
    key: Schema.NullOr(Schema.String),
    rule: Schema.Struct({ limit: Schema.Int, limitOfKey: Schema.Int })
  }),
  Schema.TaggedStruct("Guess", { key: Schema.String, mark: Schema.Int, rule: StrikeRule }),
  Schema.TaggedStruct("Take", {
    quotas: Schema.Array(Schema.Struct({ of: QuotaOwner, key: Schema.String, limit: Schema.Int })),
    window: Schema.Finite
  }),
  Schema.TaggedStruct("Strike", { offender: Offender, key: Schema.String, mark: Schema.Int, rule: StrikeRule }),
  Schema.TaggedStruct("BlockedFor", { offender: Offender, key: Schema.String }),
  Schema.TaggedStruct("Claim", { key: Schema.String }),
  /** Of a submission that is under way in another worker. */
  Schema.TaggedStruct("Outcome", { key: Schema.String })
])
export type Ask = typeof Ask.Type

/** What each of them is answered with. */
export const ANSWERS = {
  Connect: Schema.NullOr(Schema.Literals(["blocked", "limit", "limit_of_key"])),
  Guess: Schema.Boolean,
  Take: Schema.NullOr(Schema.Struct({ of: QuotaOwner, wait: Schema.Finite })),
  Strike: Schema.Boolean,
  BlockedFor: Schema.Finite,
  Claim: Schema.Union([
    Schema.TaggedStruct("Granted", {}),
    Schema.TaggedStruct("Remembered", { receipt: Schema.String }),
    Schema.TaggedStruct("Elsewhere", {})
  ]),
  Outcome: Schema.NullOr(Schema.String)
} as const satisfies { readonly [Tag in Ask["_tag"]]: Schema.Top }

export const UnreadyReason = Schema.Literals(["not listening", "draining", "no certificate"])

export const ToSupervisor = Schema.Union([
  /** The worker can be told what it has to know. */
  Schema.TaggedStruct("Hello", {}),
  Schema.TaggedStruct("Asked", { id: Schema.Int, ask: Ask }),
  /** What the answer to this ask has counted is over. */
  Schema.TaggedStruct("Ended", { id: Schema.Int }),
  Schema.TaggedStruct("Kept", { key: Schema.String, receipt: Schema.String }),
  Schema.TaggedStruct("Released", { key: Schema.String }),
  Schema.TaggedStruct("Readiness", { reasons: Schema.Array(UnreadyReason) }),
  Schema.TaggedStruct("Families", { id: Schema.Int, families: Schema.Array(MetricFamily) }),
  /** The worker could not start, and ends; in words for the operator. */
  Schema.TaggedStruct("Failed", { message: Schema.String })
])
export type ToSupervisor = typeof ToSupervisor.Type

export const Begin = Schema.TaggedStruct("Begin", {
  /** From 1. A worker that takes the place of another has its number. */
  worker: Schema.Int,
  workers: Schema.Int,
  /** Settings by name, as the supervisor has read them: all workers have the same, also one that comes later. */
  settings: Schema.Record(Schema.String, Schema.String),
  /** Of the stores, base64. */
  secret: Schema.String,
  /** Whether people read the log at a terminal. */
  isTerminal: Schema.Boolean
})
export type Begin = typeof Begin.Type

export const ToWorker = Schema.Union([
  Begin,
  Schema.TaggedStruct("Answered", { id: Schema.Int, answer: Schema.Unknown }),
  Schema.TaggedStruct("FamiliesWanted", { id: Schema.Int }),
  /** Base64. */
  Schema.TaggedStruct("TicketKeys", { keys: Schema.String })
])
export type ToWorker = typeof ToWorker.Type
