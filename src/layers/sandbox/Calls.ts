/** Counts the calls of the API, so that tests can tell how many were made. */
import { Effect } from "effect"
import type { Sandbox, SandboxCall, SandboxCallSummary } from "../../services/Sandbox.ts"

/** How many of the last calls are listed. */
const LISTED_CALLS = 1_000

export interface CallLog extends Pick<Sandbox["Service"], "calls"> {
  /** Counts the call; the function it gives takes the outcome, once that is known. */
  readonly begin: (call: Omit<SandboxCall, "outcome">) => (outcome: number | "reset") => void
}

interface Entry extends SandboxCall {
  outcome: SandboxCall["outcome"]
}

interface Counter {
  calls: number
  readonly answered: Map<number | "reset", number>
}

export const makeCallLog = (): CallLog => {
  const counters = new Map<string, Counter>()
  let last: Array<Entry> = []
  let oldest = 0

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
    return { total, endpoints, last: [...last.slice(oldest), ...last.slice(0, oldest)].map((call) => ({ ...call })) }
  }

  return {
    begin: (call) => {
      const entry: Entry = { ...call, outcome: "unanswered" }
      if (last.length < LISTED_CALLS) last.push(entry)
      else {
        last[oldest] = entry
        oldest = (oldest + 1) % LISTED_CALLS
      }
      const counter = counters.get(call.endpoint) ?? { calls: 0, answered: new Map() }
      counters.set(call.endpoint, counter)
      counter.calls++
      // After a reset the counter in hand is one that nobody looks at any more.
      return (outcome) => {
        entry.outcome = outcome
        counter.answered.set(outcome, (counter.answered.get(outcome) ?? 0) + 1)
      }
    },
    calls: {
      summary: Effect.sync(summary),
      reset: Effect.sync(() => {
        counters.clear()
        last = []
        oldest = 0
      })
    }
  }
}
