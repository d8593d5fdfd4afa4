/** Debian's Prometheus watches a gateway at work, and finds every number that the dashboard shows. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { withClient } from "../kit/ClientProgram.ts"
import { startCollector } from "../kit/CollectorKit.ts"
import { type GatewayProcess, startGatewayProcess } from "../kit/GatewayProcess.ts"
import { readDashboard, shownPanels } from "../kit/grafanaDashboard.ts"
import { startPrometheus } from "../kit/PrometheusKit.ts"
import { startRedis } from "../kit/RedisKit.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"

const installed = withClient(
  "Prometheus over a gateway with Redis",
  "sh",
  "-c",
  "prometheus --version && redis-server --version"
)

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "letters-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

/** A gateway before a sandbox, and Prometheus that watches it. */
const startWatched = Effect.fnUntraced(function* (environment: Readonly<Record<string, string>>) {
  const sandbox = yield* startSandbox()
  const gateway = yield* startGatewayProcess({ apiUrl: sandbox.url, environment })
  const address = gateway.httpUrl.slice("http://".length)
  const prometheus = yield* startPrometheus([{ address, labels: { namespace: "mail" } }])
  const received = (count: number) =>
    Effect.map(prometheus.value("sum(smtp_emails_received_total)"), (value) => value === count)
  yield* eventually(received(0))
  return { gateway, prometheus, received, sandbox }
})

/** All that a gateway can be given. */
const everything = Effect.gen(function* () {
  const redis = yield* startRedis
  const collector = yield* startCollector
  return {
    WORKERS: "2",
    API_MAX_RETRIES: "1",
    REDIS_URL: Redacted.value(redis.url),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    DEAD_LETTER_DIR: yield* temporaryDirectory,
    // Of one letter.
    DEAD_LETTER_MAX_FILES: "2"
  }
})

const MAILS_A_ROUND = 5

/** Mails that are accepted, sent again, refused, refused for one of two recipients, and failed; and a wrong password. */
const oneRound = (
  { smtpPort }: GatewayProcess,
  sandbox: Effect.Success<ReturnType<typeof startSandbox>>,
  round: number
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const wire = yield* openLoggedInWire(smtpPort)
      const send = Effect.fnUntraced(function* (name: string, ...recipients: ReadonlyArray<string>) {
        yield* wire.ask("MAIL FROM:<demo@example.com>")
        for (const recipient of recipients) yield* wire.ask(`RCPT TO:<${recipient}>`)
        yield* wire.ask("DATA")
        const message = `From: demo@example.com\r\nMessage-ID: <${name}-${round}@example.com>\r\n\r\nIt works.\r\n.`
        return (yield* wire.ask(message)).code
      })
      const refused = { endpoint: "emails", what: "refuse", recipient: "no@example.com", reason: "no mailbox" } as const
      yield* sandbox.inject(refused)
      assert.strictEqual(yield* send("good", "you@example.com"), 250)
      assert.strictEqual(yield* send("good", "you@example.com"), 250)
      assert.strictEqual(yield* send("refused", "no@example.com"), 550)
      assert.strictEqual(yield* send("half", "you@example.com", "no@example.com"), 250)
      yield* sandbox.inject({ endpoint: "emails", what: "status", status: 503 })
      assert.strictEqual(yield* send("failed", "you@example.com"), 451)

      const stranger = yield* openSecureWire(smtpPort)
      assert.strictEqual((yield* stranger.login("demo@example.com", `wrong ${round}`)).code, 535)
    })
  )

/** As Grafana puts values in place of variables, for all instances and for one. */
const CHOICES = [
  { namespace: ".*", pod: ".*" },
  { namespace: "mail", pod: "127.0.0.1" }
]

const asked = (query: string, chosen: (typeof CHOICES)[number]): string =>
  query
    .replaceAll("$__rate_interval", "1m")
    .replaceAll("$__range", "5m")
    .replaceAll("$namespace", chosen.namespace)
    .replaceAll("$pod", chosen.pod)

describe.runIf(installed)("Prometheus", () => {
  it.live(
    "reads a gateway of one process with the settings that it has by itself",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { gateway, prometheus, received, sandbox } = yield* startWatched({})
          yield* oneRound(gateway, sandbox, 1)
          yield* eventually(received(MAILS_A_ROUND))
          assert.strictEqual(yield* prometheus.value("up"), 1)
          yield* eventually(Effect.map(prometheus.value("smtp_active_connections"), (open) => open === 0))
          assert.strictEqual(yield* prometheus.value("count(smtp_errors_total > 0) > bool 0"), 1)
        })
      ),
    60_000
  )
})

describe.runIf(installed)("Prometheus, after a while of watching", () => {
  it.live(
    "knows how many mails there were, evaluates all rules, and answers every query of the dashboard with numbers",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { gateway, prometheus, received, sandbox } = yield* startWatched(yield* everything)
          // A rate takes a change between two looks.
          for (const round of [1, 2]) {
            yield* oneRound(gateway, sandbox, round)
            yield* eventually(received(round * MAILS_A_ROUND))
          }
          assert.strictEqual(yield* prometheus.value("up"), 1)

          const removed = (name: string) => name === "SmtpGatewayDeadLettersRemoved"
          yield* eventually(
            Effect.map(prometheus.rules, (rules) =>
              rules.some(({ name, state }) => removed(name) && state === "firing")
            )
          )
          for (const { health, lastError, name } of yield* prometheus.rules)
            assert.strictEqual(health, "ok", `${name}: ${lastError}`)

          const dashboard = readDashboard()
          const silent: Array<string> = []
          const queries = [
            ...dashboard.annotations.list.map(({ name, target }) => ({
              title: name,
              legendFormat: "",
              expr: target.expr
            })),
            ...shownPanels(dashboard).flatMap(({ targets = [], title }) =>
              targets
                .filter(({ datasource }) => datasource.type === "prometheus")
                .map(({ expr = "", legendFormat = "" }) => ({ title, legendFormat, expr }))
            )
          ]
          assert.isAbove(queries.length, 50)
          for (const choice of CHOICES) {
            for (const { expr, legendFormat, title } of queries) {
              const courses = yield* prometheus.courses(asked(expr, choice))
              const shown = courses.filter(({ values }) => values.some((value) => Number.isFinite(value)))
              if (shown.length === 0) silent.push(`${title}: ${asked(expr, choice)}`)
              for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
                for (const { labels } of shown) assert.property(labels, label, `${title}: ${legendFormat}`)
            }
          }
          assert.deepStrictEqual(silent, [])

          for (const { name, query, type } of dashboard.templating.list) {
            if (type !== "query") continue
            const text = typeof query === "string" ? query : query.query
            const [, selector = "", label = ""] = /^label_values\((.+), (\w+)\)$/.exec(text) ?? []
            const values = yield* prometheus.labelValues(label, asked(selector, CHOICES[0]!))
            assert.deepStrictEqual(values, [name === "pod" ? "127.0.0.1" : "mail"], text)
          }
        })
      ),
    120_000
  )
})
