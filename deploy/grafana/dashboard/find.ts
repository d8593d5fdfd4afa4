/** One mail, by any id that somebody has of it. Folded away, so that nothing is asked for until it is wanted. */
import { LogsDedupStrategy, LogsSortOrder } from "@grafana/schema"
import type { Options as LogsOptions } from "@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen"
import { LOG_SELECTOR } from "./links.ts"
import type { Sized } from "./panels.ts"
import { LOGS, TRACES } from "./sources.ts"

/** An empty one finds everything. */
const LOG_LINES = `${LOG_SELECTOR} |= "\${id}"`

/** A trace has an id of its own, a mail that of Cakemail, its reference and its Message-ID, a session an id with and without a prefix. */
const SPANS = [
  'trace:id = "${id}"',
  'span.cakemail.email.id = "${id}"',
  'span.smtp.reference = "${id}"',
  'span.messaging.message.id = "${id}"',
  'span.messaging.message.id = "<${id}>"',
  'span.correlation_id = "${id}"',
  'span.correlation_id = "req_${id}"'
].join(" || ")

const options: LogsOptions = {
  dedupStrategy: LogsDedupStrategy.none,
  enableLogDetails: true,
  prettifyLogMessage: true,
  showCommonLabels: false,
  showLabels: false,
  showLogContextToggle: true,
  showTime: true,
  sortOrder: LogsSortOrder.Ascending,
  wrapLogMessage: true
}

export const find: ReadonlyArray<Sized> = [
  {
    width: 14,
    height: 12,
    panel: {
      type: "logs",
      title: "Log: ${id}",
      description:
        "Lines with the id that is given at the top: a reference, a Message-ID, a correlation id, an id of Cakemail's, a trace id, an address.",
      datasource: LOGS,
      targets: [{ refId: "A", datasource: LOGS, expr: LOG_LINES, queryType: "range" }],
      options: { ...options }
    }
  },
  {
    width: 10,
    height: 12,
    panel: {
      type: "table",
      title: "Traces: ${id}",
      description: "Traces with the id that is given at the top. Choose one to see it.",
      datasource: TRACES,
      targets: [
        { refId: "A", datasource: TRACES, query: `{ ${SPANS} }`, queryType: "traceql", limit: 20, tableType: "traces" }
      ],
      options: { frameIndex: 0, showHeader: true }
    }
  }
]
