/** Ways from a panel to what it does not show: the log, the traces, the runbook. All keep the time range. */
import type { DashboardLink } from "@grafana/schema"
import { LOGS, TRACES } from "./sources.ts"

/** At a value of a panel; Grafana's schema leaves its type open. */
export interface FieldLink {
  readonly title: string
  readonly url: string
  readonly targetBlank: boolean
}

/** Grafana puts values in place of `${...}` in a link, if these are not encoded. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/%24%7B(.*?)%7D/g, (_, name: string) => `\${${decodeURIComponent(name)}}`)

const explore = (datasource: typeof LOGS | typeof TRACES, query: string): string => {
  const asked = datasource === LOGS ? { expr: query } : { query, queryType: "traceql" }
  const pane = {
    datasource: datasource.uid,
    queries: [{ refId: "A", datasource, ...asked }],
    range: { from: "${__from}", to: "${__to}" }
  }
  return `/explore?schemaVersion=1&orgId=1&panes=${encoded(JSON.stringify({ pane }))}`
}

/** The log of the chosen instances. Loki refuses a selector that lines without any label would match. */
export const LOG_SELECTOR = '{namespace=~"${namespace:pipe}", pod=~"${pod:pipe}", pod=~".+"}'

const ofEvents = (events: ReadonlyArray<string>): string => `${LOG_SELECTOR} | json | event=~"${events.join("|")}"`

const titled = (title: string, url: string): DashboardLink => ({
  asDropdown: false,
  icon: "external link",
  includeVars: false,
  keepTime: false,
  tags: [],
  targetBlank: true,
  title,
  tooltip: "",
  type: "link",
  url
})

/** To the lines of these events. `more` is LogQL over their fields. */
export const logsOf = (title: string, events: ReadonlyArray<string>, more = ""): DashboardLink =>
  titled(title, explore(LOGS, `${ofEvents(events)}${more}`))

/** To whatever the chosen instances have logged. */
export const allLogs: DashboardLink = titled("Log", explore(LOGS, LOG_SELECTOR))

export const tracesOf = (title: string, query: string): DashboardLink => titled(title, explore(TRACES, query))

/** docs/operations.md */
export const wholeRunbook: DashboardLink = titled("Runbook", "${runbook}")

/** To the paragraph of an alert in it. */
export const runbook = (alert: string): DashboardLink =>
  titled(`Runbook: ${alert}`, `\${runbook}#${alert.toLowerCase()}`)

/** From a line or a row to what was logged with the same value of the field; `value` is where Grafana finds that. */
export const logsWith = (title: string, field: string, value: string): FieldLink => ({
  title,
  targetBlank: true,
  url: explore(LOGS, `${LOG_SELECTOR} | json | ${field}="\${${value}}"`)
})
