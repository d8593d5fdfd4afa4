import { Context, type Effect } from "effect"

/** One value for each declared label. Values come from closed lists: a label never grows without bound. */
export type Labels<Name extends string> = { readonly [Label in Name]: string }

export interface Counter<Label extends string> {
  /** Adds one, or `by`. Never throws. */
  readonly increment: (labels: Labels<Label>, by?: number) => void
}

export interface Gauge<Label extends string> {
  /** Never throws. */
  readonly set: (labels: Labels<Label>, value: number) => void
  /** Never throws. */
  readonly add: (labels: Labels<Label>, by: number) => void
}

export interface Histogram<Label extends string> {
  /** Never throws. */
  readonly observe: (labels: Labels<Label>, value: number) => void
}

export interface MetricOptions<Label extends string> {
  readonly name: string
  /** Shown in the exposition; the long form is in docs/metrics.md. */
  readonly help: string
  readonly labels: ReadonlyArray<Label>
}

/**
 * Numbers for Prometheus. Each metric is declared where it is used, at the build of a layer; declaring the same
 * name again gives the same metric. Updating one is synchronous and cannot fail: mail flows whatever becomes of metrics.
 */
export class Metrics extends Context.Service<
  Metrics,
  {
    readonly counter: <const Label extends string = never>(options: MetricOptions<Label>) => Counter<Label>
    /** With `collect` the value is asked for at each scrape. */
    readonly gauge: <const Label extends string = never>(
      options: MetricOptions<Label> & { readonly collect?: () => number }
    ) => Gauge<Label>
    readonly histogram: <const Label extends string = never>(
      options: MetricOptions<Label> & { readonly buckets: ReadonlyArray<number> }
    ) => Histogram<Label>
    /** The text of /metrics with its content type. */
    readonly exposition: Effect.Effect<{ readonly contentType: string; readonly body: string }>
  }
>()("gateway/services/Metrics") {}
