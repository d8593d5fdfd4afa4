/** The first row: how it is, at a glance. */
import { runbook } from "./links.ts"
import { number, type Sized } from "./panels.ts"
import { CHOSEN, chosen, quantile, rate, total } from "./queries.ts"
import { badBelow, goodBelow, states } from "./scales.ts"

/** Of the circuit to Cakemail. */
export const CIRCUIT = states({ "0": ["Closed", "green"], "1": ["Open", "red"], "2": ["Half-open", "yellow"] })

const SERVICE_FAILURES = `smtp_errors_total{${CHOSEN}, fault="service"}`

const GOOD = `smtp_emails_answered_total{${CHOSEN}, answer!="failed"}`

export const now: ReadonlyArray<Sized> = [
  number({
    title: "Mails an hour",
    description: "Messages that arrived whole within the last hour.",
    unit: "short",
    decimals: 0,
    query: `sum(${rate("smtp_emails_received_total", "", "1h")}) * 3600`,
    change: "up is good"
  }),
  number({
    title: "Instances",
    description: "That are ready to take mail.",
    unit: "none",
    query: `sum(${chosen("smtp_ready")})`,
    thresholds: badBelow([1, "yellow"], [2, "green"]),
    change: "up is good",
    links: [runbook("SmtpGatewayDown"), runbook("SmtpGatewayNotReady")]
  }),
  number({
    title: "Error rate",
    description: "Recipients that Cakemail did not accept, for whatever reason.",
    unit: "percentunit",
    query: `${total("smtp_emails_forwarded_total", 'result="failure"')} / ${total("smtp_emails_forwarded_total")}`,
    thresholds: goodBelow([0.005, "yellow"], [0.01, "red"]),
    change: "up is bad",
    links: [runbook("SmtpGatewayErrorRateHigh")]
  }),
  number({
    title: "Served",
    description:
      "Of what clients asked for in the time range, what did not fail through a fault of the service. The objective is 99.99 %.",
    unit: "percentunit",
    decimals: 3,
    instant: true,
    query: `1 - (sum(increase(${SERVICE_FAILURES}[$__range])) or vector(0)) / sum(increase(${SERVICE_FAILURES}[$__range]) or increase(${GOOD}[$__range]))`,
    thresholds: badBelow([0.999, "yellow"], [0.9999, "green"]),
    links: [runbook("SmtpGatewayObjectiveBurnsFast"), runbook("SmtpGatewayObjectiveBurns")]
  }),
  number({
    title: "Time to reply",
    description: "From the end of the data to the reply; 99 of 100 mails are faster.",
    unit: "s",
    query: quantile(0.99, "smtp_processing_duration_seconds", { more: 'command="DATA"' }),
    thresholds: goodBelow([2, "yellow"], [3, "red"]),
    change: "up is bad",
    links: [runbook("SmtpGatewayLatencyHigh")]
  }),
  number({
    title: "Circuit",
    description: "To Cakemail, where it is worst. Open: no calls are made, and clients are told 451.",
    unit: "none",
    query: `max(${chosen("smtp_circuit_breaker_state")})`,
    mapping: CIRCUIT,
    links: [runbook("SmtpGatewayCircuitOpen")]
  }),
  number({
    title: "Certificate",
    description: "Days until the one that ends first ends.",
    unit: "d",
    decimals: 0,
    query: `min(${chosen("tls_cert_expiry_days")})`,
    thresholds: badBelow([7, "yellow"], [14, "green"]),
    links: [runbook("SmtpGatewayCertificateEndsIn7Days"), runbook("SmtpGatewayCertificateExpired")]
  }),
  number({
    title: "Alerts",
    description: "That are firing now. Each has a paragraph in the runbook.",
    unit: "none",
    query: 'count(ALERTS{alertname=~"SmtpGateway.+", alertstate="firing", namespace=~"|$namespace"}) or vector(0)',
    thresholds: goodBelow([1, "red"])
  })
]
