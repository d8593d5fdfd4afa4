import { Context, Data, type Effect, type Scope } from "effect"

export interface WorkerProcess {
  /** Of the operating system; 0 for one that could not be started. */
  readonly pid: number
  /** Batches of messages to and from it. */
  readonly port: {
    /** False when it is gone. */
    readonly post: (batch: ReadonlyArray<unknown>) => Effect.Effect<boolean>
    readonly listen: (listener: (batch: unknown) => void) => void
  }
  readonly signal: (name: "SIGTERM" | "SIGKILL") => Effect.Effect<void>
  /** How it ended: an exit code, or the signal that ended it. Whoever asks later is told too. */
  readonly exited: Effect.Effect<string>
}

/** The system would not start a process. */
export class WorkerNotStarted extends Data.TaggedError("WorkerNotStarted")<{ readonly message: string }> {}

/** Starts processes that share the ports of SMTP. */
export class WorkerProcesses extends Context.Service<
  WorkerProcesses,
  {
    /** Killed, if it still runs, when the scope closes. */
    readonly start: Effect.Effect<WorkerProcess, WorkerNotStarted, Scope.Scope>
  }
>()("gateway/services/WorkerProcesses") {}
