import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as HttpServer from "effect/http/HttpServer"
import { HealthServerLive } from "../../../src/layers/http/HealthServerLive.ts"
import { ReadinessLive } from "../../../src/layers/http/ReadinessLive.ts"
import { MetricsPrometheus } from "../../../src/layers/telemetry/MetricsPrometheus.ts"
import { Metrics } from "../../../src/services/Metrics.ts"
import { Readiness, type UnreadyReason } from "../../../src/services/Readiness.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { configWith } from "../../kit/SettingsKit.ts"

/** The server in the scope, as the gateway runs it. */
const start = Effect.gen(function* () {
  const log = makeLogRecorder()
  const context = yield* Layer.build(
    HealthServerLive.pipe(
      Layer.provideMerge(ReadinessLive),
      Layer.provideMerge(MetricsPrometheus),
      Layer.provide([configWith(), log.layer])
    )
  )
  const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
  const request = (path: string, method = "GET") =>
    Effect.promise(async () => {
      const response = await fetch(`${url}${path}`, { method })
      return {
        status: response.status,
        type: response.headers.get("content-type") ?? "",
        allow: response.headers.get("allow"),
        body: await response.text()
      }
    })
  return {
    request,
    log: log.events,
    readiness: Context.get(context, Readiness),
    metrics: Context.get(context, Metrics)
  }
})

describe("/health/live", () => {
  it.live("is 200 whatever the readiness", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { readiness, request } = yield* start
        yield* readiness.set("draining", true)
        const { body, status, type } = yield* request("/health/live")
        assert.strictEqual(status, 200)
        assert.match(type, /^application\/json/)
        assert.deepStrictEqual(JSON.parse(body), { status: "live" })
      })
    )
  )
})

describe("/health/ready", () => {
  it.live("is 503 with its reasons at first, and 200 once each of them is gone", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { readiness, request } = yield* start
        const early = yield* request("/health/ready")
        assert.strictEqual(early.status, 503)
        assert.match(early.type, /^application\/json/)
        assert.deepStrictEqual(JSON.parse(early.body), {
          status: "not ready",
          reasons: ["not listening", "no certificate"]
        })
        yield* readiness.set("not listening", false)
        assert.deepStrictEqual(JSON.parse((yield* request("/health/ready")).body), {
          status: "not ready",
          reasons: ["no certificate"]
        })
        yield* readiness.set("no certificate", false)
        const ready = yield* request("/health/ready")
        assert.strictEqual(ready.status, 200)
        assert.deepStrictEqual(JSON.parse(ready.body), { status: "ready" })
      })
    )
  )

  for (const reason of ["not listening", "no certificate", "draining"] satisfies ReadonlyArray<UnreadyReason>) {
    it.live(`is 503 while ${reason}`, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { readiness, request } = yield* start
          yield* readiness.set("not listening", false)
          yield* readiness.set("no certificate", false)
          yield* readiness.set(reason, true)
          const { body, status } = yield* request("/health/ready")
          assert.strictEqual(status, 503)
          assert.deepStrictEqual(JSON.parse(body), { status: "not ready", reasons: [reason] })
          yield* readiness.set(reason, false)
          assert.strictEqual((yield* request("/health/ready")).status, 200)
        })
      )
    )
  }
})

describe("/metrics", () => {
  it.live("shows what was declared and counted, and the process", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { metrics, request } = yield* start
        metrics
          .counter({ name: "tests_total", help: "Tests by how they end", labels: { result: ["good", "bad"] } })
          .increment({ result: "good" }, 3)
        const { body, status, type } = yield* request("/metrics")
        assert.strictEqual(status, 200)
        assert.match(type, /^text\/plain; version=0\.0\.4/)
        assert.include(body, "# HELP tests_total Tests by how they end\n# TYPE tests_total counter\n")
        assert.include(body, 'tests_total{result="good"} 3\n')
        assert.match(body, /^process_resident_memory_bytes \d+$/m)
      })
    )
  )
})

describe("the HTTP side", () => {
  it.live("answers HEAD like GET, without the body, and says what else it does not do", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { readiness, request } = yield* start
        yield* readiness.set("no certificate", false)
        const statuses = { "/health/live": 200, "/health/ready": 503, "/metrics": 200 }
        for (const [path, status] of Object.entries(statuses)) {
          const head = yield* request(path, "HEAD")
          assert.deepStrictEqual([head.status, head.body], [status, ""], path)
          for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
            const refused = yield* request(path, method)
            assert.deepStrictEqual([refused.status, refused.allow], [405, "GET, HEAD"], `${method} ${path}`)
          }
        }
      })
    )
  )

  it.live("knows no other path", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { request } = yield* start
        for (const path of ["/", "/health", "/health/ready/x", "/metrics/../etc/passwd", "/favicon.ico"]) {
          assert.strictEqual((yield* request(path)).status, 404, path)
        }
      })
    )
  )

  it.live("logs no request", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { log, request } = yield* start
        for (const path of ["/health/live", "/health/ready", "/metrics", "/unknown"]) yield* request(path)
        assert.deepStrictEqual(log, [])
      })
    )
  )
})
