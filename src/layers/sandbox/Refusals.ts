/** What would not have reached its recipient: submissions and logins that were refused, by the API or before it. */
import { randomUUID } from "node:crypto"
import { Option, Schema } from "effect"
import type { SandboxExchange, SandboxRefusal, SessionLine } from "../../services/SandboxStories.ts"
import { reasonIn } from "./RefusalReason.ts"

/** Kept; the oldest go first. */
const MAX_REFUSALS = 1_000

/** Characters of a text that somebody else wrote. */
const MAX_TEXT = 500

export interface RefusalEntry {
  readonly refusal: SandboxRefusal
  /** The API call that was refused; absent when the gateway did not ask. */
  readonly requestId: string | undefined
  /** The session, as far as it is known. */
  readonly correlationId: string | undefined
}

export interface RefusalBook {
  readonly all: () => ReadonlyArray<RefusalEntry>
  readonly clear: () => void
  /** A call that the API refused. Whether the mail is lost by that, the session will tell. */
  readonly refused: (exchange: SandboxExchange) => void
  /** A line of a gateway's log: it settles what became of the refused calls of its session. */
  readonly logged: (correlationId: string, line: SessionLine) => void
}

/** `sessionOf` knows the session of a call; `onChange` is told whenever the list is another. */
export const makeRefusalBook = (options: {
  readonly sessionOf: (requestId: string) => string | undefined
  readonly onChange: () => void
}): RefusalBook => {
  let entries: ReadonlyArray<RefusalEntry> = []

  const replace = (next: ReadonlyArray<RefusalEntry>) => {
    entries = next.slice(-MAX_REFUSALS)
    options.onChange()
  }

  /** Calls of the session that nobody has said the last word on. */
  const isPending = (entry: RefusalEntry, correlationId: string): boolean =>
    entry.refusal.reply === undefined &&
    entry.requestId !== undefined &&
    options.sessionOf(entry.requestId) === correlationId

  /** One refusal stands for the calls, retries included, that failed for one recipient; or for none. */
  const settle = (correlationId: string, line: SessionLine) => {
    const recipient = text(line.fields["recipient"])
    const calls = entries.filter(
      (entry) => isPending(entry, correlationId) && sameAddress(entry.refusal.recipient, recipient)
    )
    const last = calls.at(-1)
    const reply = text(line.fields["reply"])
    const refusal: SandboxRefusal = {
      // It may be open in a browser since its first call.
      id: calls[0]?.refusal.id ?? randomUUID(),
      at: line.at,
      username: text(line.fields["authenticated_user"]) ?? last?.refusal.username,
      by: last === undefined ? "gateway" : "api",
      sender: text(line.fields["from_address"]) ?? last?.refusal.sender,
      recipient,
      subject: last?.refusal.subject,
      reason: last?.refusal.reason ?? text(line.fields["reason"]) ?? text(line.fields["detail"]) ?? reply ?? line.event,
      reply
    }
    replace([
      ...entries.filter((entry) => !calls.includes(entry)),
      { refusal, requestId: last?.requestId, correlationId }
    ])
  }

  return {
    all: () => entries.toReversed(),
    clear: () => replace([]),
    refused: (exchange) => replace([...entries, toEntry(exchange)]),
    logged: (correlationId, line) => {
      switch (line.event) {
        case "recipient_failed":
        case "dead_letter":
        case "email_rejected":
        case "connection_rejected":
        case "rate_limited":
          return settle(correlationId, line)
        case "auth_failed":
          return replace([...entries, { refusal: toLoginRefusal(line), requestId: undefined, correlationId }])
        case "email_received": {
          // A call that failed before another went well has cost nobody a mail.
          const left = entries.filter((entry) => !isPending(entry, correlationId))
          if (left.length < entries.length) replace(left)
        }
      }
    }
  }
}

/** In words, where one word of the log says little to who sees nothing else of it. */
const LOGIN_REASONS: ReadonlyMap<unknown, string> = new Map([
  ["credentials", "wrong user name or password"],
  ["malformed", "not a user name or a password that the API can read"],
  ["second_factor", "the account asks for a second factor: it needs a personal access token"],
  ["suspended", "too many wrong passwords"],
  ["unavailable", "the API could not be asked"],
  ["circuit_open", "the API is left alone for a while after it failed"]
])

const toLoginRefusal = ({ at, fields }: SessionLine): SandboxRefusal => ({
  id: randomUUID(),
  at,
  username: text(fields["authenticated_user"]),
  by: "login",
  sender: undefined,
  recipient: undefined,
  subject: undefined,
  reason: text(fields["detail"]) ?? LOGIN_REASONS.get(fields["reason"]) ?? text(fields["reason"]) ?? "login refused",
  reply: text(fields["reply"])
})

const Address = Schema.optional(Schema.Struct({ email: Schema.optional(Schema.String) }))

/** Either contract, as far as it can be read: what was refused may be of any form. */
const Submission = Schema.fromJsonString(
  Schema.Struct({
    from: Address,
    subject: Schema.optional(Schema.String),
    content: Schema.optional(Schema.Struct({ subject: Schema.optional(Schema.String) }))
  })
)

const decodeSubmission = Schema.decodeUnknownOption(Submission)

const toEntry = (exchange: SandboxExchange): RefusalEntry => {
  const submission = Option.getOrUndefined(decodeSubmission(exchange.request.text))
  return {
    refusal: {
      id: randomUUID(),
      at: exchange.startedAt,
      username: exchange.username,
      by: "api",
      sender: text(submission?.from?.email),
      recipient: text(exchange.recipient),
      subject: text(submission?.content?.subject ?? submission?.subject),
      reason: reasonIn(exchange).slice(0, MAX_TEXT),
      reply: undefined
    },
    requestId: exchange.requestId,
    correlationId: undefined
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value.slice(0, MAX_TEXT) : undefined

const sameAddress = (one: string | undefined, other: string | undefined): boolean =>
  one?.toLowerCase() === other?.toLowerCase()
