/** The calls to Cakemail. */
import { logsOf, runbook, tracesOf } from "./links.ts"
import { CIRCUIT } from "./now.ts"
import { lines, type Sized, stateOverTime } from "./panels.ts"
import { chosen, quantile, total, totalBy } from "./queries.ts"

const SUBMIT = { more: 'endpoint="submit"' }

export const cakemail: ReadonlyArray<Sized> = [
  lines({
    title: "Calls that succeed",
    description: "Their share of all calls, refused passwords and mails included.",
    unit: "percentunit",
    max: 1,
    queries: {
      "2xx": `${total("smtp_api_latency_seconds_count", 'status_code=~"2.+"')} / ${total("smtp_api_latency_seconds_count")}`,
      "below 500": `${total("smtp_api_latency_seconds_count", 'status_code=~"[234].+"')} / ${total("smtp_api_latency_seconds_count")}`
    }
  }),
  lines({
    title: "Time of a call to Cakemail",
    description:
      "That submits a mail, from its start to the end of the answer; the wait for a connection is part of it.",
    unit: "s",
    queries: {
      p50: quantile(0.5, "smtp_api_latency_seconds", SUBMIT),
      p95: quantile(0.95, "smtp_api_latency_seconds", SUBMIT),
      p99: quantile(0.99, "smtp_api_latency_seconds", SUBMIT)
    },
    links: [
      tracesOf("Traces: slow calls", '{ kind = client && resource.service.name =~ ".*smtp-gateway" && duration > 1s }')
    ]
  }),
  stateOverTime({
    title: "Circuit by instance",
    description: "Open: no calls are made, and clients are told 451.",
    unit: "none",
    mapping: CIRCUIT,
    queries: { "{{pod}}": chosen("smtp_circuit_breaker_state") },
    links: [
      logsOf("Log: circuit", ["circuit_breaker_open", "circuit_breaker_half_open", "circuit_breaker_closed"]),
      runbook("SmtpGatewayCircuitOpen")
    ]
  }),
  lines({
    title: "Calls",
    description: "A second, by what for.",
    unit: "ops",
    stacked: true,
    queries: { "{{endpoint}}": totalBy("endpoint", "smtp_api_latency_seconds_count") }
  }),
  lines({
    title: "Time of a call by what for",
    description: "Of 100 calls 95 are faster.",
    unit: "s",
    queries: { "{{endpoint}}": quantile(0.95, "smtp_api_latency_seconds", { by: "endpoint" }) }
  }),
  lines({
    title: "Calls that failed",
    description: "A second, by how, and by the status of the answer if there was one.",
    unit: "ops",
    stacked: true,
    queries: { "{{error_type}} {{status_code}}": totalBy("error_type, status_code", "smtp_api_errors_total") },
    links: [logsOf("Log: failed calls", ["api_request_failed"])]
  }),
  lines({
    title: "Calls made again",
    description: "A second, after a failure. The retries hide it still.",
    unit: "ops",
    width: 12,
    queries: { "{{operation}}": totalBy("operation", "smtp_retries_total") }
  }),
  lines({
    title: "Calls in flight",
    description: "Under way now, by instance, and the connections that there are for them.",
    unit: "short",
    width: 12,
    queries: {
      "{{pod}}": chosen("smtp_api_calls_in_flight"),
      "connections of one instance": `max(${chosen("smtp_api_connection_limit")})`
    }
  })
]
