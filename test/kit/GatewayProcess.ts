/** The gateway as a process of its own, as it runs in production: for tests that signal it, kill it or weigh it. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs"
import { get } from "node:http"
import { freePort } from "./freePort.ts"
import { metricOf } from "./metricOf.ts"
import { nodeOptions, processVariables } from "./npmGateway.ts"

export interface GatewayProcess {
  readonly pid: number
  readonly smtpPort: number
  /** Without a slash at the end. */
  readonly httpUrl: string
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
  /** Exit code, or the signal that ended it; all that it wrote has been read. */
  readonly ended: Effect.Effect<number | NodeJS.Signals | null>
  /** As `ended`, whether or not anybody reads. */
  readonly exited: Effect.Effect<number | NodeJS.Signals | null>
  /** Lines of stdout so far, each a JSON object if all is well. */
  readonly log: Effect.Effect<ReadonlyArray<string>>
  /** What reads its stdout: at first everything at once. */
  readonly reader: {
    /** Takes nothing more, as a collector that hangs. */
    readonly stop: Effect.Effect<void>
    readonly goOn: Effect.Effect<void>
    /** Closes the pipe: who writes into it gets EPIPE. */
    readonly leave: Effect.Effect<void>
  }
  /** What it has written to stderr. */
  readonly complaints: Effect.Effect<string>
  /** CPU time used so far, user and system, in milliseconds. */
  readonly cpu: Effect.Effect<number>
  /** Resident set now and at its largest since the start or `forgetPeak`, bytes. */
  readonly memory: Effect.Effect<{ readonly now: number; readonly peak: number }>
  readonly forgetPeak: Effect.Effect<void>
  /** What it holds when nothing is left to collect; of a gateway that was started by `WEIGHED`. */
  readonly weight: Effect.Effect<Weight>
  /** See `metricOf`. */
  readonly metric: (sample: string) => Effect.Effect<number>
  /** Status of /health/ready; `undefined` when nobody answers. */
  readonly readiness: Effect.Effect<number | undefined>
}

export interface Weight {
  /** Open file descriptors of all kinds, but for connections to the API, which come and go with their pool. */
  readonly descriptors: number
  /** Fibers that have begun and not ended. */
  readonly fibers: number
  /** In the heap and in buffers, after garbage collection. */
  readonly bytes: number
}

/** A command for a gateway that can be weighed. */
export const WEIGHED = [process.execPath, ...nodeOptions, "test/kit/weighedGateway.ts"] as const

/** Resolves once it has logged that it listens: LOG_LEVEL is INFO or DEBUG. Killed, if it still runs, when the scope closes. */
export const startGatewayProcess = Effect.fnUntraced(function* (options: {
  readonly apiUrl: string
  readonly environment?: Readonly<Record<string, string>>
  /** The production command from source, unless given. */
  readonly command?: readonly [program: string, ...args: ReadonlyArray<string>]
}) {
  const [program, ...args] = options.command ?? [process.execPath, ...nodeOptions, "src/programs/main.ts", "gateway"]
  const httpPort = yield* freePort
  const httpUrl = `http://127.0.0.1:${httpPort}`
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(program, args, {
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          PATH: process.env["PATH"],
          SMTP_HOST: "127.0.0.1",
          SMTP_PORT: "0",
          SMTP_HOSTNAME: "smtp.test",
          HTTP_HOST: "127.0.0.1",
          HTTP_PORT: `${httpPort}`,
          LOG_FORMAT: "json",
          CAKEMAIL_API_URL: options.apiUrl,
          CAKEMAIL_CREATE_SENDERS: "true",
          TRUSTED_NETWORKS: "127.0.0.0/8",
          ...Object.fromEntries(processVariables.map((pair) => pair.split("=", 2))),
          ...options.environment
        }
      })
    ),
    (started) => Effect.sync(() => void started.kill("SIGKILL"))
  )
  const lines: Array<string> = []
  const readers = new Set<(line: string) => void>()
  let rest = ""
  let complaints = ""
  let gone = false
  child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()))
  const ended: Effect.Effect<number | NodeJS.Signals | null> = Effect.callback((resume) => {
    if (gone) resume(Effect.succeed(child.exitCode ?? child.signalCode))
    else child.once("close", (code, signal) => resume(Effect.succeed(code ?? signal)))
  })
  const smtpPort = yield* Effect.callback<number>((resume) => {
    child.once("close", () => {
      gone = true
      resume(Effect.die(new Error(`the gateway ended: ${complaints}`)))
    })
    child.stdout.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split("\n")
      rest = parts.pop() ?? ""
      for (const line of parts) {
        lines.push(line)
        for (const read of readers) read(line)
        const port = /"event":"smtp_listening".*"port":(\d+)/.exec(line)?.[1]
        if (port !== undefined) resume(Effect.succeed(Number(port)))
      }
    })
  })

  const status = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${child.pid}/status`, "latin1"))?.[1]) *
    1024

  const running: GatewayProcess = {
    pid: child.pid ?? 0,
    smtpPort,
    httpUrl,
    signal: (name) => Effect.sync(() => void child.kill(name)),
    ended,
    exited: Effect.callback((resume) => {
      const code = child.exitCode ?? child.signalCode
      if (code !== null) resume(Effect.succeed(code))
      else child.once("exit", (exitCode, signal) => resume(Effect.succeed(exitCode ?? signal)))
    }),
    log: Effect.sync(() => [...lines]),
    reader: {
      stop: Effect.sync(() => void child.stdout.pause()),
      goOn: Effect.sync(() => void child.stdout.resume()),
      leave: Effect.sync(() => void child.stdout.destroy())
    },
    complaints: Effect.sync(() => complaints),
    cpu: Effect.sync(() => {
      // The first field is the time on a processor in nanoseconds; each thread has a file of its own.
      const tasks = `/proc/${child.pid}/task`
      const spent = readdirSync(tasks).map((task) =>
        Number(readFileSync(`${tasks}/${task}/schedstat`, "latin1").split(" ")[0])
      )
      return spent.reduce((sum, each) => sum + each, 0) / 1e6
    }),
    memory: Effect.sync(() => ({ now: status("VmRSS"), peak: status("VmHWM") })),
    // See clear_refs in proc(5).
    forgetPeak: Effect.sync(() => writeFileSync(`/proc/${child.pid}/clear_refs`, "5")),
    weight: Effect.callback((resume) => {
      const listen = (line: string) => {
        const [, fibers, bytes] = /^\{"fibers":(\d+),"bytes":(\d+)\}$/.exec(line) ?? []
        if (fibers === undefined) return
        readers.delete(listen)
        const descriptors = descriptorsOf(child.pid, Number(new URL(options.apiUrl).port))
        resume(Effect.succeed({ fibers: Number(fibers), bytes: Number(bytes), descriptors }))
      }
      readers.add(listen)
      child.kill("SIGUSR2")
    }),
    metric: (sample) => metricOf(httpUrl, sample),
    readiness: statusOf(`${httpUrl}/health/ready`)
  }
  return running
})

/** Those that a process has open, without sockets that are connected to the port. */
const descriptorsOf = (pid: number | undefined, port: number): number => {
  // proc(5): the address of the other end, in hexadecimal, is the third field, the inode the tenth.
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  const rows = readFileSync("/proc/net/tcp", "latin1").split("\n")
  const inodes = new Set(
    rows
      .map((row) => row.trim().split(/\s+/))
      .flatMap((row) => (row[2]?.endsWith(remote) ? [`socket:[${row[9]}]`] : []))
  )
  const directory = `/proc/${pid}/fd`
  return readdirSync(directory).filter((name) => !inodes.has(readlinkSync(`${directory}/${name}`))).length
}

const NOBODY: number | undefined = undefined

const statusOf = (url: string) =>
  Effect.callback<number | undefined>((resume) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode))
    })
    request.on("error", () => resume(Effect.succeed(NOBODY)))
  })
