/** The chart, rendered as Helm would. */
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseAllDocuments } from "yaml"
import { runProgram, withClient } from "../kit/ClientProgram.ts"

export const CHART = "deploy/helm/smtp-gateway"

/** For `describe.runIf`. */
export const withRenderer = withClient(
  "Go with sprig",
  "sh",
  "-c",
  "go version && test -d /usr/share/gocode/src/sigs.k8s.io/yaml && test -d /usr/share/gocode/src/github.com/Masterminds/sprig"
)

/** A table of YAML or JSON. */
export type Table = Readonly<Record<string, unknown>>

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

export interface Rendering {
  readonly manifests: ReadonlyArray<Manifest>
  readonly notes: string
  /** The one manifest of its kind, or the one of that name. */
  readonly only: (kind: string, name?: string) => Manifest
}

export interface RenderOptions {
  /** The first lies over values.yaml, the next over that. */
  readonly values?: ReadonlyArray<Table>
  readonly release?: string
  readonly kubeVersion?: string
  /** A value that is missing is an error. */
  readonly strict?: boolean
}

/** Debian's golang-go, golang-github-masterminds-sprig-dev and golang-k8s-sigs-yaml-dev. */
const program = Effect.runSync(
  Effect.cached(
    Effect.sync(() => {
      const built = join(mkdtempSync(join(tmpdir(), "chart-test-")), "render")
      execFileSync("go", ["build", "-o", built, "."], {
        cwd: "test/deploy/render",
        env: { ...process.env, GO111MODULE: "off", GOPATH: "/usr/share/gocode", GOFLAGS: "" }
      })
      return built
    })
  )
)

/** What the template engine makes of the chart; dies of its complaint. */
const execute = Effect.fnUntraced(function* (options: RenderOptions) {
  const request = {
    chart: CHART,
    release: options.release ?? "smtp-gateway",
    namespace: "cakemail-smtp",
    kubeVersion: options.kubeVersion ?? "v1.33.0",
    values: options.values ?? [],
    strict: options.strict ?? false
  }
  const { code, stderr, stdout } = yield* runProgram(yield* program, [], { input: JSON.stringify(request) })
  if (code !== 0) return yield* Effect.die(new Error(stderr))
  return JSON.parse(stdout) as { readonly Rendered: Readonly<Record<string, string>>; readonly Values: Table }
})

/** What the templates are given: values.yaml and what lies over it. */
export const mergedValues = (options: RenderOptions) => Effect.map(execute(options), ({ Values }) => Values)

export const render = (options: RenderOptions = {}) =>
  Effect.map(execute(options), ({ Rendered }): Rendering => {
    const manifests = Object.entries(Rendered)
      .filter(([path]) => path.endsWith(".yaml"))
      .flatMap(([path, text]) => parseManifests(text, path))
    return {
      manifests,
      notes: Rendered["templates/NOTES.txt"] ?? "",
      only: (kind, name) => {
        const found = manifests.filter(
          (each) => each.kind === kind && (name ?? each.metadata.name) === each.metadata.name
        )
        if (found.length !== 1) throw new Error(`${found.length} of ${kind} ${name ?? ""}`)
        return found[0]!
      }
    }
  })

/** As Kubernetes reads YAML: 1.1, keys once. */
export const parseManifests = (text: string, path: string): ReadonlyArray<Manifest> =>
  parseAllDocuments(text, { version: "1.1" }).flatMap((document) => {
    const [problem] = [...document.errors, ...document.warnings]
    if (problem !== undefined) throw new Error(`${path}: ${problem.message}\n${text}`)
    const manifest = document.toJS() as Manifest | null
    return manifest === null ? [] : [manifest]
  })

/** What stands at a path such as `spec.ports.0.name`; `undefined` when there is nothing. */
export const at = (value: unknown, path: string): unknown =>
  path
    .split(".")
    .reduce((inner, key) => (typeof inner === "object" && inner !== null ? (inner as Table)[key] : undefined), value)

export const list = (value: unknown): ReadonlyArray<Table> => (Array.isArray(value) ? value : [])

export const table = (value: unknown): Table => value as Table

/** Where the one container of the Deployment is. */
export const CONTAINER = "spec.template.spec.containers.0"

export const podLabels = ({ only }: Rendering): unknown => at(only("Deployment"), "spec.template.metadata.labels")

/** Whether labels meet a set of matchLabels that is not empty. */
export const selects = (selector: unknown, labels: unknown): boolean => {
  const wanted = Object.entries(table(selector))
  return wanted.length > 0 && wanted.every(([name, value]) => table(labels)[name] === value)
}
