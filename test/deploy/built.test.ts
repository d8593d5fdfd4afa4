/** What `npm run build` makes does what the sources do; the parts of it that are loaded when they are needed, above all. */
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { isBuiltin } from "node:module"
import { join, resolve } from "node:path"
import { build } from "rolldown"
import config from "../../rolldown.config.ts"
import { runProgram, startCommandLine } from "../kit/ClientProgram.ts"
import { startCollector } from "../kit/CollectorKit.ts"
import { freePort } from "../kit/freePort.ts"
import { startGatewayProcess } from "../kit/GatewayProcess.ts"
import { startGrpcCollector } from "../kit/GrpcCollector.ts"
import { sendMail } from "../kit/MailWire.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"
import { spanCollected } from "../kit/TracedGateway.ts"
import { nodeOptions } from "../kit/npmGateway.ts"

class Built extends Context.Service<
  Built,
  {
    readonly directory: string
    /** What it imports of elsewhere, now or when it is needed. */
    readonly packages: ReadonlySet<string>
  }
>()("test/deploy/Built") {}

/** Within the repository, where the packages are found, and not in dist, which others may be using. */
const BuiltLive = Layer.effect(
  Built,
  Effect.gen(function* () {
    const root = yield* Effect.acquireRelease(
      Effect.sync(() => {
        mkdirSync("node_modules/.cache", { recursive: true })
        return mkdtempSync("node_modules/.cache/built-")
      }),
      (made) => Effect.sync(() => rmSync(made, { recursive: true }))
    )
    const directory = join(root, "dist")
    const { output } = yield* Effect.promise(() => build({ ...config, output: { ...config.output, dir: directory } }))
    const imported = output.flatMap((each) => (each.type === "chunk" ? [...each.imports, ...each.dynamicImports] : []))
    const own = new Set(output.map(({ fileName }) => fileName))
    cpSync("dist/page", join(directory, "page"), { recursive: true })
    return { directory, packages: new Set(imported.filter((name) => !own.has(name) && !isBuiltin(name))) }
  })
)

const startBuilt = Effect.fnUntraced(function* (apiUrl: string, environment: Readonly<Record<string, string>> = {}) {
  const { directory } = yield* Built
  const gateway = yield* startGatewayProcess({
    apiUrl,
    environment,
    command: [process.execPath, ...nodeOptions, join(directory, "programs/main.js"), "gateway"]
  })
  return { ...gateway, directory }
})

describe("what is built", () => {
  layer(BuiltLive, { excludeTestServices: true })((it) => {
    it.effect("holds Effect and what is ours, and finds the other packages where they are", () =>
      Effect.gen(function* () {
        const { packages } = yield* Built
        assert.includeMembers([...packages], ["smtp-server/lib/smtp-connection.js", "undici", "prom-client", "redis"])
        assert.deepStrictEqual(
          [...packages].filter((name) => /^@?effect(\/|$)/.test(name)),
          []
        )
        for (const name of packages) assert.match(import.meta.resolve(name), /^file:/)
      })
    )

    it.effect("takes mail, in several processes, and says that it is well", () =>
      Effect.gen(function* () {
        const sandbox = yield* startSandbox()
        const gateway = yield* startBuilt(sandbox.url, { WORKERS: "2" })
        yield* eventually(Effect.map(gateway.metric("smtp_workers_ready"), (ready) => ready === 2))
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        assert.match(yield* sendMail(wire), /^250 2\.0\.0 /)
        assert.lengthOf(yield* sandbox.captured, 1)
        const health = join(gateway.directory, "programs/health.js")
        const environment = { HTTP_PORT: new URL(gateway.httpUrl).port }
        for (const question of [[], ["ready"]]) {
          const { code, stderr } = yield* runProgram(process.execPath, [health, ...question], { environment })
          assert.deepStrictEqual([code, stderr], [0, ""])
        }
        yield* gateway.signal("SIGTERM")
        assert.strictEqual(yield* gateway.ended, 0)
        assert.strictEqual(yield* gateway.complaints, "")
      })
    )

    for (const protocol of ["http/protobuf", "grpc"]) {
      it.effect(`sends traces by ${protocol}`, () =>
        Effect.gen(function* () {
          const sandbox = yield* startSandbox()
          const collector = yield* protocol === "grpc" ? startGrpcCollector() : startCollector
          const gateway = yield* startBuilt(sandbox.url, {
            OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
            OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
            OTEL_BSP_SCHEDULE_DELAY: "1"
          })
          const wire = yield* openLoggedInWire(gateway.smtpPort)
          yield* sendMail(wire)
          yield* spanCollected(collector, "SMTP message")
        })
      )
    }

    it.effect("shows the sandbox's page and the description of its API", () =>
      Effect.gen(function* () {
        const { directory } = yield* Built
        const port = yield* freePort
        yield* startCommandLine(["sandbox"], {
          program: join(directory, "programs/main.js"),
          until: /sends no mail/,
          environment: { SANDBOX_PORT: `${port}` }
        })
        const page = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/`))
        assert.strictEqual(page.status, 200)
        const [, script = ""] = /<script [^>]*src="([^"]+)"/.exec(yield* Effect.promise(() => page.text())) ?? []
        for (const path of [script, "/docs"]) {
          const { status } = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`))
          assert.strictEqual(status, 200, path)
        }
      })
    )

    it.effect("tells mistakes in the settings as the sources do", () =>
      Effect.gen(function* () {
        const { directory } = yield* Built
        const environment = { SMTP_PORT: "many", CAKEMAIL_API_URL: "ftp://nowhere" }
        const [built, source] = yield* Effect.forEach(
          [join(directory, "programs/main.js"), resolve("src/programs/main.ts")],
          (program) => runProgram(process.execPath, [program, "gateway"], { environment })
        )
        assert.notStrictEqual(built?.code, 0)
        assert.deepStrictEqual(built, source)
      })
    )
  })
})
