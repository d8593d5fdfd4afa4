/** The metrics of several processes as those of one. */
import { Effect, Schema } from "effect"
import { AggregatorRegistry } from "prom-client"
import { MetricFamily } from "../../services/MetricFamilies.ts"

type Families = ReadonlyArray<MetricFamily>

/** The text of /metrics with its content type. Of a family that several have, the first one says how it is merged. */
export const expositionOf = (processes: ReadonlyArray<Families>) =>
  Effect.promise(async () => {
    const merged = aggregate(processes)
    return { contentType: merged.contentType, body: await merged.metrics() }
  })

/** What has been counted by processes that are gone: `process` added to those before it. Only what never falls is kept. */
export const retired = (before: Families, process: Families): Effect.Effect<Families> =>
  Effect.promise(() => aggregate([before, process.filter(isCumulative)]).getMetricsAsJSON()).pipe(
    Effect.flatMap(decodeFamilies),
    Effect.orDie
  )

/** As prom-client tells of them. Samples that are no number are left out: what was never measured has no least value. */
export const finiteFamilies = (
  families: ReadonlyArray<{
    readonly name: string
    readonly aggregator: MetricFamily["aggregator"]
    readonly values: ReadonlyArray<{ readonly value: number }>
  }>
): Effect.Effect<Families> =>
  Effect.orDie(
    decodeFamilies(
      families.map((family) => ({
        ...family,
        aggregator: MERGED_BY[family.name] ?? family.aggregator,
        values: family.values.filter(({ value }) => Number.isFinite(value))
      }))
    )
  )

const isCumulative = ({ type }: MetricFamily): boolean => type === "counter" || type === "histogram"

const decodeFamilies = Schema.decodeUnknownEffect(Schema.Array(MetricFamily))

const aggregate = (processes: ReadonlyArray<Families>) =>
  AggregatorRegistry.aggregate(processes.map((families) => families.map((family) => ({ ...family }))))

/**
 * Of what prom-client tells of a process by itself: the process that is worst off is the one to look at, and the one that
 * began first is the one that was started.
 */
const MERGED_BY: Readonly<Record<string, MetricFamily["aggregator"]>> = {
  process_start_time_seconds: "min",
  nodejs_eventloop_lag_seconds: "max",
  nodejs_eventloop_lag_mean_seconds: "max",
  nodejs_eventloop_lag_stddev_seconds: "max",
  nodejs_eventloop_lag_p50_seconds: "max",
  nodejs_eventloop_lag_p90_seconds: "max",
  nodejs_eventloop_lag_p99_seconds: "max"
}
