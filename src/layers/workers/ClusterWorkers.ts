/** Workers through node:cluster: the supervisor listens and accepts, and hands each connection to the next worker. */
import cluster, { type Worker } from "node:cluster"
import { Deferred, Effect, Layer } from "effect"
import { WorkerNotStarted, WorkerProcesses, type WorkerProcess } from "../../services/WorkerProcesses.ts"
import { watchHandovers } from "./handovers.ts"
import { WholeLines } from "./WholeLines.ts"

/** `program` is the path of the module that a worker runs. Its lines go to stdout, whole; its stderr is ours. */
export const clusterWorkers = (program: string): Layer.Layer<WorkerProcesses> =>
  Layer.effect(
    WorkerProcesses,
    Effect.sync(() => {
      // Each worker that is piped into it listens: more of them are no leak.
      process.stdout.setMaxListeners(0)
      cluster.schedulingPolicy = cluster.SCHED_RR
      cluster.setupPrimary({ exec: program, args: [], stdio: ["ignore", "pipe", "inherit", "ipc"] })
      return WorkerProcesses.of({
        start: Effect.acquireRelease(
          Effect.try({
            try: () => started(cluster.fork()),
            catch: (error) => new WorkerNotStarted({ message: error instanceof Error ? error.message : String(error) })
          }),
          ({ kill }) => kill
        ).pipe(Effect.map(({ worker }) => worker))
      })
    })
  )

/** Lines that a worker left behind are waited for no longer: whoever reads stdout may have stopped. */
const LAST_LINES = "1 second"

const started = (child: Worker) => {
  const exited = Deferred.makeUnsafe<string>()
  const silent = Deferred.makeUnsafe<void>()
  const endHandovers = watchHandovers(child.process)
  let how: string | undefined
  const end = (): void => {
    // What it said last has been read when the channel ends, which may be after the process.
    if (how === undefined || child.isConnected()) return
    endHandovers()
    Deferred.doneUnsafe(exited, Effect.succeed(how))
  }
  child.on("exit", (code, signal) => {
    how = signal ?? `exit code ${code}`
    end()
  })
  child.on("disconnect", end)
  // A process that could not be started has no exit.
  child.on("error", ({ message }) => {
    if (child.process.pid !== undefined) return
    how = message
    Deferred.doneUnsafe(exited, Effect.succeed(message))
  })
  const lines = new WholeLines().on("end", () => Deferred.doneUnsafe(silent, Effect.void))
  child.process.stdout?.pipe(lines).pipe(process.stdout, { end: false })

  const worker: WorkerProcess = {
    pid: child.process.pid ?? 0,
    port: {
      post: (batch) =>
        Effect.callback((resume) => {
          if (!child.isConnected()) return resume(Effect.succeed(false))
          child.send(batch, (error: Error | null) => resume(Effect.succeed(error === null)))
        }),
      listen: (listener) => void child.on("message", listener)
    },
    signal: (name) =>
      Effect.sync(() => {
        if (how === undefined) child.process.kill(name)
      }),
    exited: Deferred.await(exited)
  }
  const kill = worker
    .signal("SIGKILL")
    .pipe(Effect.andThen(Deferred.await(silent)), Effect.interruptible, Effect.timeoutOption(LAST_LINES))
  return { worker, kill }
}
