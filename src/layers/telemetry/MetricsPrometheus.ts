import { Context, Effect, Layer } from "effect"
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client"
import { MetricFamilies } from "../../services/MetricFamilies.ts"
import { type Across, type LabelValues, Metrics } from "../../services/Metrics.ts"
import { finiteFamilies } from "./mergedFamilies.ts"

/**
 * Metrics of one registry, together with those of the process (CPU, memory, event loop, garbage collection), which
 * exist once however often the layer is built.
 */
export const MetricsPrometheus: Layer.Layer<Metrics | MetricFamilies> = Layer.effectContext(
  Effect.sync(() => {
    const registry = new Registry()
    const processMetrics = processRegistry()
    const counters = new Map<string, Counter>()
    const gauges = new Map<string, GaugeEntry>()
    const histograms = new Map<string, Histogram>()

    const service = Metrics.of({
      counter: ({ help, labels, name }) => {
        const counter = declared(counters, name, () => {
          const made = new Counter({ name, help, labelNames: Object.keys(labels), registers: [registry] })
          for (const values of valuesFromTheStart(labels)) made.inc(values, 0)
          return made
        })
        return { increment: (values, by = 1) => attempt(by, () => counter.inc(values, by)) }
      },
      gauge: ({ across = "sum", collect, help, labels, name }) => {
        const entry = declared(gauges, name, () => makeGauge(registry, name, help, Object.keys(labels), across))
        // A layer that is built anew asks for its own state, not for that of the one before it.
        if (collect !== undefined) entry.collect = collect
        return {
          set: (values, value) => attempt(value, () => entry.gauge.set(values, value)),
          add: (values, by) => attempt(by, () => entry.gauge.inc(values, by))
        }
      },
      histogram: ({ buckets, help, labels, name }) => {
        const histogram = declared(histograms, name, () => {
          const labelNames = Object.keys(labels)
          const made = new Histogram({ name, help, labelNames, buckets: [...buckets], registers: [registry] })
          for (const values of valuesFromTheStart(labels)) made.zero(values)
          return made
        })
        return { observe: (values, value) => attempt(value, () => histogram.observe(values, value)) }
      },
      exposition: Effect.map(
        Effect.all([Effect.promise(() => registry.metrics()), Effect.promise(() => processMetrics.metrics())]),
        ([own, ofProcess]) => ({ contentType: registry.contentType, body: `${own}${ofProcess}` })
      )
    })
    const now = Effect.flatMap(
      Effect.all([
        Effect.promise(() => registry.getMetricsAsJSON()),
        Effect.promise(() => processMetrics.getMetricsAsJSON())
      ]),
      (registries) => finiteFamilies(registries.flat())
    )
    return Context.make(Metrics, service).pipe(Context.add(MetricFamilies, MetricFamilies.of({ now })))
  })
)

/**
 * Of a metric with one label every value is there from the start, at zero: `increase()` takes no notice of a sample that
 * begins at one. With several labels there would be hundreds that never move.
 */
const valuesFromTheStart = (labels: LabelValues): ReadonlyArray<Readonly<Record<string, string>>> => {
  const [only, ...others] = Object.entries(labels)
  if (only === undefined || others.length > 0) return []
  const [label, values] = only
  return values.map((value) => ({ [label]: value }))
}

interface GaugeEntry {
  readonly gauge: Gauge
  collect: (() => number) | undefined
}

const makeGauge = (
  registry: Registry,
  name: string,
  help: string,
  labels: ReadonlyArray<string>,
  across: Across
): GaugeEntry => {
  const entry: GaugeEntry = {
    gauge: new Gauge({
      name,
      help,
      labelNames: labels,
      aggregator: across,
      registers: [registry],
      collect() {
        const { collect } = entry
        if (collect !== undefined) attempt(0, () => this.set(collect()))
      }
    }),
    collect: undefined
  }
  return entry
}

const declared = <A>(known: Map<string, A>, name: string, make: () => A): A => {
  const existing = known.get(name)
  if (existing !== undefined) return existing
  const metric = make()
  known.set(name, metric)
  return metric
}

/** Mail flows whatever becomes of a number. One NaN would spoil a sum for good, so it is left out. */
const attempt = (value: number, update: () => void): void => {
  if (!Number.isFinite(value)) return
  try {
    update()
  } catch {
    // A label that was not declared, or a value out of range: a defect of the caller that must not cost a mail.
  }
}

/**
 * prom-client cannot take back the observers that it sets up for these, so there is one set of them a process,
 * set up when it is first wanted.
 */
const processRegistry = (): Registry => {
  if (sharedRegistry === undefined) {
    sharedRegistry = new Registry()
    collectDefaultMetrics({ register: sharedRegistry })
  }
  return sharedRegistry
}

let sharedRegistry: Registry | undefined
