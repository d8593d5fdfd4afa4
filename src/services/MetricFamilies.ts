import { Context, type Effect, Schema } from "effect"

/** One metric with all its samples, as one process tells of it to another. */
export const MetricFamily = Schema.Struct({
  name: Schema.String,
  help: Schema.String,
  type: Schema.Literals(["counter", "gauge", "histogram", "summary"]),
  /** How the values of several processes make one. */
  aggregator: Schema.Literals(["sum", "max", "min", "first", "average", "omit"]),
  values: Schema.Array(
    Schema.Struct({
      value: Schema.Finite,
      labels: Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite])),
      /** Where it is not the family's: buckets, sum and count of a histogram. */
      metricName: Schema.optionalKey(Schema.String)
    })
  )
})
export type MetricFamily = typeof MetricFamily.Type

/** What /metrics of this process would show, to be put together with that of others. */
export class MetricFamilies extends Context.Service<
  MetricFamilies,
  {
    readonly now: Effect.Effect<ReadonlyArray<MetricFamily>>
  }
>()("gateway/services/MetricFamilies") {}
