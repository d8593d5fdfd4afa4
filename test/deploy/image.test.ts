/** The image, built from the Dockerfile as it is and run as a cluster runs it. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Schedule } from "effect"
import { validate } from "dockerfile-utils"
import { readFileSync } from "node:fs"
import { withClient } from "../kit/ClientProgram.ts"
import { nodeOptions, processVariables } from "../kit/npmGateway.ts"
import { BUILD_IMAGE, BUILD_VOLUMES, type Podman, RUNTIME_IMAGE, startPodman } from "./Podman.ts"

const dockerfile = readFileSync("Dockerfile", "utf8")

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string }

describe("the Dockerfile", () => {
  it("has nothing that a linter would mend", () => {
    assert.deepStrictEqual(
      validate(dockerfile).map(({ message }) => message),
      []
    )
  })

  it("names base images that exist, the same version of Node.js in each", () => {
    assert.include(dockerfile, `ARG BUILD_IMAGE=${BUILD_IMAGE}\n`)
    assert.include(dockerfile, `ARG RUNTIME_IMAGE=${RUNTIME_IMAGE}\n`)
    const versions = [BUILD_IMAGE, RUNTIME_IMAGE].map((name) => /node(?:js|:)(\d+)/.exec(name)?.[1])
    assert.deepStrictEqual(versions, ["24", "24"])
  })

  it("runs nothing through a shell at run time", () => {
    for (const instruction of ["HEALTHCHECK [^\\n]*\\\\\\n +CMD", "\\nENTRYPOINT", "\\nCMD"]) {
      assert.match(dockerfile, new RegExp(`${instruction} \\["`))
    }
  })
})

interface Image {
  readonly podman: Podman
  readonly id: string
}

class Built extends Context.Service<Built, Image>()("test/deploy/Built") {}

const BuiltImage = Layer.effect(
  Built,
  Effect.gen(function* () {
    const podman = yield* startPodman
    const labels = ["VERSION=1.2.3", "REVISION=abc", "CREATED=2030-01-01T00:00:00Z"]
    const output = yield* podman.run(
      "build",
      "--format",
      "docker",
      "--network",
      "host",
      "--layers=false",
      "--pull=never",
      ...BUILD_VOLUMES,
      ...labels.flatMap((label) => ["--build-arg", label]),
      "."
    )
    return { podman, id: output.trimEnd().split("\n").at(-1) ?? "" }
  })
)

/** Of a cluster that allows nothing: no capability, no new ones, nothing written, not root. */
const LOCKED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"]

const LIMITS = ["--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096", "--memory=1g"]

/** Runs JavaScript in a container of the image. */
const evaluate = ({ id, podman }: Image, script: string) =>
  Effect.map(
    podman.run(
      "run",
      "--rm",
      "--network=none",
      ...LOCKED,
      ...LIMITS,
      "--entrypoint=/nodejs/bin/node",
      id,
      "-e",
      script
    ),
    (output): unknown => JSON.parse(output)
  )

/** As deploy/gateway.env has it. */
const DEAD_LETTERS = "/var/lib/smtp-gateway/dead-letters"

const withPodman = withClient("podman", "sh", "-c", "podman --version && runc --version")

describe.runIf(withPodman)("the image", () => {
  // Each container is a copy of the whole image here; a busy machine takes its time.
  const patience = 120_000
  layer(BuiltImage, { timeout: 600_000, excludeTestServices: true })((it) => {
    it.effect(
      "says what it is and how it runs",
      () =>
        Effect.gen(function* () {
          const { id, podman } = yield* Built
          const [{ Config, Healthcheck }] = JSON.parse(yield* podman.run("image", "inspect", id))
          assert.strictEqual(Config.User, "1000:1000")
          assert.sameMembers(Object.keys(Config.ExposedPorts), ["587/tcp", "8080/tcp"])
          assert.strictEqual(Config.StopSignal, "SIGTERM")
          assert.deepStrictEqual(Config.Entrypoint, ["/nodejs/bin/node", ...nodeOptions, "/app/dist/programs/main.js"])
          assert.deepStrictEqual(Config.Cmd, ["gateway"])
          assert.includeMembers(Config.Env, ["NODE_ENV=production", ...processVariables])
          assert.lengthOf(processVariables, 3)
          assert.lengthOf(nodeOptions, 2)
          assert.deepStrictEqual(Healthcheck.Test, ["CMD", "/nodejs/bin/node", "/app/dist/programs/health.js"])
          assert.containSubset(Config.Labels, {
            "org.opencontainers.image.title": "Cakemail SMTP Gateway",
            "org.opencontainers.image.version": "1.2.3",
            "org.opencontainers.image.revision": "abc",
            "org.opencontainers.image.created": "2030-01-01T00:00:00Z"
          })
        }),
      patience
    )

    it.effect(
      "holds the compiled program, the packages of production, and nothing else",
      () =>
        Effect.gen(function* () {
          const image = yield* Built
          const files = (yield* evaluate(image, LIST_FILES)) as ReadonlyArray<FileEntry>
          assert.isAbove(files.length, 500)
          const tops = new Set(files.map(({ path }) => path.split("/")[0]))
          assert.sameMembers([...tops], ["package.json", "dist", "node_modules"])
          for (const { mode, path, uid } of files) {
            assert.strictEqual(uid, 0, path)
            assert.strictEqual(mode & 0o022, 0, path)
            assert.notMatch(path, /\.([cm]?ts|map)$/)
          }
          assert.includeMembers([...packagesOf(files)], [...PRODUCTION])
          const superfluous = [...packagesOf(files)].filter((name) => !PRODUCTION.has(name))
          assert.deepStrictEqual(superfluous, [])
          const bytes = files.reduce((sum, { size }) => sum + size, 0)
          console.info(`image: /app has ${files.length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB`)
        }),
      patience
    )

    it.effect(
      "has the directory for dead letters, whose owner a volume of Docker takes over",
      () =>
        Effect.gen(function* () {
          const image = yield* Built
          const owned = yield* evaluate(
            image,
            `
            const { statSync } = require("node:fs")
            const { gid, mode, uid } = statSync(${JSON.stringify(DEAD_LETTERS)})
            console.log(JSON.stringify([uid, gid, (mode & 0o777).toString(8)]))`
          )
          assert.deepStrictEqual(owned, [1000, 1000, "700"])
        }),
      patience
    )

    it.effect(
      "tells its version, and what is wrong with settings",
      () =>
        Effect.gen(function* () {
          const { id, podman } = yield* Built
          const once = (...args: ReadonlyArray<string>) =>
            podman.attempt("run", "--rm", "--network=none", ...LOCKED, ...LIMITS, ...args)
          assert.include((yield* once(id, "--version")).stdout, version)
          const { code, stderr } = yield* once("--env=LOG_LEVEL=LOUD", id)
          assert.strictEqual(code, 1)
          assert.include(stderr, "LOG_LEVEL")
        }),
      patience
    )

    it.effect(
      "listens on 587 as nobody in particular, is healthy, takes a mail, and drains",
      () =>
        Effect.gen(function* () {
          const { id, podman } = yield* Built
          const gateway = yield* podman.run(
            "run",
            "--detach",
            "--network=none",
            ...LOCKED,
            ...LIMITS,
            // As Docker does for every container.
            "--sysctl=net.ipv4.ip_unprivileged_port_start=0",
            "--env=CAKEMAIL_API_URL=http://127.0.0.1:8025",
            "--env=CAKEMAIL_CREATE_SENDERS=true",
            `--env=DEAD_LETTER_DIR=${DEAD_LETTERS}`,
            `--volume=letters:${DEAD_LETTERS}`,
            id
          )
          const name = gateway.trim()
          const beside = (...args: ReadonlyArray<string>) =>
            podman.run("run", `--network=container:${name}`, ...LOCKED, ...LIMITS, ...args)
          yield* beside("--detach", id, "sandbox")

          const healthy = Effect.flatMap(podman.attempt("healthcheck", "run", name), ({ code, stdout }) =>
            code === 0 ? Effect.void : Effect.fail(stdout)
          )
          yield* healthy.pipe(Effect.retry({ schedule: Schedule.spaced("200 millis"), times: 100 }))

          const reply = yield* beside("--rm", id, "send", "--port=587", "--to=you@example.com")
          assert.match(reply, /^250 2\.0\.0 Message accepted for delivery: /)

          // The page of the inbox is there, with its script and its styles.
          const page = yield* beside(
            "--rm",
            "--entrypoint=/nodejs/bin/node",
            id,
            "--input-type=module",
            "-e",
            FETCH_PAGE
          )
          assert.deepStrictEqual(JSON.parse(page), [
            [200, "text/html; charset=utf-8"],
            [200, "image/svg+xml"],
            [200, "text/javascript; charset=utf-8"],
            [200, "text/css; charset=utf-8"]
          ])

          yield* podman.run("stop", "--time", "60", name)
          const [{ State }] = JSON.parse(yield* podman.run("inspect", name))
          assert.strictEqual(State.ExitCode, 0)
          const events = (yield* podman.run("logs", name))
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line) as LogLine)
          const listening = events.find(({ event }) => event === "smtp_listening")
          assert.strictEqual(listening?.port, 587)
          assert.isTrue(events.some(({ event }) => event === "shutdown_complete"))
          assert.isFalse(events.some(({ event }) => event === "dead_letter_directory_unusable"))
          const startUp = Date.parse(listening?.timestamp ?? "") - Date.parse(State.StartedAt)
          console.info(`image: listening ${startUp} ms after the start of the container`)
        }),
      patience
    )
  })
})

interface LogLine {
  readonly event: string
  readonly timestamp: string
  readonly port?: number
}

interface FileEntry {
  /** Below /app. */
  readonly path: string
  readonly uid: number
  readonly mode: number
  readonly size: number
}

const LIST_FILES = `
const { readdirSync, lstatSync } = require("node:fs")
const files = readdirSync("/app", { recursive: true }).map((path) => ({ path, stat: lstatSync("/app/" + path) }))
console.log(JSON.stringify(files
  .filter(({ stat }) => !stat.isDirectory() && !stat.isSymbolicLink())
  .map(({ path, stat: { mode, size, uid } }) => ({ path, mode, size, uid }))))`

/** Status and type of the page of the inbox, and of each file that it names. */
const FETCH_PAGE = `
const at = "http://127.0.0.1:8025"
const fetched = async (path) => { const { headers, status } = await fetch(at + path); return [status, headers.get("content-type")] }
const page = await (await fetch(at)).text()
const assets = [...page.matchAll(/(?:href|src)="(\\/assets\\/[^"]+)"/g)].map(([, path]) => path)
console.log(JSON.stringify(await Promise.all(["/", ...assets].map(fetched))))`

const packagesOf = (files: ReadonlyArray<FileEntry>): ReadonlySet<string> =>
  new Set(
    files
      .map(({ path }) => /^node_modules\/((?:@[^/]+\/)?[^/.][^/]*)\//.exec(path)?.[1])
      .filter((name) => name !== undefined)
  )

/** Packages at the top of node_modules that package-lock.json does not mark as only for development, or optional. */
const PRODUCTION: ReadonlySet<string> = new Set(
  Object.entries(
    (
      JSON.parse(readFileSync("package-lock.json", "utf8")) as {
        readonly packages: Readonly<
          Record<string, { readonly dev?: true; readonly optional?: true; readonly devOptional?: true }>
        >
      }
    ).packages
  )
    .filter(([, { dev, devOptional, optional }]) => dev !== true && optional !== true && devOptional !== true)
    .map(([path]) => /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1])
    .filter((name) => name !== undefined)
)
