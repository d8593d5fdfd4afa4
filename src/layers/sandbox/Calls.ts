/** The calls of the API: counted, so that tests can tell how many were made, and the last ones kept as they were. */
import { Effect } from "effect"
import type { Sandbox, SandboxCall, SandboxCallSummary } from "../../services/Sandbox.ts"
import type { ExchangedBody, SandboxExchange } from "../../services/SandboxStories.ts"

/** How many of the last calls are listed. */
const LISTED_CALLS = 1_000

/** Bytes of a body; a larger one is not kept: the message that it became holds it anyway. */
const MAX_BODY_BYTES = 1_048_576

/** Bytes of all bodies that are kept; those of the oldest calls go first. */
const MAX_KEPT_BYTES = 33_554_432

/** Characters of an address or a user name (RFC 5321 section 4.5.3.1.3). */
const MAX_NAME = 254

/** What is known of a call from its head. */
export type CallHead = Omit<SandboxCall, "outcome"> & Pick<SandboxExchange, "startedAt" | "username">

/** What is known once its body was read. */
export interface CallBody {
  readonly request: Uint8Array | string
  readonly recipient: string | undefined
  /** The login that a body names. */
  readonly username: string | undefined
}

/** How a call ended. */
export interface CallEnd {
  readonly outcome: number | "reset"
  /** Milliseconds of the epoch. */
  readonly endedAt: number
  readonly answer: Uint8Array | string
  readonly refused: boolean
}

/** One call under way. After a reset of the log it is one that nobody looks at any more. */
export interface OpenCall {
  readonly read: (body: CallBody) => void
  readonly end: (end: CallEnd) => void
}

export interface CallLog extends Pick<Sandbox["Service"], "calls"> {
  readonly begin: (head: CallHead) => OpenCall
  /** Those of the last calls that are wanted, oldest first. */
  readonly exchanges: (wanted: (call: CallListed) => boolean) => ReadonlyArray<SandboxExchange>
}

/** A call without its bodies. */
export type CallListed = Omit<SandboxExchange, "request" | "answer">

interface Entry extends CallListed {
  username: string | undefined
  recipient: string | undefined
  outcome: SandboxCall["outcome"]
  duration: number | undefined
  refused: boolean
  readonly request: KeptBody
  readonly answer: KeptBody
}

interface KeptBody {
  bytes: number
  content: Uint8Array | string | undefined
}

interface Counter {
  calls: number
  readonly answered: Map<number | "reset", number>
}

/** `onRefused` is told of each submission that was not taken, while its body is at hand. */
export const makeCallLog = (onRefused: (exchange: SandboxExchange) => void): CallLog => {
  const counters = new Map<string, Counter>()
  // A Set keeps the order of insertion: its first entry is the oldest.
  const entries = new Set<Entry>()
  let keptBytes = 0

  const forget = (body: KeptBody) => {
    if (body.content !== undefined) keptBytes -= body.bytes
    body.content = undefined
  }

  const keep = (body: KeptBody, content: Uint8Array | string) => {
    body.bytes = typeof content === "string" ? Buffer.byteLength(content) : content.byteLength
    if (body.bytes > MAX_BODY_BYTES) return
    body.content = content
    keptBytes += body.bytes
    for (const oldest of entries) {
      if (keptBytes <= MAX_KEPT_BYTES) return
      forget(oldest.request)
      forget(oldest.answer)
    }
  }

  const summary = (): SandboxCallSummary => {
    const endpoints: Record<string, SandboxCallSummary["endpoints"][string]> = {}
    let total = 0
    for (const [endpoint, { answered, calls }] of counters) {
      let open = calls
      const outcomes: Record<string, number> = {}
      for (const [outcome, count] of answered) {
        outcomes[outcome] = count
        open -= count
      }
      if (open > 0) outcomes["unanswered"] = open
      endpoints[endpoint] = { calls, outcomes }
      total += calls
    }
    return { total, endpoints, last: [...entries].map(toCall) }
  }

  return {
    begin: (head) => {
      const entry: Entry = {
        ...head,
        recipient: undefined,
        outcome: "unanswered",
        duration: undefined,
        refused: false,
        request: { bytes: 0, content: undefined },
        answer: { bytes: 0, content: undefined }
      }
      entries.add(entry)
      for (const oldest of entries) {
        if (entries.size <= LISTED_CALLS) break
        entries.delete(oldest)
        forget(oldest.request)
        forget(oldest.answer)
      }
      const counter = counters.get(head.endpoint) ?? { calls: 0, answered: new Map() }
      counters.set(head.endpoint, counter)
      counter.calls++
      return {
        read: ({ recipient, request, username }) => {
          entry.recipient = recipient?.slice(0, MAX_NAME)
          entry.username ??= username?.slice(0, MAX_NAME)
          if (entries.has(entry)) keep(entry.request, request)
        },
        end: ({ answer, endedAt, outcome, refused }) => {
          entry.outcome = outcome
          entry.duration = endedAt - entry.startedAt
          entry.refused = refused
          if (entries.has(entry)) keep(entry.answer, answer)
          counter.answered.set(outcome, (counter.answered.get(outcome) ?? 0) + 1)
          if (refused) onRefused(toExchange(entry))
        }
      }
    },
    exchanges: (wanted) => [...entries].filter(wanted).map(toExchange),
    calls: {
      summary: Effect.sync(summary),
      reset: Effect.sync(() => {
        counters.clear()
        entries.clear()
        keptBytes = 0
      })
    }
  }
}

const toCall = ({ endpoint, method, outcome, path, requestId, traceparent }: Entry): SandboxCall => ({
  endpoint,
  method,
  path,
  outcome,
  requestId,
  traceparent
})

const toExchange = (entry: Entry): SandboxExchange => ({
  ...entry,
  request: toBody(entry.request),
  answer: toBody(entry.answer)
})

const toBody = ({ bytes, content }: KeptBody): ExchangedBody => ({
  bytes,
  text: typeof content === "string" || content === undefined ? content : Buffer.from(content).toString("utf8")
})
