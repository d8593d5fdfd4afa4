/** Faults in few words. */
import type { FaultStates } from "./api.ts"

type FaultState = FaultStates[number]
type Fault = FaultState["fault"]

/** Whether it hits a call still: one for the next few is over at some time. */
export const isActive = ({ fault, fired }: FaultState): boolean => fault.next === undefined || fired < fault.next

export const faultText = ({ fault, fired }: FaultState): string => {
  const limit = fault.next === undefined ? "" : ` ${Math.min(fired, fault.next)}/${fault.next}`
  return `${whatText(fault)}${limit}`
}

const whatText = (fault: Fault): string => {
  switch (fault.what) {
    case "latency":
      return `Slow ${latencyText(fault.latency)}`
    case "status":
      return `${fault.status}`
    case "rate-limit":
      return "429"
    case "reset-before-body":
    case "reset-after-body":
      return "Reset"
    case "hang":
      return "No answer"
    case "garbage":
      return "Garbage"
    case "result":
      return fault.result === "rejected" ? "Rejected" : "Error"
    case "refuse":
      return `Refuse ${fault.recipient ?? "everybody"}`
  }
}

export const latencyText = (latency: number | string): string =>
  typeof latency === "string" ? latency : latency < 1_000 ? `${latency} ms` : `${latency / 1_000} s`

/** The calls that it hits. */
export const endpointText = ({ endpoint }: Fault): string => ENDPOINTS[endpoint]

export const ENDPOINTS = {
  emails: "submissions",
  auth: "logins",
  token: "logins (email-api-v2)",
  senders: "sender look-ups",
  "*": "every call"
} as const
