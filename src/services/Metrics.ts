import { Context, type Effect } from "effect"

/** For each label every value that it can have: no label grows, and no text of a stranger becomes one. */
export interface LabelValues {
  readonly [label: string]: ReadonlyArray<string>
}

/** One value for each label, out of its list. Nothing fits a list whose values the compiler does not know. */
export type Labels<Values extends LabelValues> = {
  readonly [Label in keyof Values]: string extends Values[Label][number] ? never : Values[Label][number]
}

export interface Counter<Values extends LabelValues> {
  /** Adds one, or `by`. Never throws. */
  readonly increment: (labels: Labels<Values>, by?: number) => void
}

export interface Gauge<Values extends LabelValues> {
  /** Never throws. */
  readonly set: (labels: Labels<Values>, value: number) => void
  /** Never throws. */
  readonly add: (labels: Labels<Values>, by: number) => void
}

export interface Histogram<Values extends LabelValues> {
  /** Never throws. */
  readonly observe: (labels: Labels<Values>, value: number) => void
}

/** How the values that several processes give to one gauge become one. */
export type Across = "sum" | "max" | "min" | "first"

export interface MetricOptions<Values extends LabelValues> {
  readonly name: string
  /** Shown in the exposition; the long form is in docs/metrics.md. */
  readonly help: string
  readonly labels: Values
}

/**
 * Numbers for Prometheus. Each metric is declared where it is used, at the build of a layer; declaring the same
 * name again gives the same metric. Updating one is synchronous and cannot fail: mail flows whatever becomes of metrics.
 */
export class Metrics extends Context.Service<
  Metrics,
  {
    readonly counter: <const Values extends LabelValues>(options: MetricOptions<Values>) => Counter<Values>
    /** With `collect` the value is asked for at each scrape. `across`: a sum, unless it says otherwise. */
    readonly gauge: <const Values extends LabelValues>(
      options: MetricOptions<Values> & { readonly collect?: () => number; readonly across?: Across }
    ) => Gauge<Values>
    readonly histogram: <const Values extends LabelValues>(
      options: MetricOptions<Values> & { readonly buckets: ReadonlyArray<number> }
    ) => Histogram<Values>
    /** The text of /metrics with its content type. */
    readonly exposition: Effect.Effect<{ readonly contentType: string; readonly body: string }>
  }
>()("gateway/services/Metrics") {}
