/** What becomes of mails. */
import { logsOf, logsWith, runbook, tracesOf } from "./links.ts"
import { lines, type Sized, table } from "./panels.ts"
import { CHOSEN, chosen, quantile, total, totalBy } from "./queries.ts"

const DATA = { more: 'command="DATA"' }

/** Longer than what the objective of two seconds allows. */
const SLOW_MAILS = '{ name = "SMTP message" && duration > 2s }'

export const mail: ReadonlyArray<Sized> = [
  lines({
    title: "Mails",
    description: "A second: those that arrived whole, and what they were answered.",
    unit: "ops",
    queries: {
      received: total("smtp_emails_received_total"),
      "{{answer}}": totalBy("answer", "smtp_emails_answered_total")
    },
    links: [logsOf("Log: mails", ["email_received"])]
  }),
  lines({
    title: "From end of data to reply",
    description: "How long clients wait. Compare with the time of a call to Cakemail.",
    unit: "s",
    limit: 3,
    queries: {
      p50: quantile(0.5, "smtp_processing_duration_seconds", DATA),
      p95: quantile(0.95, "smtp_processing_duration_seconds", DATA),
      p99: quantile(0.99, "smtp_processing_duration_seconds", DATA)
    },
    links: [
      tracesOf("Traces: slow mails", SLOW_MAILS),
      logsOf("Log: slow mails", ["email_received"], " | processing_time_ms > 2000"),
      runbook("SmtpGatewayLatencyHigh")
    ]
  }),
  lines({
    title: "Commands by duration",
    description: "Of 100 commands 95 are answered faster.",
    unit: "s",
    queries: { "{{command}}": quantile(0.95, "smtp_processing_duration_seconds", { by: "command" }) },
    links: [tracesOf("Traces: slow logins", '{ name = "authenticate" && duration > 1s }')]
  }),
  lines({
    title: "Recipients",
    description: "A second, by whether Cakemail accepted the mail for them.",
    unit: "ops",
    queries: { "{{result}}": totalBy("result", "smtp_emails_forwarded_total") },
    links: [logsOf("Log: failed recipients", ["recipient_failed", "dead_letter"])]
  }),
  lines({
    title: "Share of recipients that fail",
    description: "For whatever reason, a sender's included.",
    unit: "percentunit",
    limit: 0.01,
    queries: {
      "not accepted": `${total("smtp_emails_forwarded_total", 'result="failure"')} / ${total("smtp_emails_forwarded_total")}`
    },
    links: [runbook("SmtpGatewayErrorRateHigh")]
  }),
  table({
    title: "Top errors in the last hour",
    description: "How often a command was answered with this error, and whose fault it was.",
    unit: "short",
    query: `topk(10, sum by (error_type, fault) (increase(smtp_errors_total{${CHOSEN}}[1h])))`,
    columns: { Value: "Count" },
    valueLinks: [logsWith("Log: this error", "error_type", "__data.fields.error_type")]
  }),
  lines({
    title: "Errors of the service",
    description: "A second. The gateway, Cakemail, or the way between them: users are not served.",
    unit: "ops",
    stacked: true,
    queries: { "{{error_type}}": totalBy("error_type", "smtp_errors_total", 'fault="service"') },
    valueLinks: [logsWith("Log: this error", "error_type", "__field.labels.error_type")],
    links: [
      tracesOf("Traces: failed mails", '{ name = "SMTP message" && status = error }'),
      runbook("SmtpGatewayObjectiveBurnsFast")
    ]
  }),
  lines({
    title: "Errors of senders",
    description: "A second. A client, its mail, its account, or a limit that is its own.",
    unit: "ops",
    stacked: true,
    queries: { "{{error_type}}": totalBy("error_type", "smtp_errors_total", 'fault="sender"') },
    valueLinks: [logsWith("Log: this error", "error_type", "__field.labels.error_type")]
  }),
  lines({
    title: "Size of mails",
    description: "As they were sent.",
    unit: "bytes",
    queries: {
      p50: quantile(0.5, "smtp_email_size_bytes"),
      p95: quantile(0.95, "smtp_email_size_bytes"),
      p99: quantile(0.99, "smtp_email_size_bytes")
    }
  }),
  lines({
    title: "Sent again",
    description: "Recipients a second whose mail came again and was not submitted again, by how the first one stood.",
    unit: "ops",
    queries: { "{{first}}": totalBy("first", "smtp_duplicates_total") },
    links: [logsOf("Log: duplicates", ["duplicate_submission", "possible_duplicate"])]
  }),
  lines({
    title: "Dead letters",
    description: "Recipients a second that failed for good, by whether their mail was stored.",
    unit: "ops",
    queries: {
      "stored: {{stored}}": totalBy("stored", "smtp_dead_letters_total"),
      "removed: {{reason}}": totalBy("reason", "smtp_dead_letters_removed_total")
    },
    links: [
      logsOf("Log: dead letters", ["dead_letter", "dead_letter_not_stored", "dead_letter_removed"]),
      runbook("SmtpGatewayDeadLettersNotStored")
    ]
  }),
  lines({
    title: "Dead letters that wait",
    description: "Recipients whose mail is kept and was not sent again.",
    unit: "short",
    queries: { "{{pod}}": chosen("smtp_dead_letters_waiting") },
    links: [runbook("SmtpGatewayDeadLettersWaiting")]
  })
]
