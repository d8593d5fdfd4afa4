/** Every manifest is one that Kubernetes would take: by the schemas of its API and of the operators', and by their types. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runProgram } from "../kit/ClientProgram.ts"
import { type Manifest, parseManifests, render, withRenderer } from "./Chart.ts"
import { chartCases } from "./chartCases.ts"

/** Packages with the API's models, by its group. */
const MODELS: Readonly<Record<string, string>> = {
  "cert-manager.io": "@kubernetes-models/cert-manager",
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator"
}

const modelOf = ({ apiVersion, kind }: Manifest): string =>
  `${MODELS[apiVersion.split("/")[0] ?? ""] ?? "kubernetes-models"}/${apiVersion}/${kind}`

/** Fails with the path that is wrong. */
const validate = (manifest: Manifest) =>
  Effect.promise(async () => {
    const models = (await import(modelOf(manifest))) as Readonly<
      Record<string, new (data: Manifest) => { readonly validate: () => void }>
    >
    const Model = models[manifest.kind]
    assert.isDefined(Model, manifest.kind)
    new Model(manifest).validate()
  })

/** The compiler knows what the schemas do not say: which fields there are. */
const compile = (manifests: ReadonlyArray<Manifest>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync("node_modules/.manifests-")),
    (folder) => {
      const file = join(folder, "manifests.ts")
      const kinds = new Map(manifests.map((manifest) => [manifest.kind, modelOf(manifest)]))
      const imports = [...kinds].map(([kind, model]) => `import type { I${kind} } from ${JSON.stringify(model)}`)
      const values = manifests.map((each, index) => `export const m${index}: I${each.kind} = ${JSON.stringify(each)}`)
      writeFileSync(file, [...imports, ...values].join("\n"))
      const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024"]
      return runProgram("node_modules/.bin/tsc", ["--ignoreConfig", ...options, file])
    },
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/

const hasNoStrayValues = (manifest: Manifest): void => {
  const text = JSON.stringify(manifest)
  assert.notMatch(text, /<no value>|<nil>|map\[|%!|e\+\d\d"/, manifest.metadata.name)
}

describe.runIf(withRenderer)("the manifests of the chart", () => {
  for (const [name, options] of Object.entries(chartCases)) {
    it.live(`${name}: valid`, () =>
      Effect.gen(function* () {
        const { manifests } = yield* render(options)
        assert.isAbove(manifests.length, 3)
        yield* Effect.forEach(manifests, validate)
        const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
        assert.strictEqual(new Set(names).size, names.length)
        for (const manifest of manifests) {
          assert.match(manifest.metadata.name, DNS_LABEL)
          assert.notProperty(manifest.metadata, "namespace", "it is the release's")
          for (const value of Object.values(manifest.metadata.labels ?? {})) assert.match(value, LABEL_VALUE)
          hasNoStrayValues(manifest)
        }
      })
    )

    it.live(`${name}: asks for no value that is missing`, () =>
      Effect.map(render({ ...options, strict: true }), ({ manifests }) => assert.isNotEmpty(manifests))
    )
  }

  it.live(
    "have no field that does not exist",
    () =>
      Effect.gen(function* () {
        const rendered = yield* Effect.forEach(Object.values(chartCases), render)
        const { code, stdout } = yield* compile(rendered.flatMap(({ manifests }) => manifests))
        assert.strictEqual(code, 0, stdout)
      }),
    120_000
  )
})

describe("the manifests that are applied by hand", () => {
  const files = [...globSync("deploy/cert-manager/*.yaml").toSorted(), "deploy/helm/replay-job.yaml"]
  const manifests = files.flatMap((path) => parseManifests(readFileSync(path, "utf8"), path))

  it.live("are valid, and have no field that does not exist", () =>
    Effect.gen(function* () {
      assert.lengthOf(manifests, 5)
      yield* Effect.forEach(manifests, validate)
      const { code, stdout } = yield* compile(manifests)
      assert.strictEqual(code, 0, stdout)
    })
  )
})

describe("this check", () => {
  const service = (spec: object): Manifest => ({ apiVersion: "v1", kind: "Service", metadata: { name: "a" }, spec })

  it.live(
    "would notice a value of a wrong type, a field that does not exist and one that is not among the choices",
    () =>
      Effect.gen(function* () {
        const mistyped = yield* Effect.exit(validate(service({ ports: [{ port: "587" }] })))
        assert.isTrue(Exit.isFailure(mistyped))
        const { code, stdout } = yield* compile([
          service({ ports: [{ port: 587, target: "smtp" }] }),
          service({ sessionAffinity: "Never" }),
          service({ ports: [{ port: 587 }] })
        ])
        assert.notStrictEqual(code, 0)
        assert.include(stdout, `'"target"' does not exist`)
        assert.notInclude(stdout, "manifests.ts(4,")
      })
  )
})
