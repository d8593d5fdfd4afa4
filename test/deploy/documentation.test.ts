/** What the guides tell an operator to type and to set. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { parse } from "yaml"
import { at, CHART, type Table } from "./Chart.ts"

const PAGES = ["deployment", "operations", "security", "troubleshooting"].map((name) => `docs/${name}.md`)

const values = parse(readFileSync(`${CHART}/values.yaml`, "utf8")) as Table

const MADE_BY_THE_OPERATOR = new Set(["deploy/compose/tls", "deploy/compose/grafana-password"])

/** Values that are tables of whatever the operator puts there. */
const OPEN = new Set(["config", "secret.values"])

const isValue = (path: string): boolean =>
  at(values, path) !== undefined || [...OPEN].some((open) => path.startsWith(`${open}.`))

for (const page of PAGES) {
  describe(page, () => {
    const text = readFileSync(page, "utf8")

    it("names values that the chart has", () => {
      const tops = Object.keys(values).filter((name) => typeof values[name] === "object" && values[name] !== null)
      const named = [...text.matchAll(new RegExp(`\`((?:${tops.join("|")})\\.[a-zA-Z.]+)`, "g"))]
      for (const [, path = ""] of named)
        if (!path.startsWith("tls.crt") && !path.startsWith("tls.key")) assert.isTrue(isValue(path), path)
      if (page !== "docs/operations.md") assert.isNotEmpty(named)
    })

    it("has commands that a shell can read, and files that are there", () => {
      for (const [, block = ""] of text.matchAll(/^ *```sh\n(.*?)^ *```$/gms)) {
        execFileSync("bash", ["-n"], { input: block.replaceAll(/<[\w-]+>/g, "x") })
        // Beside Kubernetes' short name of a Deployment, deploy/name.
        for (const [path] of block.matchAll(/\bdeploy\/(?:helm|cert-manager|compose|systemd)\/[\w./-]+/g)) {
          if (!MADE_BY_THE_OPERATOR.has(path)) assert.isTrue(existsSync(path), path)
        }
      }
    })
  })
}

describe("docs/deployment.md", () => {
  it("installs an image that the pipeline has pushed", () => {
    const text = readFileSync("docs/deployment.md", "utf8")
    const [install = ""] = /helm upgrade smtp-gateway .*?\n```/s.exec(text) ?? []
    assert.include(install, `--set-string image.tag="$(git rev-parse HEAD)"`)
    assert.include(readFileSync(".github/workflows/docker.yml", "utf8"), `docker push "$IMAGE:$GITHUB_SHA"`)
  })
})

describe("docs/security.md", () => {
  it("shows a test for every control, or says that there is none", () => {
    const rows = [...readFileSync("docs/security.md", "utf8").matchAll(/^\| [^|]+ \| [^|]+ \| ([^|]+) \|$/gm)]
    const shown = rows.map(([, cell = ""]) => cell).filter((cell) => cell.includes("test/") || cell === "–")
    assert.isAbove(shown.length, 25)
    for (const [path] of shown.join().matchAll(/test\/[\w./]+/g)) assert.isTrue(existsSync(path), path)
    for (const cell of shown) assert.match(cell, /^(–|(`test\/[\w./]+`( \([^)]+\))?(, )?)+)$/)
    assert.isAtMost(shown.filter((cell) => cell === "–").length, 3)
  })
})
