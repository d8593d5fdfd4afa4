/** Programs of the machine, run as a user would: SMTP clients of other languages, and this package's own command line. */
import { Effect } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { delimiter, dirname } from "node:path"

export interface Ended {
  /** `null` when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** As little as programs need; the Node that runs the tests comes first. */
export const plainEnvironment: Readonly<Record<string, string>> = {
  PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`,
  HOME: process.env["HOME"] ?? "/",
  LANG: "C.UTF-8"
}

/** Runs to its end; killed when the scope of the effect is left before. */
export const runProgram = (
  command: string,
  args: ReadonlyArray<string>,
  options: {
    readonly input?: string
    /** Beside `plainEnvironment`. */
    readonly environment?: Readonly<Record<string, string>>
    readonly directory?: string
  } = {}
): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const child = spawn(command, args, {
      env: { ...plainEnvironment, ...options.environment },
      ...(options.directory !== undefined && { cwd: options.directory })
    })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    child.on("error", (error) => resume(Effect.die(error)))
    child.on("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    child.stdin.on("error", () => {})
    child.stdin.end(options.input ?? "")
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/**
 * For `describe.runIf`: whether the command succeeds, which shows that the client is there. One that the machine lacks is
 * named; with REQUIRE_ALL_CLIENTS=true its tests run, and fail.
 */
export const withClient = (name: string, command: string, ...args: ReadonlyArray<string>): boolean => {
  if (spawnSync(command, args, { stdio: "ignore" }).status === 0) return true
  const required = process.env["REQUIRE_ALL_CLIENTS"] === "true"
  if (!required) console.warn(`SKIPPED: ${name}: there is no such client on this machine`)
  return required
}

export interface Running {
  /** What it has printed so far. */
  readonly stdout: Effect.Effect<string>
  /** Exit code, or the signal that ended it. */
  readonly stop: (signal: NodeJS.Signals) => Effect.Effect<number | NodeJS.Signals | null>
}

/** This package's command line, in the scope, once it has printed what is waited for. */
export const startCommandLine = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  options: {
    readonly until: RegExp
    readonly environment: Readonly<Record<string, string>>
    /** Default: the source. */
    readonly program?: string
  }
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [options.program ?? "src/programs/main.ts", ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...plainEnvironment, ...options.environment }
      })
    ),
    (started) => Effect.sync(() => void started.kill("SIGKILL"))
  )
  let stdout = ""
  let stderr = ""
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once("close", (code, signal) => resolve(code ?? signal))
  })
  yield* Effect.callback<void>((resume) => {
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString()
      if (options.until.test(stdout)) resume(Effect.void)
    })
    child.once("close", () => resume(Effect.die(new Error(`it ended early: ${stdout}${stderr}`))))
  })
  const running: Running = {
    stdout: Effect.sync(() => stdout),
    stop: (signal) =>
      Effect.promise(() => {
        child.kill(signal)
        return ended
      })
  }
  return running
})

/** This package's command line, run to its end. */
export const runCommandLine = (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {}
): Effect.Effect<Ended> => runProgram(process.execPath, ["src/programs/main.ts", ...args], { environment })
