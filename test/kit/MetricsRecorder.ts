/** Metrics that a test can read back. */
import { Context, Effect, Layer } from "effect"
import { Metrics } from "../../src/services/Metrics.ts"

export class MetricsRecorder extends Context.Service<
  MetricsRecorder,
  {
    /** The sum of a counter or gauge, the number of observations of a histogram; 0 when never updated. */
    readonly value: (name: string, labels?: { readonly [label: string]: string }) => number
  }
>()("test/kit/MetricsRecorder") {}

/** Both the service and its reader. */
export const layerMetricsRecorder: Layer.Layer<Metrics | MetricsRecorder> = Layer.unwrap(
  Effect.sync(() => {
    const values = new Map<string, number>()
    const collectors = new Map<string, () => number>()
    const keyOf = (name: string, labels: { readonly [label: string]: string }) =>
      `${name} ${JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => a.localeCompare(b)))}`
    const add = (name: string, labels: { readonly [label: string]: string }, by: number) => {
      const key = keyOf(name, labels)
      values.set(key, (values.get(key) ?? 0) + by)
    }
    return Layer.mergeAll(
      Layer.succeed(MetricsRecorder, {
        value: (name, labels = {}) => collectors.get(name)?.() ?? values.get(keyOf(name, labels)) ?? 0
      }),
      Layer.succeed(Metrics, {
        counter: ({ name }) => ({ increment: (labels, by = 1) => add(name, labels, by) }),
        gauge: ({ collect, name }) => {
          if (collect !== undefined) collectors.set(name, collect)
          return {
            set: (labels, value) => void values.set(keyOf(name, labels), value),
            add: (labels, by) => add(name, labels, by)
          }
        },
        histogram: ({ name }) => ({ observe: (labels) => add(name, labels, 1) }),
        exposition: Effect.succeed({ contentType: "text/plain", body: "" })
      })
    )
  })
)
