/** Connections, logins, limits. */
import { logsOf, runbook } from "./links.ts"
import { lines, type Sized } from "./panels.ts"
import { chosen, quantile, total, totalBy } from "./queries.ts"

export const clients: ReadonlyArray<Sized> = [
  lines({
    title: "Open connections",
    description: "By instance.",
    unit: "short",
    stacked: true,
    queries: { "{{pod}}": chosen("smtp_active_connections") }
  }),
  lines({
    title: "Connections",
    description: "A second, by what became of them at the greeting.",
    unit: "ops",
    queries: { "{{status}}": totalBy("status", "smtp_connections_total") },
    links: [logsOf("Log: refused connections", ["connection_rejected"])]
  }),
  lines({
    title: "How long connections last",
    description: "Very short ones, and many, are clients that open one for each mail.",
    unit: "s",
    queries: {
      p50: quantile(0.5, "smtp_connection_duration_seconds"),
      p95: quantile(0.95, "smtp_connection_duration_seconds")
    }
  }),
  lines({
    title: "Logins",
    description: "A second. Unavailable: nobody could say whether the password is right.",
    unit: "ops",
    queries: { "{{result}}": totalBy("result", "smtp_auth_attempts_total") }
  }),
  lines({
    title: "Logins that fail",
    description: "A second, by reason.",
    unit: "ops",
    stacked: true,
    queries: { "{{reason}}": totalBy("reason", "smtp_auth_failures_total") },
    links: [
      logsOf("Log: failed logins", ["auth_failed", "login_suspended", "address_blocked"]),
      runbook("SmtpGatewayLoginFailures")
    ]
  }),
  lines({
    title: "Refused by a limit",
    description: "A second, by the limit.",
    unit: "ops",
    stacked: true,
    queries: { "{{limit}}": totalBy("limit", "smtp_rate_limited_total") },
    links: [logsOf("Log: limits", ["rate_limited", "connection_rejected", "address_blocked", "login_suspended"])]
  }),
  lines({
    title: "Logins that are remembered",
    description: "By instance. They cost no call to Cakemail.",
    unit: "short",
    width: 12,
    queries: { "{{pod}}": chosen("smtp_api_key_cache_size") }
  }),
  lines({
    title: "Logins answered from memory",
    description: "Their share of all that were asked for.",
    unit: "percentunit",
    max: 1,
    width: 12,
    queries: {
      remembered: `${total("smtp_auth_cache_requests_total", 'result="hit"')} / ${total("smtp_auth_cache_requests_total")}`
    }
  })
]
