/** Values of the chart: what they may be, and what the gateway makes of the settings among them. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Ajv } from "ajv"
import { Cause, ConfigProvider, Effect, Exit, Option } from "effect"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { readGatewaySettings } from "../../src/layers/config/GatewayConfigLive.ts"
import {
  at,
  CHART,
  CONTAINER,
  list,
  mergedValues,
  render,
  type Rendering,
  type Table,
  table,
  withRenderer
} from "./Chart.ts"
import { chartCases, HOSTNAME } from "./chartCases.ts"
import { plainSettings, SCHEMA_PATH } from "./writeChartSettings.ts"

/** What a Secret holds. */
const decoded = (data: unknown) =>
  Object.fromEntries(Object.entries(table(data ?? {})).map(([name, value]) => [name, atob(`${value}`)]))

describe.runIf(withRenderer)("settings", () => {
  /** What the gateway makes of the environment that the chart gives it. */
  const settingsOf = ({ manifests, only }: Rendering) => {
    const environment = {
      ...table(only("ConfigMap", `${only("Deployment").metadata.name}-config`).data),
      ...decoded(manifests.find(({ kind }) => kind === "Secret")?.["data"])
    } as Record<string, string>
    return Effect.provide(readGatewaySettings, [
      ConfigProvider.layer(ConfigProvider.fromEnvRecord(environment)),
      NodeFileSystem.layer
    ])
  }

  for (const [name, options] of Object.entries(chartCases)) {
    it.live(`${name}: are such that the gateway starts`, () =>
      Effect.gen(function* () {
        const rendering = yield* render(options)
        const { http, smtp } = yield* settingsOf(rendering)
        const ports = list(at(rendering.only("Deployment"), `${CONTAINER}.ports`)).map((port) => port["containerPort"])
        assert.sameMembers(ports, [...smtp.ports.map(({ port }) => port), http.port])
        assert.deepStrictEqual(
          smtp.ports.filter(({ implicitTls }) => implicitTls).map(({ port }) => port),
          name === "everything on" ? [2465] : []
        )
      })
    )
  }

  it.live("large numbers stay whole, and fractions and switches what they are", () =>
    Effect.gen(function* () {
      const data = (yield* render(chartCases["everything on"])).only("ConfigMap", "mail-smtp-gateway-config").data
      assert.containSubset(data, {
        MESSAGE_SIZE_LIMIT: "26214400",
        CAKEMAIL_LIST_ID: "999999999999",
        CIRCUIT_BREAKER_THRESHOLD: "0.25",
        CAKEMAIL_CREATE_SENDERS: "true"
      })
    })
  )

  it.live("secrets are in a Secret and nowhere else", () =>
    Effect.gen(function* () {
      const { manifests, only } = yield* render(chartCases["everything on"])
      assert.isFalse(manifests.some((each) => JSON.stringify(each).includes("hunter2")))
      assert.deepStrictEqual(decoded(only("Secret")["data"]), { REDIS_URL: "redis://:hunter2@redis:6379" })
    })
  )

  it.live("a secret that is taken out of the values is taken out of the Secret", () =>
    Effect.gen(function* () {
      const { only } = yield* render(chartCases["everything on"])
      assert.notProperty(only("Secret"), "stringData", "Kubernetes only ever adds what stands there")
    })
  )
})

/** Texts that one setting or another understands, and some that none does. */
const SAMPLES = `abc | -1 | 0 | 1 | 5 | 100 | 0.5 | .5 | 1e3 | 00 | 5 minutes | 5 Minutes | 500ms | 1.5 h | 2 DAYS | \
25 MiB | 25mb | 1 byte | 1 GiB | true | TRUE | no | off | Debug | warning | loud | defer | hash | otlp | none | \
HTTP/protobuf | grpc | parentbased_always_on | gateway-v1 | 10.0.0.0/8, ::1 | fd00::/8 | https://api.example.com/v1/ | \
http://127.0.0.1:8025 | http://api.example.com | http://[::1]:1/ | a=b,c=d | .example.com,10.0.0.1 | * | 0.0.0.0 | \
/etc/ca.pem | smtp.example.com`

describe.runIf(withRenderer)("values.schema.json", () => {
  const isValid = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(SCHEMA_PATH, "utf8"))
  )

  const defaults = parse(readFileSync(`${CHART}/values.yaml`, "utf8"), { version: "1.1" }) as Table

  const problems = (...values: ReadonlyArray<Table>) =>
    Effect.map(mergedValues({ values: [HOSTNAME, ...values] }), (merged) =>
      isValid(merged) ? [] : (isValid.errors ?? []).map(({ instancePath }) => instancePath)
    )

  for (const [name, options] of Object.entries(chartCases)) {
    it.live(`${name}: passes`, () =>
      Effect.gen(function* () {
        isValid(yield* mergedValues(options))
        assert.deepStrictEqual(isValid.errors ?? [], [])
      })
    )
  }

  const wrong: ReadonlyArray<readonly [where: string, values: Table]> = [
    ["", { hostnam: "smtp.example.com" }],
    ["/hostname", { hostname: "smtp example" }],
    ["/image/pullPolicy", { image: { pullPolicy: "Sometimes" } }],
    ["/image/digest", { image: { digest: "sha256:12" } }],
    ["/config", { config: { LOG_LEVLE: "INFO" } }],
    ["/config", { config: { SMTP_PORT: "25" } }],
    ["/config", { config: { REDIS_URL: "redis://redis" } }],
    ["/config/LOG_LEVEL", { config: { LOG_LEVEL: ["INFO"] } }],
    ["/secret/values", { secret: { values: { LOG_LEVEL: "INFO" } } }],
    ["/ports/smtp/service", { ports: { smtp: { service: 70_000 } } }],
    ["/ports/extra/0", { ports: { extra: ["25"] } }],
    ["/service/type", { service: { type: "Ingress" } }],
    ["/service/loadBalancerSourceRanges/0", { service: { loadBalancerSourceRanges: ["192.0.2.1"] } }],
    ["/autoscaling/cpu", { autoscaling: { cpu: 0.7 } }],
    ["/autoscaling/memory", { autoscaling: { memory: 0 } }],
    ["/autoscaling/minReplicas", { autoscaling: { minReplicas: 0 } }],
    ["/podDisruptionBudget/minAvailable", { podDisruptionBudget: { minAvailable: "half" } }],
    ["/resources/limits/memory", { resources: { limits: { memory: "1 GB" } } }],
    ["/shutdown/delay", { shutdown: { delay: "5s" } }],
    ["/topologySpread/whenUnsatisfiable", { topologySpread: { whenUnsatisfiable: "Never" } }],
    ["/networkPolicy/apiTo/0/ipBlock/cidr", { networkPolicy: { apiTo: [{ ipBlock: { cidr: "everywhere" } }] } }],
    ["/networkPolicy/smtpFrom/0", { networkPolicy: { smtpFrom: [{}] } }],
    ["/serviceMonitor/interval", { serviceMonitor: { interval: "15" } }],
    ["/prometheusRule/runbooks", { prometheusRule: { runbooks: "runbooks.md" } }],
    ["/nameOverride", { nameOverride: "my.mail" }],
    ["/fullnameOverride", { fullnameOverride: "my.mail" }],
    ["/config", { config: { SANDBOX_MAX_MESSAGES: 5 } }],
    ["/config/LOG_LEVEL", { config: { LOG_LEVEL: "LOUD" } }],
    ["/config/MAX_RECIPIENTS", { config: { MAX_RECIPIENTS: -4 } }],
    ["/config/MAX_RECIPIENTS", { config: { MAX_RECIPIENTS: 1.5 } }],
    ["/config/CONNECTION_TIMEOUT", { config: { CONNECTION_TIMEOUT: "5 parsecs" } }],
    ["/config/CONNECTION_TIMEOUT", { config: { CONNECTION_TIMEOUT: 0 } }],
    ["/config/MESSAGE_SIZE_LIMIT", { config: { MESSAGE_SIZE_LIMIT: "25 MiBs of it" } }],
    ["/config/CAKEMAIL_API_URL", { config: { CAKEMAIL_API_URL: "http://api.cakemail.dev" } }],
    ["/config/CAKEMAIL_CREATE_SENDERS", { config: { CAKEMAIL_CREATE_SENDERS: "maybe" } }],
    ["/config/TRUSTED_NETWORKS", { config: { TRUSTED_NETWORKS: "the office" } }],
    ["/config/OTEL_TRACES_SAMPLER_ARG", { config: { OTEL_TRACES_SAMPLER_ARG: 2 } }],
    ["/service/loadBalancerSourceRanges/0", { service: { loadBalancerSourceRanges: ["999.0.2.0/24"] } }],
    ["/service/loadBalancerSourceRanges/0", { service: { loadBalancerSourceRanges: ["192.0.2.0/33"] } }],
    ["/podDisruptionBudget/minAvailable", { podDisruptionBudget: { minAvailable: "900%" } }],
    ["/livenessProbe/successThreshold", { livenessProbe: { successThreshold: 2 } }],
    ["/resources/requests/cpu", { resources: { requests: { cpu: "1..5" } } }],
    ["/tls/certificate/duration", { tls: { certificate: { duration: "90 days" } } }],
    ["/podLabels", { podLabels: { "app.kubernetes.io/name": "other" } }],
    ["/podAnnotations", { podAnnotations: { "checksum/config": "none" } }],
    ["/extraVolumes/0/name", { extraVolumes: [{ name: "tls", emptyDir: {} }] }],
    ["/extraVolumeMounts/0", { extraVolumeMounts: [{ name: "ca" }] }],
    ["/tolerations/0/operator", { tolerations: [{ operator: "Sometimes" }] }],
    ["/affinity", { affinity: { requiredDuringScheduling: [] } }],
    ["/networkPolicy/extraEgress/0", { networkPolicy: { extraEgress: [{ from: [] }] } }]
  ]
  for (const [where, values] of wrong) {
    it.live(`refuses ${JSON.stringify(values)}`, () =>
      Effect.gen(function* () {
        assert.include(yield* problems(values), where)
      })
    )
  }

  it("takes whatever text the gateway understands, and of numbers and switches those alone", () => {
    const texts = [SAMPLES.split(" | "), plainSettings.map(({ defaultText }) => defaultText)].flat()
    const numbers = [
      -1,
      0,
      0.005,
      0.01,
      0.5,
      1,
      2,
      10,
      60,
      101,
      1_000,
      1_024,
      10_001,
      10 ** 6,
      10 ** 8,
      10 ** 13,
      2 ** 60
    ]
    for (const setting of plainSettings) {
      const understands = (value: unknown) => Option.isSome(setting.decode(`${value}`))
      const passes = (value: unknown) => isValid({ ...defaults, ...HOSTNAME, config: { [setting.name]: value } })
      for (const text of texts) if (understands(text)) assert.isTrue(passes(text), `${setting.name}: "${text}"`)
      assert.isTrue(passes(""), `${setting.name}: nothing`)
      assert.isFalse(passes([]), setting.name)
      const typed = passes(true) ? [true, false] : numbers
      if (!typed.some(passes)) continue
      for (const value of typed) assert.strictEqual(passes(value), understands(value), `${setting.name}: ${value}`)
    }
  })

  it.live("leaves to the templates what is wrong only together, and they refuse it", () =>
    Effect.gen(function* () {
      const proxied = { "loadbalancer.openstack.org/proxy-protocol": "v2" }
      const together: ReadonlyArray<readonly [complaint: string, values: Table]> = [
        ["minReplicas is 5", { autoscaling: { minReplicas: 5, maxReplicas: 4 } }],
        ["no node could ever be drained", { podDisruptionBudget: { minAvailable: 2 } }],
        ["no node could ever be drained", { podDisruptionBudget: { minAvailable: "100%" } }],
        ["port 587 of the container", { ports: { extra: [587] } }],
        ["port 8080 of the container", { ports: { extra: [8080] } }],
        ["port 587 of the service", { ports: { smtps: { enabled: true, service: 587 } } }],
        ["ReadWriteMany", { deadLetters: { enabled: true, accessModes: ["ReadWriteOnce"] } }],
        ["renewed without end", { tls: { certificate: { create: true, renewBefore: "2160h" } } }],
        ["every connection would be cut", { service: { annotations: proxied } }]
      ]
      for (const [complaint, values] of together) {
        const refused = yield* Effect.exit(render({ values: [HOSTNAME, values] }))
        assert.include(`${Exit.isFailure(refused) && Cause.pretty(refused.cause)}`, complaint)
      }
      const named = yield* Effect.exit(render({ release: "1mail", values: [HOSTNAME] }))
      assert.include(`${Exit.isFailure(named) && Cause.pretty(named.cause)}`, "begin with a letter")
      yield* render({
        values: [HOSTNAME, { service: { annotations: proxied }, config: { PROXY_TRUSTED: "10.0.0.0/16" } }]
      })
    })
  )

  it.live("asks for a hostname, as the templates do", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.exit(render())
      assert.include(`${Exit.isFailure(failed) && Cause.pretty(failed.cause)}`, "hostname is required")
    })
  )

  it("asks for a hostname", () => {
    assert.isFalse(isValid(defaults))
    assert.deepStrictEqual([...new Set((isValid.errors ?? []).map(({ instancePath }) => instancePath))], ["/hostname"])
  })
})

describe("values.yaml", () => {
  it("explains every value where it stands", () => {
    const lines = readFileSync(`${CHART}/values.yaml`, "utf8").split("\n")
    let keys = 0
    lines.forEach((line, index) => {
      if (!/^ *[\w.-]+:( |$)/.test(line)) return
      keys++
      assert.match(lines[index - 1] ?? "", /^ *# /, `line ${index + 1}: ${line}`)
    })
    assert.isAbove(keys, 90)
  })
})
