/**
 * Debian's Prometheus on a free port of 127.0.0.1, with the configuration and the rules of deploy/prometheus; it asks its
 * targets four times a second. What it knows ends with the scope.
 */
import { Effect, Schema } from "effect"
import { spawn } from "node:child_process"
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "./freePort.ts"
import { eventually } from "./SandboxKit.ts"

export interface Target {
  /** Host and port. */
  readonly address: string
  readonly labels: Readonly<Record<string, string>>
}

const Answer = <Data extends Schema.Top>(data: Data) => Schema.Struct({ status: Schema.Literal("success"), data })

const Sample = Schema.Tuple([Schema.Finite, Schema.String])

const Series = Schema.Struct({ metric: Schema.Record(Schema.String, Schema.String), values: Schema.Array(Sample) })

const QueryRange = Answer(Schema.Struct({ result: Schema.Array(Series) }))

const Names = Answer(Schema.Array(Schema.String))

const Rules = Answer(
  Schema.Struct({
    groups: Schema.Array(
      Schema.Struct({
        rules: Schema.Array(
          Schema.Struct({
            name: Schema.String,
            health: Schema.String,
            lastError: Schema.optional(Schema.String),
            state: Schema.optional(Schema.String)
          })
        )
      })
    )
  })
)

/** One line of a diagram. */
export interface Course {
  readonly labels: Readonly<Record<string, string>>
  /** Oldest first. */
  readonly values: ReadonlyArray<number>
}

const SCRAPES_A_SECOND = 4

export const startPrometheus = Effect.fnUntraced(function* (targets: ReadonlyArray<Target>) {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "prometheus-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const configuration = readFileSync("deploy/prometheus/prometheus.yaml", "utf8")
  writeFileSync(join(directory, "prometheus.yaml"), configuration.replaceAll("15s", `${1000 / SCRAPES_A_SECOND}ms`))
  copyFileSync("deploy/prometheus/smtp-gateway.rules.yaml", join(directory, "smtp-gateway.rules.yaml"))
  // JSON is YAML.
  writeFileSync(
    join(directory, "targets.yaml"),
    JSON.stringify(targets.map(({ address, labels }) => ({ targets: [address], labels })))
  )
  const port = yield* freePort
  const url = `http://127.0.0.1:${port}`
  let complaints = ""
  let gone = false
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const started = spawn(
        "prometheus",
        [
          "--config.file=prometheus.yaml",
          "--storage.tsdb.path=data",
          `--web.listen-address=127.0.0.1:${port}`,
          "--log.level=warn"
        ],
        { cwd: directory, stdio: ["ignore", "ignore", "pipe"] }
      )
      started.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()))
      started.once("close", () => (gone = true))
      return started
    }),
    (started) =>
      Effect.callback<void>((resume) => {
        if (gone) return resume(Effect.void)
        started.once("close", () => resume(Effect.void))
        started.kill("SIGKILL")
      })
  )

  const get = (path: string, parameters: Readonly<Record<string, string>> = {}): Effect.Effect<unknown> =>
    Effect.promise(async () => (await fetch(`${url}${path}?${new URLSearchParams(parameters)}`)).json())

  yield* eventually(
    Effect.promise(async () => {
      if (gone) throw new Error(`Prometheus ended: ${complaints}`)
      return fetch(`${url}/-/ready`).then(
        ({ status }) => status === 200,
        () => false
      )
    })
  )

  /** What a diagram of the last five minutes shows. Dies, with what Prometheus says of it, when the query is wrong. */
  const courses = (query: string): Effect.Effect<ReadonlyArray<Course>> =>
    Effect.gen(function* () {
      const end = Math.ceil(Date.now() / 1000)
      const answer = yield* get("/api/v1/query_range", { query, start: `${end - 300}`, end: `${end}`, step: "1" })
      const { data } = yield* Schema.decodeUnknownEffect(QueryRange)(answer).pipe(
        Effect.mapError(() => new Error(`${query}: ${JSON.stringify(answer)}`)),
        Effect.orDie
      )
      return data.result.map(({ metric, values }) => ({
        labels: metric,
        values: values.map(([, value]) => Number(value))
      }))
    })

  return {
    courses,

    /** The last value of the only series that the query gives; `undefined` while there is none. */
    value: (query: string): Effect.Effect<number | undefined> =>
      Effect.map(courses(query), (found) => {
        if (found.length > 1) throw new Error(`${query} gives ${found.length} series`)
        return found[0]?.values.at(-1)
      }),

    /** Values of a label, of the series that the selector names. */
    labelValues: (label: string, selector: string): Effect.Effect<ReadonlyArray<string>> =>
      Effect.gen(function* () {
        const answer = yield* get(`/api/v1/label/${label}/values`, { "match[]": selector })
        return (yield* Effect.orDie(Schema.decodeUnknownEffect(Names)(answer))).data
      }),

    /** All rules, alerting and recording, as they stand. */
    rules: Effect.gen(function* () {
      const answer = yield* Effect.orDie(Schema.decodeUnknownEffect(Rules)(yield* get("/api/v1/rules")))
      return answer.data.groups.flatMap(({ rules }) => rules)
    })
  }
})
