/** Each instance: whether it is ready, restarts, its certificate, its log. */
import { allLogs, logsOf, runbook } from "./links.ts"
import { lines, type Sized, stateOverTime } from "./panels.ts"
import { chosen, ofGateway, rate, totalBy } from "./queries.ts"
import { states } from "./scales.ts"

const BY_POD = "{{pod}}"

export const instances: ReadonlyArray<Sized> = [
  stateOverTime({
    title: "Ready",
    description: "What /health/ready says.",
    unit: "none",
    mapping: states({ "0": ["Not ready", "red"], "1": ["Ready", "green"] }),
    queries: { [BY_POD]: chosen("smtp_ready") },
    links: [runbook("SmtpGatewayNotReady")]
  }),
  lines({
    title: "Time since the start",
    description: "Of each process. A fall to zero under the same name is a restart.",
    unit: "s",
    queries: { [BY_POD]: ofGateway(`time() - ${chosen("process_start_time_seconds")}`) },
    links: [runbook("SmtpGatewayRestarted")]
  }),
  lines({
    title: "Workers",
    description: "Processes that serve, and those that ended and were started again. Nothing is shown without WORKERS.",
    unit: "short",
    queries: {
      "ready {{pod}}": chosen("smtp_workers_ready"),
      "restarts {{pod}}": rate("smtp_worker_restarts_total")
    },
    links: [
      logsOf("Log: workers", ["worker_ended", "worker_hangs", "workers_given_up"]),
      runbook("SmtpGatewayWorkerEnded")
    ]
  }),
  stateOverTime({
    title: "Redis",
    description: "Whether the Redis of REDIS_URL answers. Nothing is shown without that setting.",
    unit: "none",
    mapping: states({ "0": ["Away", "red"], "1": ["Connected", "green"] }),
    queries: { [BY_POD]: chosen("smtp_redis_connected") },
    links: [logsOf("Log: Redis", ["redis_away"]), runbook("SmtpGatewayRedisAway")]
  }),
  lines({
    title: "Days until the certificate ends",
    description: "It should jump up when the certificate is renewed.",
    unit: "d",
    queries: { [BY_POD]: chosen("tls_cert_expiry_days") },
    links: [runbook("SmtpGatewayCertificateEndsIn14Days")]
  }),
  lines({
    title: "Changes of the certificate",
    description: "A second, by whether the new pair could be used.",
    unit: "ops",
    queries: { "{{result}}": totalBy("result", "tls_cert_reloads_total") },
    links: [
      logsOf("Log: certificate", ["certificate_loaded", "certificate_unusable", "certificate_self_signed"]),
      runbook("SmtpGatewayCertificateMissing")
    ]
  }),
  lines({
    title: "Defects and lost log lines",
    description: "A second. Neither should be.",
    unit: "ops",
    queries: {
      "defects {{pod}}": rate("smtp_defects_total"),
      "log lines dropped {{pod}}": rate("smtp_log_dropped_total")
    },
    links: [
      logsOf("Log: defects", ["defect"]),
      allLogs,
      runbook("SmtpGatewayDefect"),
      runbook("SmtpGatewayLogLinesDropped")
    ]
  }),
  lines({
    title: "Spans",
    description: "A second, by what became of them. Those that failed or were dropped are holes in traces.",
    unit: "ops",
    queries: { "{{result}}": totalBy("result", "smtp_spans_total") },
    links: [logsOf("Log: spans", ["spans_lost"])]
  }),
  lines({
    title: "Spans that wait",
    description: "For the collector. At OTEL_BSP_MAX_QUEUE_SIZE it is away or too slow. Nothing without tracing.",
    unit: "short",
    queries: { [BY_POD]: chosen("smtp_spans_waiting") }
  })
]
