/** The alerts of deploy/prometheus: each fires when it must and not when it must not, and has its runbook. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { globSync, readFileSync } from "node:fs"
import { parse } from "yaml"
import { runProgram, withClient } from "../kit/ClientProgram.ts"

const read = (path: string): string => readFileSync(path, "utf8")

const Alert = Schema.Struct({
  alert: Schema.String,
  expr: Schema.String,
  labels: Schema.Struct({ severity: Schema.Literals(["critical", "warning"]), window: Schema.optional(Schema.String) }),
  annotations: Schema.Struct({ summary: Schema.String, description: Schema.String, runbook_url: Schema.String })
})

const Recording = Schema.Struct({ record: Schema.String, expr: Schema.String })

const Rules = Schema.Struct({
  groups: Schema.Array(Schema.Struct({ name: Schema.String, rules: Schema.Array(Schema.Union([Alert, Recording])) }))
})

const Cases = Schema.Struct({
  tests: Schema.Array(
    Schema.Struct({
      alert_rule_test: Schema.Array(
        Schema.Struct({ alertname: Schema.String, exp_alerts: Schema.Array(Schema.Unknown) })
      )
    })
  )
})

const { groups } = Schema.decodeUnknownSync(Rules)(parse(read("deploy/prometheus/smtp-gateway.rules.yaml")))

const alerts = groups.flatMap(({ rules }) => rules.filter((rule) => "alert" in rule))

const names = [...new Set(alerts.map(({ alert }) => alert))]

describe("each alert", () => {
  const page = read("docs/operations.md")

  const paragraphs = new Map(
    page
      .split(/^### /m)
      .slice(1)
      .map((text) => [text.slice(0, text.indexOf("\n")), text])
  )

  it("leads to its paragraph in the runbook", () => {
    for (const { alert, annotations } of alerts) {
      const [address = "", anchor] = annotations.runbook_url.split("#")
      assert.match(address, /^https:\/\/.+\/docs\/operations\.md$/)
      assert.strictEqual(anchor, alert.toLowerCase())
    }
  })

  it("is explained there: what it means, what to look at, what to do", () => {
    for (const name of names) {
      const text = paragraphs.get(name)
      assert.isDefined(text, name)
      for (const part of ["Means", "Look at", "Do"]) assert.include(text, `**${part}.**`, name)
      assert.match(text ?? "", /^- \S/m, name)
    }
    assert.deepStrictEqual(
      [...paragraphs.keys()].filter((name) => name.startsWith("SmtpGateway")),
      names.toSorted((one, other) => page.indexOf(`### ${one}`) - page.indexOf(`### ${other}`)),
      "and no other is"
    )
  })

  it("says in one line what is wrong", () => {
    for (const { alert, annotations } of alerts) {
      assert.match(annotations.summary, /^[A-Z][^.{]+$/, alert)
      assert.match(annotations.description, /\.$/, alert)
    }
  })

  it("has a case in which it fires, and one in which it does not", () => {
    const cases = globSync("deploy/prometheus/*.test.yaml").flatMap((path) =>
      Schema.decodeUnknownSync(Cases)(parse(read(path))).tests.flatMap((test) => test.alert_rule_test)
    )
    for (const name of names) {
      const expected = cases.filter(({ alertname }) => alertname === name).map((each) => each.exp_alerts.length)
      assert.isTrue(
        expected.some((count) => count > 0),
        `${name} must fire`
      )
      assert.isTrue(expected.includes(0), `${name} must not fire`)
    }
    for (const { alertname } of cases) assert.include(names, alertname)
  })

  it("that the gateway needs is there", () => {
    assert.includeMembers(names, [
      "SmtpGatewayErrorRateHigh",
      "SmtpGatewayLatencyHigh",
      "SmtpGatewayCircuitOpen",
      "SmtpGatewayRestarted",
      "SmtpGatewayCertificateEndsIn14Days",
      "SmtpGatewayCertificateEndsIn7Days",
      "SmtpGatewayCertificateExpired",
      "SmtpGatewayObjectiveBurnsFast",
      "SmtpGatewayMessageBudgetHigh",
      "SmtpGatewayLoginFailures",
      "SmtpGatewayEventLoopSlow",
      "SmtpGatewayLogLinesDropped",
      "SmtpGatewayTargetDown",
      "SmtpGatewayDown"
    ])
  })
})

describe("the runbook", () => {
  it("names events and fields of the log that there are", () => {
    const sources = globSync("src/**/*.ts").map(read).join("\n")
    for (const [, name = ""] of read("docs/operations.md").matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)) {
      if (/^(?:smtp|tls|nodejs|process|container)_/.test(name) || name === "runbook_url") continue
      assert.match(sources, new RegExp(`\\b${name}\\b`), name)
    }
  })
})

describe.runIf(withClient("Prometheus", "promtool", "--version"))("promtool", () => {
  const promtool = (...args: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runProgram("promtool", args, { directory: "deploy/prometheus" })
      assert.strictEqual(code, 0, `${stdout}${stderr}`)
      return stdout
    })

  it.live("finds nothing wrong with the rules", () =>
    Effect.gen(function* () {
      const rules = groups.reduce((sum, group) => sum + group.rules.length, 0)
      assert.include(yield* promtool("check", "rules", "--lint-fatal", "smtp-gateway.rules.yaml"), `${rules} rules`)
    })
  )

  it.live("finds nothing wrong with prometheus.yaml", () =>
    promtool("check", "config", "--lint=none", "prometheus.yaml")
  )

  for (const cases of globSync("*.test.yaml", { cwd: "deploy/prometheus" })) {
    it.live(
      `has each alert fire when it must, and only then: ${cases}`,
      () => promtool("test", "rules", cases),
      120_000
    )
  }
})
