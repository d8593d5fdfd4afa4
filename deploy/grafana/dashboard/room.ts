/** How much room is left, and what each instance needs. */
import { runbook } from "./links.ts"
import { lines, type Sized } from "./panels.ts"
import { chosen, ofGateway, rate } from "./queries.ts"

const BY_POD = "{{pod}}"

export const room: ReadonlyArray<Sized> = [
  lines({
    title: "Message bytes",
    description: "What an instance holds of messages, as a share of MESSAGE_BUDGET. Above 80 % new ones are told 452.",
    unit: "percentunit",
    limit: 0.8,
    queries: { [BY_POD]: `${chosen("smtp_inflight_message_bytes")} / ${chosen("smtp_message_budget_bytes")}` },
    links: [runbook("SmtpGatewayMessageBudgetHigh")]
  }),
  lines({
    title: "Room for connections",
    description: "As a share of MAX_CONNECTIONS_PER_POD. Past it clients are told 421.",
    unit: "percentunit",
    limit: 0.9,
    queries: { [BY_POD]: `${chosen("smtp_active_connections")} / ${chosen("smtp_connection_limit")}` },
    links: [runbook("SmtpGatewayConnectionsHigh")]
  }),
  lines({
    title: "Mails by instance",
    description: "A second. Instances are added above 50.",
    unit: "ops",
    limit: 50,
    queries: { [BY_POD]: rate("smtp_emails_received_total") }
  }),
  lines({
    title: "CPU",
    description: "Of one CPU. One process uses little more than one.",
    unit: "percentunit",
    queries: { [BY_POD]: ofGateway(rate("process_cpu_seconds_total")) }
  }),
  lines({
    title: "Memory",
    description: "Resident.",
    unit: "bytes",
    queries: { [BY_POD]: ofGateway(chosen("process_resident_memory_bytes")) }
  }),
  lines({
    title: "Event loop lag",
    description: "How late the process gets to its work, 99th percentile. About 0.01 s when all is well.",
    unit: "s",
    limit: 0.2,
    queries: { [BY_POD]: ofGateway(chosen("nodejs_eventloop_lag_p99_seconds")) },
    links: [runbook("SmtpGatewayEventLoopSlow")]
  }),
  lines({
    title: "Heap",
    description: "Memory of JavaScript objects that is in use. Message data is outside of it.",
    unit: "bytes",
    queries: { [BY_POD]: ofGateway(chosen("nodejs_heap_size_used_bytes")) }
  }),
  lines({
    title: "Garbage collection",
    description: "Share of the time that it takes.",
    unit: "percentunit",
    queries: {
      [BY_POD]: `sum by (pod) (${rate("nodejs_gc_duration_seconds_sum")}) and sum by (pod) (${chosen("smtp_ready")})`
    }
  }),
  lines({
    title: "Open files",
    description: "Connections are files, too. As a share of what the process may open.",
    unit: "percentunit",
    limit: 0.9,
    queries: { [BY_POD]: ofGateway(`${chosen("process_open_fds")} / ${chosen("process_max_fds")}`) }
  })
]
