/** The dashboard of deploy/grafana by itself: whether it is whole, and whether people can find their way on it. */
import { assert, describe, it } from "@effect/vitest"
import { parser as logql } from "@grafana/lezer-logql"
import { parser as traceql } from "@grafana/lezer-traceql"
import type { LRParser } from "@lezer/lr"
import { globSync, readFileSync } from "node:fs"
import { parse } from "yaml"
import { asText, PATH } from "../../deploy/grafana/dashboard/write.ts"
import { DASHBOARD_PATH, dashboardText, readDashboard, shownPanels } from "../kit/grafanaDashboard.ts"

const dashboard = readDashboard()

const panels = shownPanels(dashboard)

/** Given by Grafana itself. */
const BUILT_IN = /^__(?:all|rate_interval|range|from|to|data\.fields\.\w+|field\.labels\.\w+|value\.raw)$/

describe("the dashboard", () => {
  it("is what `npm run dashboard` writes, which Grafana's own types hold to its schema", () => {
    assert.strictEqual(PATH, DASHBOARD_PATH)
    assert.isTrue(asText() === dashboardText(), "run npm run dashboard")
  })

  it("has an id of its own for every panel, and a title of its own", () => {
    const ids = dashboard.panels.flatMap(({ id, panels = [] }) => [id, ...panels.map((panel) => panel.id)])
    assert.strictEqual(new Set(ids).size, ids.length)
    const titles = panels.map(({ title }) => title)
    assert.deepStrictEqual(
      titles.filter((title, index) => titles.indexOf(title) !== index),
      []
    )
  })

  it("says what each panel means, and in which unit", () => {
    for (const { description, fieldConfig, title, type } of panels) {
      assert.isAbove(description?.length ?? 0, 2, title)
      if (type !== "logs" && !title.startsWith("Traces")) assert.isDefined(fieldConfig?.defaults.unit, title)
    }
  })

  it("fits the grid, and no panel lies on another", () => {
    for (const level of [dashboard.panels, ...dashboard.panels.map((row) => row.panels ?? [])]) {
      const taken = new Map<string, string>()
      for (const { gridPos, title } of level) {
        assert.isAtLeast(gridPos.x, 0, title)
        assert.isAtMost(gridPos.x + gridPos.w, 24, title)
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            assert.isUndefined(taken.get(`${x} ${y}`), `${title} lies on ${taken.get(`${x} ${y}`)}`)
            taken.set(`${x} ${y}`, title)
          }
        }
      }
    }
  })

  it("leaves no gap in a line, nor between lines", () => {
    const area = (of: ReadonlyArray<{ readonly gridPos: { readonly w: number; readonly h: number } }>) =>
      of.reduce((sum, { gridPos }) => sum + gridPos.w * gridPos.h, 0)
    const end = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h))
    assert.strictEqual(area(dashboard.panels), 24 * end)
  })

  it("has the panels that the architecture asks for", () => {
    assert.includeMembers(
      panels.map(({ title }) => title),
      [
        "Mails an hour",
        "Instances",
        "Error rate",
        "From end of data to reply",
        "Open connections",
        "Calls that succeed",
        "Top errors in the last hour",
        "Circuit by instance",
        "Message bytes",
        "Logins that are remembered",
        "Event loop lag",
        "Days until the certificate ends",
        "Defects and lost log lines",
        "Refused by a limit",
        "Logins that fail",
        "CPU"
      ]
    )
  })

  it("has the panels that the runbook speaks of", () => {
    const titles = panels.map(({ title }) => title)
    const rows = dashboard.panels.filter(({ type }) => type === "row").map(({ title }) => title)
    const named = [...readFileSync("docs/operations.md", "utf8").matchAll(/(?<!\*)\*([^*\n]+)\*(?!\*)/g)]
    assert.isAbove(named.length, 10)
    for (const [, name] of named) assert.include([...titles, ...rows], name)
  })

  it("asks a source that is chosen at the top, under ids that differ", () => {
    const chosen = { prometheus: "${metrics}", loki: "${logs}", tempo: "${traces}" }
    for (const { targets = [], title } of panels) {
      assert.isAbove(targets.length, 0, title)
      assert.strictEqual(new Set(targets.map(({ refId }) => refId)).size, targets.length, title)
      for (const { datasource } of targets) assert.propertyVal(chosen, datasource.type, datasource.uid, title)
    }
  })

  it("uses every variable that it has, and no other", () => {
    const known = dashboard.templating.list.map(({ name }) => name)
    const used = new Set<string>()
    for (const [, braced, bare] of dashboardText().matchAll(/\$\{([\w.]+)(?::\w+)?\}|\$(\w+)/g)) {
      const name = braced ?? bare ?? ""
      if (BUILT_IN.test(name)) continue
      assert.include(known, name)
      used.add(name)
    }
    assert.deepStrictEqual([...used].toSorted(), known.toSorted())
  })
})

describe("its links", () => {
  const links = [
    ...dashboard.links,
    ...panels.flatMap(({ fieldConfig, links = [] }) => [...links, ...(fieldConfig?.defaults.links ?? [])])
  ]

  const sources = globSync("src/**/*.ts")
    .map((path) => readFileSync(path, "utf8"))
    .join("\n")

  const explored = links.flatMap(({ title, url }) => {
    if (!url.startsWith("/explore?")) return []
    const { pane } = JSON.parse(new URLSearchParams(url.slice("/explore?".length)).get("panes") ?? "{}") as {
      readonly pane: {
        readonly datasource: string
        readonly queries: ReadonlyArray<{ readonly expr?: string; readonly query?: string }>
        readonly range: unknown
      }
    }
    return [{ title, ...pane, text: pane.queries.map(({ expr, query }) => expr ?? query ?? "").join() }]
  })

  it("lead to the log and to the traces of the same time, or to a paragraph of the runbook", () => {
    assert.isAbove(explored.filter(({ datasource }) => datasource === "${logs}").length, 10)
    assert.isAbove(explored.filter(({ datasource }) => datasource === "${traces}").length, 3)
    for (const { range } of explored) assert.deepStrictEqual(range, { from: "${__from}", to: "${__to}" })
    const runbook = readFileSync("docs/operations.md", "utf8").toLowerCase()
    const others = links.filter(({ url }) => !url.startsWith("/explore?"))
    assert.isAbove(others.length, 10)
    for (const { url } of others) {
      assert.match(url, /^\$\{runbook\}(?:#\w+)?$/)
      const [, anchor] = url.split("#")
      if (anchor !== undefined) assert.include(runbook, `### ${anchor}\n`)
    }
  })

  const filled = (query: string): string =>
    query
      .replaceAll("${namespace:pipe}", ".*")
      .replaceAll("${pod:pipe}", "smtp-gateway-1|smtp-gateway-2")
      .replace(/\$\{[\w.]+\}/g, "x")

  const mistakes = (parser: LRParser, query: string): number => {
    let found = 0
    parser.parse(query).iterate({
      enter: ({ type }) => {
        if (type.isError) found++
      }
    })
    return found
  }

  it("are LogQL and TraceQL, and so is what panels ask Loki and Tempo", () => {
    const ofPanels = panels.flatMap(({ targets = [] }) => targets)
    const logs = [
      ...explored.filter(({ datasource }) => datasource === "${logs}").map(({ text }) => text),
      ...ofPanels.filter(({ datasource }) => datasource.type === "loki").map(({ expr = "" }) => expr)
    ]
    const traces = [
      ...explored.filter(({ datasource }) => datasource === "${traces}").map(({ text }) => text),
      ...ofPanels.filter(({ datasource }) => datasource.type === "tempo").map(({ query = "" }) => query)
    ]
    for (const query of logs) assert.strictEqual(mistakes(logql, filled(query)), 0, query)
    for (const query of traces) assert.strictEqual(mistakes(traceql, filled(query)), 0, query)
    assert.isAbove(mistakes(logql, '{pod="a"} | json | event=~'), 0, "a mistake is found")
    assert.isAbove(mistakes(traceql, "{ name = }"), 0, "a mistake is found")
  })

  it("name a label that every line has, or Loki refuses them when all instances are chosen", () => {
    for (const { datasource, text } of explored) if (datasource === "${logs}") assert.include(text, 'pod=~".+"')
  })

  it("ask for events and fields that there are", () => {
    const events = explored.flatMap(({ text }) => /event=~"([^"]+)"/.exec(text)?.[1]?.split("|") ?? [])
    assert.isAbove(events.length, 10)
    for (const event of events) assert.match(sources, new RegExp(`log(?:Debug|Info|Warning|Error)\\(\\s*"${event}"`))
    const fields = explored.flatMap(({ text }) =>
      [...text.matchAll(/\| (\w+)(?:=|>| > )/g)].map(([, field = ""]) => field)
    )
    assert.include(fields, "error_type")
    for (const field of fields) if (field !== "event") assert.match(sources, new RegExp(`\\b${field}: `), field)
  })

  it("ask for spans and attributes that there are", () => {
    const asked = [
      ...explored.filter(({ datasource }) => datasource === "${traces}").map(({ text }) => text),
      ...panels.flatMap(({ targets = [] }) => targets.map(({ query = "" }) => query))
    ].join("\n")
    const names = [...asked.matchAll(/\bname = "([^"]+)"/g)].map(([, name = ""]) => `"${name}"`)
    assert.includeMembers(names, ['"SMTP message"', '"authenticate"'])
    for (const name of names) assert.include(sources, name)
    const attributes = [...asked.matchAll(/\bspan\.([\w.]+)/g)].map(([, name = ""]) => name)
    assert.includeMembers(attributes, ["smtp.reference", "correlation_id", "cakemail.email.id", "messaging.message.id"])
    for (const name of attributes) assert.match(sources, new RegExp(`\\b${name.replaceAll(".", "\\.")}\\b"?:`), name)
  })
})

describe("what Grafana reads at start", () => {
  it("is YAML of version 1, with sources of the kinds that the dashboard asks for", () => {
    const files = globSync("deploy/grafana/provisioning/**/*.yaml")
    assert.strictEqual(files.length, 2)
    for (const path of files) assert.propertyVal(parse(readFileSync(path, "utf8")), "apiVersion", 1)
    const sources: unknown = parse(readFileSync("deploy/grafana/provisioning/datasources/datasources.yaml", "utf8"))
    assert.containSubset(sources, { datasources: [{ type: "prometheus" }, { type: "loki" }, { type: "tempo" }] })
  })
})
