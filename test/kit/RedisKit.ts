/** A Redis of its own for a test, on a free port of 127.0.0.1, that keeps nothing on disk and can be made to fail. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { tmpdir } from "node:os"
import { Effect, Redacted, type Scope } from "effect"
import { createClient } from "redis"
import { freePort } from "./freePort.ts"

export const redisServerInstalled = spawnSync("redis-server", ["--version"], { stdio: "ignore" }).status === 0

/** For `describe.runIf`: says what is left out and why. */
export const withRedisServer = (what: string): boolean => {
  if (!redisServerInstalled) console.warn(`SKIPPED: ${what}: there is no redis-server on this machine`)
  return redisServerInstalled
}

export interface RedisKit {
  readonly url: Redacted.Redacted
  /** Starts it again on the same port, empty. */
  readonly start: Effect.Effect<void>
  readonly stop: Effect.Effect<void>
  /** Accepts connections and commands and answers none. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  readonly send: (...command: ReadonlyArray<string>) => Effect.Effect<unknown>
  readonly keys: Effect.Effect<ReadonlyArray<string>>
  /** Lets the time pass for everything that has an end. */
  readonly elapse: (millis: number) => Effect.Effect<void>
}

export const startRedis: Effect.Effect<RedisKit, never, Scope.Scope> = Effect.gen(function* () {
  const port = yield* freePort
  const url = `redis://127.0.0.1:${port}`
  let process: ChildProcess | undefined

  const start = Effect.callback<void>((resume) => {
    const started = spawn(
      "redis-server",
      ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", tmpdir()],
      { stdio: ["ignore", "pipe", "ignore"] }
    )
    process = started
    let output = ""
    started.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes("Ready to accept connections")) resume(Effect.void)
    })
    started.once("exit", () => resume(Effect.die(new Error(`redis-server ended: ${output}`))))
  })
  const stop = Effect.callback<void>((resume) => {
    const running = process
    process = undefined
    if (running === undefined || running.exitCode !== null) return resume(Effect.void)
    running.once("exit", () => resume(Effect.void))
    running.kill("SIGKILL")
  })
  const signal = (name: NodeJS.Signals) => Effect.sync(() => void process?.kill(name))

  const send = (...command: ReadonlyArray<string>): Effect.Effect<unknown> =>
    Effect.acquireUseRelease(
      Effect.promise(() => createClient({ url }).on("error", ignore).connect()),
      (client) => Effect.promise(() => client.sendCommand([...command])),
      (client) => Effect.sync(() => client.destroy())
    )
  const keys = Effect.map(send("KEYS", "*"), (reply) => (Array.isArray(reply) ? reply.map(String) : []))
  const elapse = Effect.fnUntraced(function* (millis: number) {
    for (const key of yield* keys) {
      const left = Number(yield* send("PTTL", key))
      if (left >= 0) yield* send("PEXPIRE", key, `${left - millis}`)
    }
  })

  yield* Effect.acquireRelease(start, () => stop)
  return {
    url: Redacted.make(url),
    start,
    stop,
    pause: signal("SIGSTOP"),
    resume: signal("SIGCONT"),
    send,
    keys,
    elapse
  }
})

const ignore = (): void => {}
