/**
 * Containers without a daemon: podman, with images and state in a folder of the test's own. The base images that the
 * Dockerfile names come from a registry; here this machine's Node.js and C library stand in for them.
 */
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { freemem, homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { type Ended, runProgram } from "../kit/ClientProgram.ts"

/** As the Dockerfile names them. */
export const BUILD_IMAGE = "docker.io/library/node:24-trixie-slim"
export const RUNTIME_IMAGE = "gcr.io/distroless/nodejs24-debian13:nonroot"

export interface Podman {
  /** Fails the test with what podman said unless it ends with 0. */
  readonly run: (...args: ReadonlyArray<string>) => Effect.Effect<string>
  readonly attempt: (...args: ReadonlyArray<string>) => Effect.Effect<Ended>
}

/** With both base images; everything is removed when the scope closes. */
export const startPodman = Effect.gen(function* () {
  const { attempt, home } = yield* firstThatWorks
  const run = (...args: ReadonlyArray<string>) =>
    Effect.flatMap(attempt(...args), ({ code, stderr, stdout }) =>
      code === 0 ? Effect.succeed(stdout) : Effect.die(new Error(`podman ${args.join(" ")}: ${stdout}${stderr}`))
    )
  // The first time it stops at a container whose network others use, after it has removed those.
  yield* Effect.addFinalizer(() =>
    Effect.repeat(attempt("rm", "--all", "--depend", "--force", "--time", "0"), { times: 1 })
  )
  yield* importImage(run, join(home, "runtime"), RUNTIME_IMAGE, runtimeRoot)
  yield* importImage(run, join(home, "build"), BUILD_IMAGE, buildRoot)
  return { run, attempt } satisfies Podman
})

const GIB = 2 ** 30

/** Where images and containers can be. They are two GiB in small files: memory takes a third of the time of a disk. */
const STORAGES: ReadonlyArray<readonly [folder: string, driver: string]> = [
  ...(hasRoomInMemory() ? ([["/dev/shm", "overlay"]] as const) : []),
  [tmpdir(), "overlay"],
  // Copies each layer and each container as a whole, which works everywhere.
  [tmpdir(), "vfs"]
]

function hasRoomInMemory(): boolean {
  if (!existsSync("/dev/shm")) return false
  const { bavail, bsize } = statfsSync("/dev/shm")
  return bavail * bsize > 4 * GIB && freemem() > 8 * GIB
}

const firstThatWorks = Effect.gen(function* () {
  for (const [folder, driver] of STORAGES) {
    const home = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(folder, "image-test-"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    const own = ["--root", join(home, "images"), "--runroot", join(home, "state"), "--storage-driver", driver]
    const attempt = (...args: ReadonlyArray<string>) =>
      runProgram("podman", [...own, "--cgroup-manager", "cgroupfs", "--runtime", "runc", ...args])
    if ((yield* attempt("info")).code === 0) return { attempt, home }
  }
  return yield* Effect.die(new Error("podman works with none of its storages here"))
})

const importImage = (run: Podman["run"], folder: string, name: string, fill: (root: string) => ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const root = join(folder, "root")
    for (const path of ["etc", "proc", "dev", "sys", "root", "tmp", "run"])
      mkdirSync(join(root, path), { recursive: true })
    const changes = fill(root)
    const archive = join(folder, "root.tar")
    execFileSync("tar", ["-C", root, "-cf", archive, "."])
    yield* run("import", ...changes.flatMap((change) => ["--change", change]), archive, name)
    rmSync(folder, { recursive: true })
  })

/** Node.js, the libraries that it is linked with, and nothing that could run a script of another kind. */
const runtimeRoot = (root: string): ReadonlyArray<string> => {
  const libraries = execFileSync("ldd", [process.execPath], { encoding: "utf8" }).matchAll(/(\/\S+)(?= \(0x)/g)
  for (const [path] of libraries) copyInto(root, path, path)
  copyInto(root, process.execPath, "/nodejs/bin/node")
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:\n")
  return ["USER 65532", 'ENTRYPOINT ["/nodejs/bin/node"]']
}

/** Node.js and npm; /usr is this machine's, given at the build. */
const buildRoot = (root: string): ReadonlyArray<string> => {
  for (const path of ["usr", "opt/node/bin", "opt/node/lib"]) mkdirSync(join(root, path), { recursive: true })
  for (const path of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${path}`, join(root, path))
  copyInto(root, process.execPath, "/opt/node/bin/node")
  execFileSync("cp", ["-r", npmFolder, join(root, "opt/node/lib/npm")])
  symlinkSync("../lib/npm/bin/npm-cli.js", join(root, "opt/node/bin/npm"))
  const authorities = process.env["NODE_EXTRA_CA_CERTS"]
  return [
    "ENV PATH=/opt/node/bin:/usr/bin:/bin",
    ...(authorities === undefined ? [] : [`ENV NODE_EXTRA_CA_CERTS=${authorities}`])
  ]
}

const npmFolder = dirname(dirname(realpathSync(execFileSync("which", ["npm"], { encoding: "utf8" }).trim())))

/** What the build stage needs of this machine: its programs, how npm reaches its registry, and what it has fetched before. */
export const BUILD_VOLUMES: ReadonlyArray<string> = [
  ["/usr", "/usr", "ro"],
  ["/etc/ssl", "/etc/ssl", "ro"],
  [join(homedir(), ".npmrc"), "/root/.npmrc", "ro"],
  [join(homedir(), ".npm"), "/root/.npm", "rw"]
].flatMap(([from = "", to = "", mode = ""]) => (existsSync(from) ? ["--volume", `${from}:${to}:${mode}`] : []))

const copyInto = (root: string, from: string, to: string): void => {
  const target = join(root, to)
  mkdirSync(dirname(target), { recursive: true })
  copyFileSync(from, target)
}
