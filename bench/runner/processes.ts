/** Processes pinned to a core, and what /proc says of them. Linux only, as the figures are. */
import { Cause, Data, Effect, Queue } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { cpus } from "node:os"
import { createInterface } from "node:readline"

/** A process ended, or said something, that makes the measurement void. */
export class BenchFailed extends Data.TaggedError("BenchFailed")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

export interface BenchProcess {
  readonly pid: number
  /** The next line of its stdout; fails once it has ended. */
  readonly line: Effect.Effect<string, BenchFailed>
  readonly sample: Effect.Effect<ProcessSample, BenchFailed>
}

export interface ProcessSample {
  /** CPU time so far, of all threads, user and system, in milliseconds. */
  readonly cpu: number
  /** Resident set, bytes. */
  readonly rss: number
  /** Open file descriptors: files, sockets, pipes. */
  readonly descriptors: number
}

export interface ProcessOptions {
  /** For error messages. */
  readonly name: string
  readonly core: number
  /** Of node. */
  readonly args: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  /** Working directory. */
  readonly directory?: string
  /** Whether `line` is wanted; else stdout is read and thrown away. */
  readonly lines: boolean
}

/** Ended by SIGTERM, and after a while by SIGKILL, when the scope closes. */
export const startProcess = Effect.fnUntraced(function* (options: ProcessOptions) {
  const [command = process.execPath, ...args] = [...pinning(options.core), process.execPath, ...options.args]
  const lines = yield* Queue.unbounded<string, BenchFailed>()
  let complaints = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(command, args, {
        stdio: ["ignore", "pipe", "pipe"],
        env: { PATH: process.env["PATH"] ?? "", ...options.environment },
        ...(options.directory !== undefined && { cwd: options.directory })
      })
    ),
    (started) =>
      started.exitCode !== null || started.signalCode !== null
        ? Effect.void
        : Effect.callback<void>((resume) => {
            started.once("close", () => resume(Effect.void))
            started.kill("SIGTERM")
          }).pipe(
            Effect.timeoutOrElse({ duration: "40 seconds", orElse: () => Effect.sync(() => started.kill("SIGKILL")) })
          )
  )
  child.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4_000)))
  if (options.lines) {
    createInterface({ input: child.stdout }).on("line", (line) => Queue.offerUnsafe(lines, line))
  } else child.stdout.resume()
  const ended = (how: string) =>
    Queue.failCauseUnsafe(
      lines,
      Cause.fail(new BenchFailed({ reason: `${options.name} ${how}: ${complaints.trim()}` }))
    )
  child.once("error", (error) => ended(`did not start (${error.message})`))
  child.once("close", (code, signal) => ended(`ended with ${code ?? signal}`))
  const pid = child.pid ?? 0
  const running: BenchProcess = {
    pid,
    line: Queue.take(lines),
    sample: Effect.try({
      try: () => sampleOf(pid),
      catch: () => new BenchFailed({ reason: `${options.name} is gone: ${complaints.trim()}` })
    })
  }
  return running
})

/** Milliseconds that the core was busy so far, whoever kept it busy. */
export const coreBusy = (core: number): number => {
  const line = readFileSync("/proc/stat", "latin1")
    .split("\n")
    .find((each) => each.startsWith(`cpu${core} `))
  const [, user = 0, nice = 0, system = 0, _idle, _ioWait, irq = 0, softIrq = 0, steal = 0] = (line ?? "")
    .split(" ")
    .map(Number)
  return (user + nice + system + irq + softIrq + steal) * MILLISECONDS_A_TICK
}

/** Threads of the process are pinned one by one. */
export const pinSelf = (core: number): void => {
  if (canPin(core)) spawnSync("taskset", ["-acp", `${core}`, `${process.pid}`], { stdio: "ignore" })
}

export const canPin = (core: number): boolean =>
  core < cpus().length && spawnSync("taskset", ["-c", `${core}`, "true"], { stdio: "ignore" }).status === 0

const pinning = (core: number): ReadonlyArray<string> => (canPin(core) ? ["taskset", "-c", `${core}`] : [])

/** `sysconf(_SC_CLK_TCK)` is 100 on every Linux that Node.js runs on. */
const MILLISECONDS_A_TICK = 10

const sampleOf = (pid: number): ProcessSample => {
  // Behind the name, which may hold blanks: utime and stime are the 12th and 13th.
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /s, "")
    .split(" ")
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) * MILLISECONDS_A_TICK,
    rss: Number(rss) * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length
  }
}
