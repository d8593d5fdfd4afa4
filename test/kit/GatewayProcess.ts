/** The gateway as a process of its own, as it runs in production: for tests that signal it, kill it or weigh it. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { get } from "node:http"
import { freePort } from "./freePort.ts"
import { metricOf } from "./metricOf.ts"

export interface GatewayProcess {
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
  /** Resident set now and at its largest, bytes. */
  readonly memory: Effect.Effect<{ readonly now: number; readonly peak: number }>
  /** See `metricOf`. */
  readonly metric: (sample: string) => Effect.Effect<number>
  /** Status of /health/ready; `undefined` when nobody answers. */
  readonly readiness: Effect.Effect<number | undefined>
}

/** Resolves once it has logged that it listens: LOG_LEVEL is INFO or DEBUG. Killed, if it still runs, when the scope closes. */
export const startGatewayProcess = Effect.fnUntraced(function* (options: {
  readonly apiUrl: string
  readonly environment?: Readonly<Record<string, string>>
  /** The production command from source, unless given. */
  readonly command?: readonly [program: string, ...args: Array<string>]
}) {
  const [program, ...args] = options.command ?? [process.execPath, "src/programs/main.ts", "gateway"]
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
          // As `npm run gateway` sets them: docs/decisions/0019-memory-of-large-messages.md.
          MALLOC_ARENA_MAX: "2",
          MALLOC_MMAP_THRESHOLD_: "131072",
          MALLOC_TRIM_THRESHOLD_: "131072",
          ...options.environment
        }
      })
    ),
    (started) => Effect.sync(() => void started.kill("SIGKILL"))
  )
  const lines: Array<string> = []
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
        const port = /"event":"smtp_listening".*"port":(\d+)/.exec(line)?.[1]
        if (port !== undefined) resume(Effect.succeed(Number(port)))
      }
    })
  })

  const status = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${child.pid}/status`, "latin1"))?.[1]) *
    1024

  const running: GatewayProcess = {
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
      // Behind the name, which may hold blanks: utime and stime are the 12th and 13th, in ticks of 10 ms.
      const fields = readFileSync(`/proc/${child.pid}/stat`, "latin1")
        .replace(/^.*\) /, "")
        .split(" ")
      return (Number(fields[11]) + Number(fields[12])) * 10
    }),
    memory: Effect.sync(() => ({ now: status("VmRSS"), peak: status("VmHWM") })),
    metric: (sample) => metricOf(httpUrl, sample),
    readiness: statusOf(`${httpUrl}/health/ready`)
  }
  return running
})

const NOBODY: number | undefined = undefined

const statusOf = (url: string) =>
  Effect.callback<number | undefined>((resume) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode))
    })
    request.on("error", () => resume(Effect.succeed(NOBODY)))
  })
