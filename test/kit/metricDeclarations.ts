/** The metrics that the source declares, read from its text: what documentation and dashboards are compared with. */
import { globSync, readFileSync } from "node:fs"

export interface MetricDeclaration {
  readonly name: string
  readonly type: string
  /** The closed list of each label. */
  readonly labels: Readonly<Record<string, ReadonlyArray<string>>>
  readonly buckets: ReadonlyArray<number>
}

const DECLARATION =
  /\.(counter|gauge|histogram)\(\{\s*name: "(\w+)",\s*help:\s*"[^"]*",\s*labels: \{([^{}]*)\}(?:,\s*buckets: \[([^\]]*)\])?/g

const LABEL = /(\w+): (?:\[([^\]]*)\]|([A-Z_]+))/g

const listed = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((item) => item.replace(/["\s]/g, ""))
    .filter((item) => item !== "")

/** What a constant of the same file holds. */
const constant = (source: string, name: string): string =>
  new RegExp(`const ${name}\\b[^=]*= \\[([^\\]]*)\\]`).exec(source)?.[1] ?? ""

const declarationsIn = (source: string): ReadonlyArray<MetricDeclaration> =>
  [...source.matchAll(DECLARATION)].map(([, type = "", name = "", labels = "", buckets = ""]) => ({
    name,
    type,
    labels: Object.fromEntries(
      [...labels.matchAll(LABEL)].map(([, label, values, reference]) => [
        label,
        listed(values ?? constant(source, reference ?? ""))
      ])
    ),
    buckets: listed(buckets).map((bucket) => Number(bucket.replaceAll("_", "")))
  }))

const sources = globSync("src/**/*.ts").map((path) => readFileSync(path, "utf8"))

/** Of all of src, in no order. */
export const metricDeclarations: ReadonlyArray<MetricDeclaration> = sources.flatMap(declarationsIn)

/** Every name in the source that looks like a metric's, however it is declared. */
export const metricNames: ReadonlySet<string> = new Set(
  sources.flatMap((source) =>
    [...source.matchAll(/name: "((?:smtp|tls|api|db|queue)_\w+)"/g)].map(([, name = ""]) => name)
  )
)
