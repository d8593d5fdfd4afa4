/** `npm run dashboard`: writes the dashboard to where Grafana, and the chart, find it. */
import { writeFileSync } from "node:fs"
import { dashboard } from "./dashboard.ts"

export const PATH = "deploy/grafana/dashboards/smtp-gateway.json"

export const asText = (): string => `${JSON.stringify(dashboard, null, 2)}\n`

if (import.meta.main) writeFileSync(PATH, asText())
