/** Ways from a panel to what it does not show: the log, the traces, the runbook. All keep the time range. */
import type { DashboardLink } from "@grafana/schema"

/** At a value of a panel; Grafana's schema leaves its type open. */
export interface FieldLink {
  readonly title: string
  readonly url: string
  readonly targetBlank: boolean
}

type Explored =
  | { readonly type: "loki"; readonly uid: "${logs}"; readonly query: string }
  | { readonly type: "tempo"; readonly uid: "${traces}"; readonly query: string }

/** Grafana puts values in place of `${...}` in a link, if these are not encoded. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/%24%7B(.*?)%7D/g, (_, name: string) => `\${${decodeURIComponent(name)}}`)

const explore = ({ query, type, uid }: Explored): string => {
  const datasource = { type, uid }
  const asked = type === "loki" ? { expr: query } : { query, queryType: "traceql" }
  const pane = {
    datasource: uid,
    queries: [{ refId: "A", datasource, ...asked }],
    range: { from: "${__from}", to: "${__to}" }
  }
  return `/explore?schemaVersion=1&orgId=1&panes=${encoded(JSON.stringify({ pane }))}`
}

/** The log of the chosen instances. */
export const LOG_SELECTOR = '{namespace=~"${namespace:pipe}", pod=~"${pod:pipe}"}'

const ofEvents = (events: ReadonlyArray<string>): string => `${LOG_SELECTOR} | json | event=~"${events.join("|")}"`

const TITLED = {
  asDropdown: false,
  icon: "external link",
  includeVars: false,
  keepTime: false,
  tags: [],
  targetBlank: true,
  tooltip: "",
  type: "link"
} as const satisfies Partial<DashboardLink>

const titled = (title: string, url: string): DashboardLink => ({ ...TITLED, tags: [], title, url })

/** To the lines of these events. `more` is LogQL over their fields. */
export const logsOf = (title: string, events: ReadonlyArray<string>, more = ""): DashboardLink =>
  titled(title, explore({ type: "loki", uid: "${logs}", query: `${ofEvents(events)}${more}` }))

/** To whatever the chosen instances have logged. */
export const allLogs: DashboardLink = titled("Log", explore({ type: "loki", uid: "${logs}", query: LOG_SELECTOR }))

export const tracesOf = (title: string, query: string): DashboardLink =>
  titled(title, explore({ type: "tempo", uid: "${traces}", query }))

/** To the paragraph of an alert in docs/operations.md. */
export const runbook = (alert: string): DashboardLink =>
  titled(`Runbook: ${alert}`, `\${runbook}#${alert.toLowerCase()}`)

/** From a line or a row to what was logged with the same value of the field; `value` is where Grafana finds that. */
export const logsWith = (title: string, field: string, value: string): FieldLink => ({
  title,
  targetBlank: true,
  url: explore({ type: "loki", uid: "${logs}", query: `${LOG_SELECTOR} | json | ${field}="\${${value}}"` })
})
