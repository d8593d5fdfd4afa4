/** The dashboard as Grafana reads it. `npm run dashboard` writes it down. */
import {
  type Dashboard,
  DashboardCursorSync,
  VariableHide,
  type VariableModel,
  VariableRefresh,
  VariableSort
} from "@grafana/schema"
import { cakemail } from "./cakemail.ts"
import { clients } from "./clients.ts"
import { find } from "./find.ts"
import { instances } from "./instances.ts"
import { placed } from "./layout.ts"
import { allLogs, tracesOf, wholeRunbook } from "./links.ts"
import { mail } from "./mail.ts"
import { now } from "./now.ts"
import { room } from "./room.ts"
import { METRICS } from "./sources.ts"

/** Change it to where your copy lies. */
const RUNBOOK = "https://github.com/cakemail/smtp-gateway/blob/main/docs/operations.md"

const datasource = (name: string, label: string, type: string): VariableModel => ({
  name,
  label,
  type: "datasource",
  query: type,
  refresh: VariableRefresh.onDashboardLoad
})

/** Values of a label, of which several or all can be chosen. A label that nothing has counts as all. */
const valuesOf = (name: string, label: string, query: string): VariableModel => ({
  name,
  label,
  type: "query",
  datasource: METRICS,
  query: { query, refId: name, qryType: 1 },
  refresh: VariableRefresh.onTimeRangeChanged,
  sort: VariableSort.alphabeticalAsc,
  includeAll: true,
  allValue: ".*",
  multi: true,
  current: { text: ["All"], value: ["$__all"] }
})

/** Marked in every panel while they fire. Some know no namespace. */
const ALERTS = {
  refId: "Alerts",
  expr: 'ALERTS{alertname=~"SmtpGateway.+", alertstate="firing", namespace=~"|$namespace"}'
}

export const dashboard: Dashboard = {
  uid: "cakemail-smtp-gateway",
  title: "Cakemail SMTP Gateway",
  description: "How it is, where it hurts, and the way to the log, the traces and the runbook.",
  tags: ["mail", "cakemail"],
  // Older ones than the newest Grafana read it, too; newer ones bring it up to date when they load it.
  schemaVersion: 39,
  editable: true,
  graphTooltip: DashboardCursorSync.Crosshair,
  time: { from: "now-3h", to: "now" },
  refresh: "30s",
  timezone: "browser",
  templating: {
    list: [
      datasource("metrics", "Metrics", "prometheus"),
      valuesOf("namespace", "Namespace", "label_values(smtp_ready, namespace)"),
      valuesOf("pod", "Pod", 'label_values(smtp_ready{namespace=~"$namespace"}, pod)'),
      datasource("logs", "Logs", "loki"),
      datasource("traces", "Traces", "tempo"),
      { name: "id", label: "Find a mail by id", type: "textbox", query: "", current: { text: "", value: "" } },
      { name: "runbook", type: "constant", query: RUNBOOK, hide: VariableHide.hideVariable, skipUrlSync: true }
    ]
  },
  annotations: {
    list: [{ name: "Alerts", datasource: METRICS, enable: true, iconColor: "red", target: ALERTS }]
  },
  links: [allLogs, tracesOf("Traces", '{ resource.service.name =~ ".*smtp-gateway" }'), wholeRunbook],
  panels: placed([
    { title: "Now", panels: now },
    { title: "Mail", panels: mail },
    { title: "Clients", panels: clients },
    { title: "Cakemail", panels: cakemail },
    { title: "Room", panels: room },
    { title: "Instances", panels: instances },
    { title: "Find a mail", panels: find, folded: true }
  ])
}
