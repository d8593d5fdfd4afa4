/** The gateway as several processes: what a test does to one of them. */
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { type GatewayProcess, startGatewayProcess } from "./GatewayProcess.ts"
import { eventually } from "./SandboxKit.ts"

export interface WorkersProcess extends GatewayProcess {
  /** Process ids of the workers that there are. */
  readonly workers: Effect.Effect<ReadonlyArray<number>>
  /** Until so many serve. */
  readonly serving: (workers: number) => Effect.Effect<void>
  /** The events of one name, in order. */
  readonly events: (name: string) => Effect.Effect<ReadonlyArray<Readonly<Record<string, unknown>>>>
}

/** Resolves when all of them serve. */
export const startWorkers = Effect.fnUntraced(function* (options: {
  readonly apiUrl: string
  /** Default: 2. */
  readonly workers?: number
  readonly environment?: Readonly<Record<string, string>>
}) {
  const { apiUrl, environment, workers = 2 } = options
  const gateway = yield* startGatewayProcess({ apiUrl, environment: { WORKERS: `${workers}`, ...environment } })
  const serving = (count: number) =>
    eventually(Effect.map(gateway.metric("smtp_workers_ready"), (ready) => ready === count))
  yield* serving(workers)
  const running: WorkersProcess = {
    ...gateway,
    workers: Effect.sync(() => childrenOf(gateway.pid)),
    serving,
    events: (name) =>
      Effect.map(gateway.log, (lines) =>
        lines.map((line): Readonly<Record<string, unknown>> => JSON.parse(line)).filter(({ event }) => event === name)
      )
  }
  return running
})

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean).map(Number)

/** Whether it runs: a zombie does not. */
export const isRunning = (pid: number): boolean => {
  try {
    return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"))
  } catch {
    return false
  }
}
