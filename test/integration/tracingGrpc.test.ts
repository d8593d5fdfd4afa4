/** OTEL_EXPORTER_OTLP_PROTOCOL=grpc, by the process, to a collector that the gRPC project's own library serves. */
import { status } from "@grpc/grpc-js"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, connect, createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeSelfSigned } from "../../src/layers/tls/selfSigned.ts"
import type { CollectorKit } from "../kit/CollectorKit.ts"
import { type GatewayProcess, startGatewayProcess } from "../kit/GatewayProcess.ts"
import { REFUSAL_DETAILS, startGrpcCollector } from "../kit/GrpcCollector.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"
import { sendMail, spanNamed, spansAfterSession } from "../kit/TracedGateway.ts"

const start = Effect.fnUntraced(function* (collector: CollectorKit, environment: Record<string, string> = {}) {
  const sandbox = yield* startSandbox()
  return yield* startGatewayProcess({
    apiUrl: sandbox.url,
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_BSP_SCHEDULE_DELAY: "1",
      ...environment
    }
  })
})

/** Stands in front of a port and keeps what clients send. */
const startRecorder = (target: number) => {
  const octets: Array<Buffer> = []
  const listening = Effect.callback<Server>((resume) => {
    const server = createServer((client) => {
      const onward = connect(target, "127.0.0.1")
      client.on("data", (chunk: Buffer) => octets.push(chunk))
      client.pipe(onward)
      onward.pipe(client)
      for (const socket of [client, onward]) socket.on("error", () => {})
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  })
  return Effect.acquireRelease(listening, (server) => Effect.sync(() => void server.close())).pipe(
    Effect.map((server) => ({ octets, port: (server.address() as AddressInfo).port }))
  )
}

const causeOfLoss = (gateway: GatewayProcess) =>
  Effect.map(gateway.log, (lines) =>
    lines.flatMap((line) => (line.includes('"event":"spans_lost"') ? [JSON.parse(line).cause as string] : []))
  )

const lost = (gateway: GatewayProcess) =>
  eventually(Effect.map(gateway.metric('smtp_spans_total{result="failed"}'), (failed) => failed > 0))

const run = (name: string, test: (collector: CollectorKit) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(Effect.flatMap(startGrpcCollector(), test)))

describe("a collector that speaks gRPC", () => {
  run("gets the spans, with the headers that were asked for", (collector) =>
    Effect.gen(function* () {
      const gateway = yield* start(collector, { OTEL_EXPORTER_OTLP_HEADERS: "x-api-key=hunter2" })
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      assert.match(yield* sendMail(wire), /^250 /)
      const spans = yield* spansAfterSession(wire, collector)
      const session = spanNamed(spans, "SMTP session")
      assert.strictEqual(spanNamed(spans, "SMTP message").parentSpanId, session.spanId)
      assert.strictEqual(collector.requests[0]?.headers["x-api-key"], "hunter2")
      assert.notInclude((yield* gateway.log).join(), "hunter2")
    })
  )

  run("gets compressed what is to be compressed", (collector) =>
    Effect.gen(function* () {
      for (const compression of ["none", "gzip"]) {
        const way = yield* startRecorder(Number(new URL(collector.url).port))
        const gateway = yield* start(collector, {
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${way.port}`,
          OTEL_EXPORTER_OTLP_COMPRESSION: compression
        })
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        yield* sendMail(wire)
        const before = collector.spans.length
        yield* wire.ask("QUIT")
        yield* eventually(Effect.sync(() => collector.spans.slice(before).some(({ name }) => name === "SMTP session")))
        const readable = Buffer.concat(way.octets).includes("SMTP session")
        assert.strictEqual(readable, compression === "none", compression)
      }
    })
  )

  run("that refuses is told of, without its words", (collector) =>
    Effect.gen(function* () {
      yield* collector.be(status.PERMISSION_DENIED)
      const gateway = yield* start(collector)
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      assert.match(yield* sendMail(wire), /^250 /)
      yield* lost(gateway)
      yield* eventually(Effect.map(causeOfLoss(gateway), (causes) => causes.length > 0))
      assert.deepStrictEqual(yield* causeOfLoss(gateway), ["7 PERMISSION_DENIED"])
      assert.notInclude((yield* gateway.log).join(), REFUSAL_DETAILS)
    })
  )

  run("and hangs holds up neither mail nor the end of the process", (collector) =>
    Effect.gen(function* () {
      yield* collector.be("hang")
      const gateway = yield* start(collector)
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      assert.match(yield* sendMail(wire), /^250 /)
      yield* eventually(Effect.sync(() => collector.requests.length > 0))
      assert.match(yield* sendMail(wire), /^250 /)
      yield* gateway.signal("SIGTERM")
      assert.strictEqual(yield* gateway.ended, 0)
      assert.deepStrictEqual(yield* causeOfLoss(gateway), ["the process ended"])
    })
  )

  run("and is away is told of with the reason", (collector) =>
    Effect.gen(function* () {
      const gateway = yield* start(collector, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" })
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      assert.match(yield* sendMail(wire), /^250 /)
      yield* lost(gateway)
      yield* eventually(Effect.map(causeOfLoss(gateway), (causes) => causes.length > 0))
      assert.match((yield* causeOfLoss(gateway))[0] ?? "", /^14 UNAVAILABLE: No connection established.*ECONNREFUSED/)
    })
  )

  it.live("under TLS is checked by the authorities of OTEL_EXPORTER_OTLP_CERTIFICATE", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { certificate, privateKey } = yield* makeSelfSigned("collector.example.com")
        const directory = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "collector-"))),
          (made) => Effect.sync(() => rmSync(made, { recursive: true }))
        )
        const caPath = join(directory, "ca.pem")
        writeFileSync(caPath, certificate)
        const collector = yield* startGrpcCollector({ cert: certificate, key: Redacted.value(privateKey) })
        const stranger = yield* start(collector)
        yield* sendMail(yield* openLoggedInWire(stranger.smtpPort))
        yield* lost(stranger)
        assert.deepStrictEqual(collector.spans, [])
        const friend = yield* start(collector, { OTEL_EXPORTER_OTLP_CERTIFICATE: caPath })
        const wire = yield* openLoggedInWire(friend.smtpPort)
        yield* sendMail(wire)
        assert.isDefined(spanNamed(yield* spansAfterSession(wire, collector), "SMTP message"))
      })
    )
  )
})
