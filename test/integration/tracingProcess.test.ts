/** Traces of the production process: how one mail is found, how spans get out at the end, and what it costs to have none. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runProgram } from "../kit/ClientProgram.ts"
import { startCollector } from "../kit/CollectorKit.ts"
import { type GatewayProcess, startGatewayProcess } from "../kit/GatewayProcess.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { deadPort } from "../kit/ScriptedApi.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"
import { sendMail, spanCollected, spanNamed, spansNamed } from "../kit/TracedGateway.ts"

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "letters-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

const LogLine = Schema.StructWithRest(
  Schema.Struct({
    event: Schema.String,
    reference: Schema.optionalKey(Schema.String),
    trace_id: Schema.optionalKey(Schema.String),
    span_id: Schema.optionalKey(Schema.String)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

const decodeLine = Schema.decodeUnknownSync(Schema.fromJsonString(LogLine))

const linesOf = ({ log }: GatewayProcess) => Effect.map(log, (lines) => lines.map((line) => decodeLine(line)))

const eventsOf = (gateway: GatewayProcess, name: string) =>
  Effect.map(linesOf(gateway), (lines) => lines.filter(({ event }) => event === name))

describe("the reference in the reply", () => {
  it.live("finds the lines of the log, the trace and the dead letter", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const collector = yield* startCollector
        const directory = yield* temporaryDirectory
        const gateway = yield* startGatewayProcess({
          apiUrl: sandbox.url,
          environment: {
            OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
            OTEL_BSP_SCHEDULE_DELAY: "1",
            DEAD_LETTER_DIR: directory,
            LOG_LEVEL: "DEBUG"
          }
        })
        yield* sandbox.inject({ endpoint: "emails", what: "refuse", recipient: "gone@example.com" })
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* sendMail(wire)
        const reply = yield* sendMail(wire, { recipients: ["you@example.com", "gone@example.com"] })
        const reference = / ref=(\S+)$/.exec(reply)?.[1]
        assert.isDefined(reference)
        yield* wire.ask("QUIT")
        yield* spanCollected(collector, "SMTP session")

        const message = spansNamed(collector.spans, "SMTP message").filter(
          ({ attributes }) => attributes["smtp.reference"] === reference
        )
        assert.strictEqual(message.length, 1)
        const { traceId } = spanNamed(collector.spans, "SMTP session")
        assert.strictEqual(message[0]?.traceId, traceId)

        const lines = (yield* linesOf(gateway)).filter((line) => line.reference === reference)
        const events = lines.map(({ event }) => event)
        assert.includeMembers(events, ["email_received", "dead_letter", "api_request_complete"])
        const spans = new Map(collector.spans.map((span) => [span.spanId, span]))
        for (const { event, span_id, trace_id } of lines) {
          assert.strictEqual(trace_id, traceId, event)
          assert.isTrue(spans.has(span_id ?? ""), event)
        }
        const summary = lines.find(({ event }) => event === "email_received")
        assert.strictEqual(summary?.span_id, message[0]?.spanId)
        const calls = lines.filter(({ event }) => event === "api_request_complete").map(({ span_id }) => span_id)
        assert.deepStrictEqual(
          calls.map((id) => spans.get(id ?? "")?.name),
          ["submit", "submit"]
        )

        const letters = readdirSync(directory).filter((name) => name.endsWith(".json"))
        assert.strictEqual(letters.length, 1)
        const letter: unknown = JSON.parse(readFileSync(join(directory, letters[0] ?? ""), "utf8"))
        assert.propertyVal(letter, "reference", reference)
      })
    )
  )
})

describe("logs of a trace that is not kept", () => {
  it.live("have no ids of it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const collector = yield* startCollector
        const gateway = yield* startGatewayProcess({
          apiUrl: sandbox.url,
          environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: "always_off" }
        })
        yield* sendMail(yield* openLoggedInWire(gateway.smtpPort))
        yield* eventually(Effect.map(eventsOf(gateway, "email_received"), (lines) => lines.length === 1))
        for (const line of yield* linesOf(gateway)) assert.notProperty(line, "trace_id", line.event)
        assert.strictEqual((yield* eventsOf(gateway, "tracing_started")).length, 1)
      })
    )
  )
})

describe("at SIGTERM", () => {
  it.live("what is left is sent before the process ends", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const collector = yield* startCollector
        const gateway = yield* startGatewayProcess({
          apiUrl: sandbox.url,
          // Nothing goes by itself before the test is over.
          environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "1 hour" }
        })
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* sendMail(wire)
        assert.strictEqual(collector.requests.length, 0)
        yield* gateway.signal("SIGTERM")
        assert.strictEqual(yield* gateway.ended, 0)
        assert.strictEqual(spansNamed(collector.spans, "SMTP session").length, 1)
        assert.strictEqual(spansNamed(collector.spans, "SMTP message").length, 1)
        assert.deepStrictEqual(yield* eventsOf(gateway, "spans_lost"), [])
      })
    )
  )

  // Without a bound the process would wait for five minutes, and the test would not.
  it.live("a collector that hangs does not keep the process", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const collector = yield* startCollector
        yield* collector.be("hang")
        const gateway = yield* startGatewayProcess({
          apiUrl: sandbox.url,
          environment: {
            OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
            OTEL_EXPORTER_OTLP_TIMEOUT: "5 minutes",
            OTEL_BSP_EXPORT_TIMEOUT: "5 minutes",
            OTEL_BSP_SCHEDULE_DELAY: "1"
          }
        })
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* sendMail(wire)
        yield* eventually(Effect.sync(() => collector.requests.length > 0))
        yield* gateway.signal("SIGTERM")
        assert.strictEqual(yield* gateway.ended, 0)
        const [lost, ...others] = yield* eventsOf(gateway, "spans_lost")
        assert.deepStrictEqual(others, [])
        assert.propertyVal(lost, "cause", "the process ended")
        assert.strictEqual((yield* eventsOf(gateway, "shutdown_complete")).length, 1)
      })
    )
  )

  it.live("a collector that refuses does not change how the process ends", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const collector = yield* startCollector
        yield* collector.be(400)
        const gateway = yield* startGatewayProcess({
          apiUrl: sandbox.url,
          environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "1 hour" }
        })
        yield* sendMail(yield* openLoggedInWire(gateway.smtpPort))
        yield* gateway.signal("SIGTERM")
        assert.strictEqual(yield* gateway.ended, 0)
      })
    )
  )
})

describe("a collector that is away", () => {
  it.live("is one line of the log, however many batches it costs", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const gateway = yield* startGatewayProcess({
          apiUrl: sandbox.url,
          environment: {
            OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${yield* deadPort}`,
            OTEL_EXPORTER_OTLP_TIMEOUT: "10",
            OTEL_BSP_SCHEDULE_DELAY: "1",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2"
          }
        })
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        for (let mail = 0; mail < 20; mail++) assert.match(yield* sendMail(wire), /^250 /)
        yield* eventually(Effect.map(gateway.metric("smtp_spans_waiting"), (waiting) => waiting === 0))
        const failed = yield* gateway.metric('smtp_spans_total{result="failed"}')
        assert.isAbove(failed, 20)
        const [lost, ...others] = yield* eventsOf(gateway, "spans_lost")
        assert.deepStrictEqual(others, [])
        assert.match(String(lost?.["cause"]), /ECONNREFUSED/)
      })
    )
  )
})

describe("without an endpoint", () => {
  it.live("the SDK is not loaded", () =>
    Effect.gen(function* () {
      const loaded = (module: string, packages = "@opentelemetry.(?!api\\\\b)") =>
        Effect.map(
          runProgram(process.execPath, [
            "--input-type=module",
            "--eval",
            `import { createRequire } from "node:module"
             await import("./src/${module}")
             const paths = Object.keys(createRequire(process.cwd() + "/").cache)
             // prom-client brings the interfaces along, in @opentelemetry/api.
             console.log(paths.filter((path) => new RegExp("${packages}").test(path)).length)`
          ]),
          ({ stdout }) => Number(stdout)
        )
      assert.strictEqual(yield* loaded("programs/start.ts"), 0)
      assert.isAbove(yield* loaded("layers/telemetry/TracingOtlp.ts"), 20)
      // Nor what one protocol takes, for the other.
      const grpc = "node_modules.@grpc"
      assert.strictEqual(yield* loaded("layers/telemetry/TracingOtlp.ts", grpc), 0)
      assert.strictEqual(yield* loaded("layers/telemetry/otlpHttp.ts", grpc), 0)
      assert.isAbove(yield* loaded("layers/telemetry/otlpGrpc.ts", grpc), 20)
    })
  )
})
