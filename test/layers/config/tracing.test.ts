/** The OTEL_* variables mean here what their specification says. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, FileSystem, Redacted } from "effect"
import { readGatewaySettings } from "../../../src/layers/config/GatewayConfigLive.ts"

const read = (env: Record<string, string>) =>
  readGatewaySettings.pipe(
    Effect.map(({ tracing }) => tracing),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(env)),
    Effect.provide(FileSystem.layerNoop({}))
  )

/** What is wrong, a line each. */
const mistakes = (env: Record<string, string>) =>
  Effect.map(Effect.flip(read(env)), ({ message }) => message.split("\n"))

describe("where spans go", () => {
  const cases: ReadonlyArray<readonly [env: Record<string, string>, endpoint: string | undefined]> = [
    [{}, undefined],
    [{ OTEL_SERVICE_NAME: "mail", OTEL_TRACES_SAMPLER: "always_on" }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }, "http://collector:4318/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "https://example.com/otlp/" }, "https://example.com/otlp/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318" }, "http://collector:4318/"],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318/spans/" }, "http://collector:4318/spans/"],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://one", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://other/spans" },
      "http://other/spans"
    ],
    [{ OTEL_TRACES_EXPORTER: "otlp" }, "http://localhost:4318/v1/traces"],
    [{ OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "http://localhost:4317"],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc" },
      "http://collector:4317/"
    ],
    [{ OTEL_TRACES_EXPORTER: "none", OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }, undefined],
    [{ OTEL_SDK_DISABLED: "TRUE", OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }, undefined],
    [{ OTEL_SDK_DISABLED: "true", OTEL_TRACES_EXPORTER: "otlp" }, undefined],
    [{ OTEL_SDK_DISABLED: "false", OTEL_TRACES_EXPORTER: "otlp" }, "http://localhost:4318/v1/traces"]
  ]
  for (const [env, endpoint] of cases) {
    it.effect(`${JSON.stringify(env)}: ${endpoint ?? "nowhere"}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* read(env)).endpoint, endpoint)
      })
    )
  }
})

describe("what is sent with them", () => {
  it.effect("headers are joined, those for traces win, and they are secret", () =>
    Effect.gen(function* () {
      const { headers } = yield* read({
        OTEL_EXPORTER_OTLP_HEADERS: "x-api-key=hunter2, authorization=Basic aHVudGVyMg==,x-empty=",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-api-key=hunter%203"
      })
      assert.deepStrictEqual(Redacted.value(headers), {
        "x-api-key": "hunter 3",
        authorization: "Basic aHVudGVyMg==",
        "x-empty": ""
      })
      assert.notInclude(JSON.stringify(yield* read({ OTEL_EXPORTER_OTLP_HEADERS: "a=hunter2" })), "hunter2")
    })
  )

  it.effect("how they are sent: by HTTP as they are, unless it is said, and what is said for traces wins", () =>
    Effect.gen(function* () {
      const ways = (env: Record<string, string>) =>
        Effect.map(read(env), ({ compression, protocol }) => [protocol, compression])
      assert.deepStrictEqual(yield* ways({}), ["http/protobuf", "none"])
      const general = { OTEL_EXPORTER_OTLP_PROTOCOL: "GRPC", OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" }
      assert.deepStrictEqual(yield* ways(general), ["grpc", "gzip"])
      const specific = {
        ...general,
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: "none"
      }
      assert.deepStrictEqual(yield* ways(specific), ["http/protobuf", "none"])
    })
  )

  it.effect("the name of the service: the variable, the attribute, our own", () =>
    Effect.gen(function* () {
      const attributes = "service.name=attribute,deployment.environment.name=a%2Cb"
      const given = yield* read({ OTEL_SERVICE_NAME: "variable", OTEL_RESOURCE_ATTRIBUTES: attributes })
      assert.strictEqual(given.serviceName, "variable")
      assert.strictEqual(given.resourceAttributes["deployment.environment.name"], "a,b")
      assert.strictEqual((yield* read({ OTEL_RESOURCE_ATTRIBUTES: attributes })).serviceName, "attribute")
      assert.strictEqual((yield* read({})).serviceName, "cakemail-smtp-gateway")
    })
  )

  it.effect("plain durations are milliseconds, and those for traces win", () =>
    Effect.gen(function* () {
      const general = yield* read({ OTEL_EXPORTER_OTLP_TIMEOUT: "2500" })
      assert.strictEqual(Duration.toMillis(general.timeout), 2500)
      const specific = yield* read({ OTEL_EXPORTER_OTLP_TIMEOUT: "2500", OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "3 s" })
      assert.strictEqual(Duration.toMillis(specific.timeout), 3000)
      const { batchDelay, batchSize, batchTimeout, queueSize, timeout } = yield* read({})
      assert.deepStrictEqual(
        [timeout, batchDelay, batchTimeout].map(Duration.toMillis),
        [10_000, 5_000, 30_000],
        "the defaults of the specification"
      )
      assert.deepStrictEqual([queueSize, batchSize], [2048, 512])
    })
  )

  it.effect("samplers by their names, with their share", () =>
    Effect.gen(function* () {
      const { sampledShare, sampler } = yield* read({
        OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG: "0.001"
      })
      assert.deepStrictEqual([sampler, sampledShare], ["parentbased_traceidratio", 0.001])
      assert.strictEqual((yield* read({})).sampler, "parentbased_always_on")
      for (const share of ["0", "1", "1.0", ".5"]) {
        assert.strictEqual((yield* read({ OTEL_TRACES_SAMPLER_ARG: share })).sampledShare, Number(share))
      }
    })
  )
})

describe("a mistake is told at start", () => {
  const wrong: ReadonlyArray<readonly [name: string, ...values: ReadonlyArray<string>]> = [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "grpc://collector:4317", "http://a:b@collector", "http://a/?b=c"],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "nowhere", "http://a#b"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "x-api-key", "=a", "a b=c", "a=%zz", "a=b%0d%0ac=d", "a=ü"],
    ["OTEL_RESOURCE_ATTRIBUTES", "a", "a=%", "a b=c"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "http", "gRPC-web"],
    ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"],
    ["OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"],
    ["OTEL_TRACES_SAMPLER", "sometimes", "jaeger_remote"],
    ["OTEL_TRACES_SAMPLER_ARG", "1.1", "-1", "10%", "1e-3", "."],
    ["OTEL_TRACES_EXPORTER", "console", "otlp,console"],
    ["OTEL_EXPORTER_OTLP_TIMEOUT", "0", "soon", "1 day"],
    ["OTEL_BSP_MAX_QUEUE_SIZE", "0", "-1"],
    ["OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file.pem"]
  ]
  for (const [name, ...values] of wrong) {
    for (const value of values) {
      it.effect(`${name}=${value}`, () =>
        Effect.gen(function* () {
          const [line, ...others] = yield* mistakes({ [name]: value })
          assert.deepStrictEqual(others, [])
          assert.match(line ?? "", new RegExp(`^${name} is .*: give `))
        })
      )
    }
  }

  it.effect("headers are not shown, wrong as they are", () =>
    Effect.gen(function* () {
      const [line] = yield* mistakes({ OTEL_EXPORTER_OTLP_HEADERS: "hunter2" })
      assert.match(line ?? "", /^OTEL_EXPORTER_OTLP_HEADERS is set to something else \(hidden/)
      assert.notInclude(line ?? "", "hunter2")
    })
  )

  it.effect("a certificate without its key", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* mistakes({ OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "/no/such/file.pem" }), [
        "OTEL_EXPORTER_OTLP_CLIENT_KEY is not set: give the path of the private key that belongs to OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, or unset OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE is "/no/such/file.pem": give the path of a PEM file that can be read'
      ])
    })
  )

  it.effect("a batch that is larger than the queue", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* mistakes({ OTEL_BSP_MAX_QUEUE_SIZE: "100" }), [
        'OTEL_BSP_MAX_EXPORT_BATCH_SIZE is "512": give at most 100, which is OTEL_BSP_MAX_QUEUE_SIZE, or raise that'
      ])
    })
  )
})
