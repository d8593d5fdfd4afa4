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
 * For `describe.runIf`. A client that the machine lacks is named; with REQUIRE_ALL_CLIENTS=true its tests run, and fail.
 */
export const withClient = (command: string, ...versionArgs: ReadonlyArray<string>): boolean => {
  if (spawnSync(command, versionArgs, { stdio: "ignore" }).status === 0) return true
  const required = process.env["REQUIRE_ALL_CLIENTS"] === "true"
  if (!required) console.warn(`SKIPPED: ${command}: there is no such client on this machine`)
  return required
}
