/** Values of the chart: what they may be, and what the gateway makes of the settings among them. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Ajv } from "ajv"
import { Cause, ConfigProvider, Effect, Exit } from "effect"
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
import { SCHEMA_PATH } from "./writeChartSettings.ts"

describe.runIf(withRenderer)("settings", () => {
  /** What the gateway makes of the environment that the chart gives it. */
  const settingsOf = ({ manifests, only }: Rendering) => {
    const environment = {
      ...table(only("ConfigMap", `${only("Deployment").metadata.name}-config`).data),
      ...table(manifests.find(({ kind }) => kind === "Secret")?.["stringData"] ?? {})
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
      const { manifests } = yield* render(chartCases["everything on"])
      const holders = manifests.filter((each) => JSON.stringify(each).includes("hunter2")).map(({ kind }) => kind)
      assert.deepStrictEqual(holders, ["Secret"])
    })
  )
})

describe.runIf(withRenderer)("values.schema.json", () => {
  const isValid = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(SCHEMA_PATH, "utf8"))
  )

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
    ["/autoscaling/minReplicas", { autoscaling: { minReplicas: 0 } }],
    ["/podDisruptionBudget/minAvailable", { podDisruptionBudget: { minAvailable: "half" } }],
    ["/resources/limits/memory", { resources: { limits: { memory: "1 GB" } } }],
    ["/shutdown/delay", { shutdown: { delay: "5s" } }],
    ["/topologySpread/whenUnsatisfiable", { topologySpread: { whenUnsatisfiable: "Never" } }],
    ["/networkPolicy/apiTo/0/ipBlock/cidr", { networkPolicy: { apiTo: [{ ipBlock: { cidr: "everywhere" } }] } }],
    ["/networkPolicy/smtpFrom/0", { networkPolicy: { smtpFrom: [{}] } }],
    ["/serviceMonitor/interval", { serviceMonitor: { interval: "15" } }],
    ["/prometheusRule/runbooks", { prometheusRule: { runbooks: "runbooks.md" } }]
  ]
  for (const [where, values] of wrong) {
    it.live(`refuses ${JSON.stringify(values)}`, () =>
      Effect.gen(function* () {
        assert.include(yield* problems(values), where)
      })
    )
  }

  it.live("asks for a hostname, as the templates do", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.exit(render())
      assert.include(`${Exit.isFailure(failed) && Cause.pretty(failed.cause)}`, "hostname is required")
    })
  )

  it("asks for a hostname", () => {
    assert.isFalse(isValid({ ...parse(readFileSync(`${CHART}/values.yaml`, "utf8")) }))
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
