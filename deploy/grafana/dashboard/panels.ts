/** The kinds of panel that the dashboard is made of, in the types of Grafana's own schema. */
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  type DashboardLink,
  type FieldConfig,
  GraphDrawStyle,
  type GraphFieldConfig,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  type Panel,
  PercentChangeColorMode,
  SortOrder,
  StackingMode,
  TableCellDisplayMode,
  type TableFieldOptions,
  type Threshold,
  ThresholdsMode,
  TooltipDisplayMode,
  type ValueMapping,
  VisibilityMode,
  VizOrientation
} from "@grafana/schema"
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen"
import type {
  FieldConfig as StateTimelineFieldConfig,
  Options as StateTimelineOptions
} from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen"
import type { Options as TableOptions } from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen"
import type { Options as TimeSeriesOptions } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen"
import type { FieldLink } from "./links.ts"
import { goodBelow, NO_NUMBER } from "./scales.ts"
import { METRICS } from "./sources.ts"

/** Queries by their legend, which is a text with `{{label}}` in it. */
export type Queries = Readonly<Record<string, string>>

/** What all kinds have in common. */
export interface About {
  readonly title: string
  /** What is shown, and what it means; seen when the pointer is on the title. */
  readonly description: string
  /** Of Grafana's list of units: `s`, `bytes`, `percentunit`, `short`, `ops` ... */
  readonly unit: string
  /** At the title of the panel. */
  readonly links?: ReadonlyArray<DashboardLink>
  /** At each value. */
  readonly valueLinks?: ReadonlyArray<FieldLink>
}

/** What `layout.ts` finds a place for. */
export interface Sized {
  readonly width: number
  readonly height: number
  readonly panel: Panel
}

const targets = (queries: Queries, more: { readonly instant?: true; readonly format?: "table" } = {}) =>
  Object.entries(queries).map(([legendFormat, expr], index) => ({
    refId: String.fromCharCode(65 + index),
    datasource: METRICS,
    editorMode: "code",
    expr,
    legendFormat,
    ...(more.instant === true ? { instant: true, range: false } : { range: true }),
    ...(more.format !== undefined && { format: more.format })
  }))

const panelOf = (about: About, panel: Pick<Panel, "type" | "targets" | "options">, fields: FieldConfig): Panel => ({
  title: about.title,
  description: about.description,
  datasource: METRICS,
  ...(about.links !== undefined && { links: [...about.links] }),
  ...panel,
  fieldConfig: {
    defaults: {
      unit: about.unit,
      ...(about.valueLinks !== undefined && { links: [...about.valueLinks] }),
      ...fields
    },
    overrides: []
  }
})

/** One number, with its course behind it. */
export const number = (
  about: About & {
    readonly query: string
    readonly thresholds?: ReadonlyArray<Threshold>
    readonly mapping?: ValueMapping
    readonly decimals?: number
    /** Only what it is now, for what is worked out over the whole time range. */
    readonly instant?: true
    /** Shows by how much it has changed over the time range; `up` is good or bad. */
    readonly change?: "up is good" | "up is bad"
  }
): Sized => {
  const options: StatOptions = {
    colorMode: BigValueColorMode.Value,
    graphMode: BigValueGraphMode.Area,
    justifyMode: BigValueJustifyMode.Auto,
    orientation: VizOrientation.Auto,
    percentChangeColorMode:
      about.change === "up is bad" ? PercentChangeColorMode.Inverted : PercentChangeColorMode.Standard,
    reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
    showPercentChange: about.change !== undefined,
    textMode: BigValueTextMode.Auto,
    wideLayout: true
  }
  return {
    width: 3,
    height: 4,
    panel: panelOf(
      about,
      {
        type: "stat",
        targets: targets({ [about.title]: about.query }, about.instant === true ? { instant: true } : {}),
        options: { ...options }
      },
      {
        ...(about.decimals !== undefined && { decimals: about.decimals }),
        mappings: about.mapping === undefined ? [NO_NUMBER] : [about.mapping, NO_NUMBER],
        thresholds: { mode: ThresholdsMode.Absolute, steps: [...(about.thresholds ?? goodBelow())] }
      }
    )
  }
}

/** Lines over time. */
export const lines = (
  about: About & {
    readonly queries: Queries
    /** Shown as a dashed line. */
    readonly limit?: number
    readonly max?: number
    readonly stacked?: true
    readonly width?: number
  }
): Sized => {
  const options: TimeSeriesOptions = {
    legend: {
      calcs: ["lastNotNull", "max"],
      displayMode: LegendDisplayMode.Table,
      placement: "bottom",
      showLegend: true
    },
    tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending }
  }
  const custom: GraphFieldConfig = {
    drawStyle: GraphDrawStyle.Line,
    fillOpacity: about.stacked === true ? 40 : 10,
    lineWidth: 1,
    spanNulls: false,
    stacking: { mode: about.stacked === true ? StackingMode.Normal : StackingMode.None, group: "A" },
    thresholdsStyle: {
      mode: about.limit === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed
    }
  }
  return {
    width: about.width ?? 8,
    height: 8,
    panel: panelOf(
      about,
      { type: "timeseries", targets: targets(about.queries), options: { ...options } },
      {
        min: 0,
        ...(about.max !== undefined && { max: about.max }),
        custom: { ...custom },
        thresholds: {
          mode: ThresholdsMode.Absolute,
          steps: [...(about.limit === undefined ? goodBelow() : goodBelow([about.limit, "red"]))]
        }
      }
    )
  }
}

/** A state of each instance over time. */
export const stateOverTime = (about: About & { readonly queries: Queries; readonly mapping: ValueMapping }): Sized => {
  const options: StateTimelineOptions = {
    legend: { calcs: [], displayMode: LegendDisplayMode.List, placement: "bottom", showLegend: true },
    mergeValues: true,
    rowHeight: 0.8,
    showValue: VisibilityMode.Auto,
    tooltip: { mode: TooltipDisplayMode.Single, sort: SortOrder.None }
  }
  const custom: StateTimelineFieldConfig = { fillOpacity: 70, lineWidth: 0 }
  return {
    width: 8,
    height: 8,
    panel: panelOf(
      about,
      { type: "state-timeline", targets: targets(about.queries), options: { ...options } },
      {
        custom: { ...custom },
        mappings: [about.mapping],
        thresholds: { mode: ThresholdsMode.Absolute, steps: [...goodBelow()] }
      }
    )
  }
}

/** The answer of one query now, as rows, largest first. */
export const table = (
  about: About & { readonly query: string; readonly columns: Readonly<Record<string, string>> }
): Sized => {
  const options: TableOptions = {
    frameIndex: 0,
    showHeader: true,
    sortBy: [{ desc: true, displayName: about.columns["Value"] ?? "Value" }]
  }
  const custom: TableFieldOptions = {
    align: "auto",
    cellOptions: { type: TableCellDisplayMode.Auto },
    filterable: false,
    inspect: false
  }
  const panel = panelOf(
    about,
    {
      type: "table",
      targets: targets({ "": about.query }, { instant: true, format: "table" }),
      options: { ...options }
    },
    { custom: { ...custom }, thresholds: { mode: ThresholdsMode.Absolute, steps: [...goodBelow()] } }
  )
  return {
    width: 8,
    height: 8,
    panel: {
      ...panel,
      transformations: [
        { id: "organize", options: { excludeByName: { Time: true }, renameByName: { ...about.columns } } }
      ]
    }
  }
}
