/** Decides which faults hit a call. Without randomness: the same calls are hit each time. */
import { Effect } from "effect"
import type { Fault, FaultEndpoint, SandboxFaults } from "../../services/SandboxFaults.ts"

export type ResetBeforeBody = Extract<Fault, { readonly what: "reset-before-body" }>

/** What spoils a call once its body was read. */
export type Spoiler = Exclude<Fault, ResetBeforeBody | { readonly what: "latency" }>

export interface FaultPlan {
  /** Milliseconds. */
  readonly latency: number
  readonly spoiler: Spoiler | undefined
}

export interface FaultBook {
  readonly faults: SandboxFaults
  readonly beforeBody: (endpoints: ReadonlyArray<FaultEndpoint>) => ResetBeforeBody | undefined
  /** `recipientOf` is only asked when a fault wants to know. */
  readonly afterBody: (endpoints: ReadonlyArray<FaultEndpoint>, recipientOf: () => string | undefined) => FaultPlan
}

interface Entry {
  readonly fault: Fault
  matched: number
  fired: number
}

const NO_FAULT: FaultPlan = { latency: 0, spoiler: undefined }

/** `onChange` is told when the list is another, and when a fault was met. */
export const makeFaultBook = (onChange: () => void): FaultBook => {
  let entries: ReadonlyArray<Entry> = []

  const replace = (faults: ReadonlyArray<Fault>) => {
    entries = faults.map((fault) => ({ fault, matched: 0, fired: 0 }))
    onChange()
  }

  /** Counts the call and tells whether the fault hits it. */
  const fires = (entry: Entry): boolean => {
    onChange()
    return isHit(entry)
  }

  return {
    faults: {
      set: (faults) => Effect.sync(() => replace(faults)),
      clear: Effect.sync(() => replace([])),
      current: Effect.sync(() => entries.map((entry) => ({ ...entry })))
    },
    beforeBody: (endpoints) => {
      for (const entry of entries) {
        const { fault } = entry
        if (fault.what === "reset-before-body" && concerns(fault, endpoints) && fires(entry)) return fault
      }
      return undefined
    },
    afterBody: (endpoints, recipientOf) => {
      if (entries.length === 0) return NO_FAULT
      let latency = 0
      let spoiler: Spoiler | undefined
      for (const entry of entries) {
        const { fault } = entry
        if (fault.what === "reset-before-body" || !concerns(fault, endpoints)) continue
        // A fault that comes too late to decide must not use up its calls.
        if (fault.what !== "latency" && spoiler !== undefined) continue
        if (fault.recipient !== undefined && fault.recipient.toLowerCase() !== recipientOf()?.toLowerCase()) continue
        if (!fires(entry)) continue
        latency += fault.latency ?? 0
        if (fault.what !== "latency") spoiler = fault
      }
      return { latency, spoiler }
    }
  }
}

const concerns = (fault: Fault, endpoints: ReadonlyArray<FaultEndpoint>): boolean =>
  fault.endpoint === "*" || endpoints.includes(fault.endpoint)

const isHit = (entry: Entry): boolean => {
  const { next = Number.POSITIVE_INFINITY, share = 1, skip = 0 } = entry.fault
  entry.matched++
  const call = entry.matched - skip
  if (call < 1 || entry.fired >= next) return false
  // The call at which the running total of the share passes the next whole number is hit. The small
  // number outweighs what shares such as 0.1 lose in binary.
  if (Math.floor(call * share + 1e-9) === Math.floor((call - 1) * share + 1e-9)) return false
  entry.fired++
  return true
}
