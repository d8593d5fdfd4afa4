/** The dashboard as it lies in deploy/grafana, read as Grafana reads it. */
import { Schema } from "effect"
import { readFileSync } from "node:fs"

const GridPos = Schema.Struct({ x: Schema.Int, y: Schema.Int, w: Schema.Int, h: Schema.Int })

const DataSource = Schema.Struct({ type: Schema.String, uid: Schema.String })

const Link = Schema.Struct({ title: Schema.String, url: Schema.String })

const Target = Schema.Struct({
  refId: Schema.String,
  datasource: DataSource,
  /** Of Prometheus and Loki. */
  expr: Schema.optional(Schema.String),
  /** Of Tempo. */
  query: Schema.optional(Schema.String),
  legendFormat: Schema.optional(Schema.String)
})

const plain = {
  id: Schema.Int,
  title: Schema.String,
  type: Schema.String,
  gridPos: GridPos,
  description: Schema.optional(Schema.String),
  links: Schema.optional(Schema.Array(Link)),
  targets: Schema.optional(Schema.Array(Target)),
  fieldConfig: Schema.optional(
    Schema.Struct({
      defaults: Schema.Struct({ unit: Schema.optional(Schema.String), links: Schema.optional(Schema.Array(Link)) })
    })
  )
}

const Panel = Schema.Struct({
  ...plain,
  collapsed: Schema.optional(Schema.Boolean),
  panels: Schema.optional(Schema.Array(Schema.Struct(plain)))
})

const Dashboard = Schema.Struct({
  uid: Schema.String,
  title: Schema.String,
  schemaVersion: Schema.Int,
  panels: Schema.Array(Panel),
  links: Schema.Array(Link),
  annotations: Schema.Struct({
    list: Schema.Array(Schema.Struct({ name: Schema.String, target: Schema.Struct({ expr: Schema.String }) }))
  }),
  templating: Schema.Struct({
    list: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        type: Schema.String,
        query: Schema.Union([Schema.String, Schema.Struct({ query: Schema.String })])
      })
    )
  })
})

export const DASHBOARD_PATH = "deploy/grafana/dashboards/smtp-gateway.json"

export const dashboardText = (): string => readFileSync(DASHBOARD_PATH, "utf8")

export const readDashboard = (): typeof Dashboard.Type =>
  Schema.decodeSync(Schema.fromJsonString(Dashboard))(dashboardText())

/** Those that show something, those in folded rows included. */
export const shownPanels = ({ panels }: typeof Dashboard.Type) =>
  panels.flatMap((panel) => (panel.type === "row" ? (panel.panels ?? []) : [panel]))
