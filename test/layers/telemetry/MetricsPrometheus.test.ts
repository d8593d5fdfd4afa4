import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MetricsPrometheus } from "../../../src/layers/telemetry/MetricsPrometheus.ts"
import { Metrics } from "../../../src/services/Metrics.ts"

/** The samples of the metric, as the exposition writes them. */
const samples = (name: string) =>
  Effect.gen(function* () {
    const { body } = yield* (yield* Metrics).exposition
    return body.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  })

describe("MetricsPrometheus", () => {
  it.effect("counters, gauges and histograms come out with their labels", () =>
    Effect.gen(function* () {
      const metrics = yield* Metrics
      const counter = metrics.counter({
        name: "mails_total",
        help: "Mails",
        labels: { result: ["success", "failure"] }
      })
      counter.increment({ result: "success" })
      counter.increment({ result: "success" }, 2)
      counter.increment({ result: "failure" })
      const gauge = metrics.gauge({ name: "open_connections", help: "Open", labels: {} })
      gauge.set({}, 5)
      gauge.add({}, -2)
      const histogram = metrics.histogram({
        name: "seconds",
        help: "S",
        labels: { command: ["DATA"] },
        buckets: [0.1, 1]
      })
      histogram.observe({ command: "DATA" }, 0.5)
      assert.deepStrictEqual(yield* samples("mails_total"), [
        'mails_total{result="success"} 3',
        'mails_total{result="failure"} 1'
      ])
      assert.deepStrictEqual(yield* samples("open_connections"), ["open_connections 3"])
      assert.deepStrictEqual(yield* samples("seconds_bucket"), [
        'seconds_bucket{le="0.1",command="DATA"} 0',
        'seconds_bucket{le="1",command="DATA"} 1',
        'seconds_bucket{le="+Inf",command="DATA"} 1'
      ])
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("the same name is the same metric", () =>
    Effect.gen(function* () {
      const metrics = yield* Metrics
      const declare = () => metrics.counter({ name: "mails_total", help: "Mails", labels: {} })
      declare().increment({})
      declare().increment({})
      assert.deepStrictEqual(yield* samples("mails_total"), ["mails_total 2"])
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("a gauge may be asked at each scrape, the newest declaration answers", () =>
    Effect.gen(function* () {
      const metrics = yield* Metrics
      let value = 1
      metrics.gauge({ name: "cache_size", help: "Size", labels: {}, collect: () => -1 })
      metrics.gauge({ name: "cache_size", help: "Size", labels: {}, collect: () => value })
      assert.deepStrictEqual(yield* samples("cache_size"), ["cache_size 1"])
      value = 7
      assert.deepStrictEqual(yield* samples("cache_size"), ["cache_size 7"])
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("no update throws and no scrape fails", () =>
    Effect.gen(function* () {
      const metrics = yield* Metrics
      const counter = metrics.counter({ name: "mails_total", help: "Mails", labels: {} })
      counter.increment({}, -1)
      counter.increment({}, Number.NaN)
      counter.increment({ undeclared: "x" } as never)
      metrics.gauge({ name: "level", help: "L", labels: {} }).set({}, "high" as never)
      metrics.histogram({ name: "seconds", help: "S", labels: {}, buckets: [1] }).observe({}, Number.NaN)
      metrics.gauge({
        name: "broken",
        help: "B",
        labels: {},
        collect: () => {
          throw new Error("no number today")
        }
      })
      counter.increment({})
      assert.include((yield* metrics.exposition).body, "# TYPE broken gauge")
      assert.deepStrictEqual(yield* samples("mails_total"), ["mails_total 1"])
      assert.deepStrictEqual(yield* samples("level"), ["level 0"])
      assert.deepStrictEqual(yield* samples("seconds_count"), ["seconds_count 0"])
    }).pipe(Effect.provide(MetricsPrometheus))
  )

  it.effect("process metrics are there, each once, and layers do not share their own", () =>
    Effect.gen(function* () {
      const metrics = yield* Metrics
      assert.deepStrictEqual(yield* samples("mails_total"), [])
      for (const name of ["process_cpu_seconds_total", "nodejs_eventloop_lag_p99_seconds"]) {
        assert.strictEqual((yield* samples(name)).length, 1, name)
      }
      const { body, contentType } = yield* metrics.exposition
      assert.match(contentType, /^text\/plain; version=0\.0\.4/)
      assert.isTrue(body.endsWith("\n"))
      const types = body.split("\n").filter((line) => line.startsWith("# TYPE"))
      assert.strictEqual(new Set(types).size, types.length)
    }).pipe(Effect.provide(MetricsPrometheus))
  )
})
