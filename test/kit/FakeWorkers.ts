/** Worker processes that a test plays itself: what they say, when they end. */
import { Deferred, Effect, Layer } from "effect"
import type { ToSupervisor } from "../../src/layers/workers/messages.ts"
import { WorkerProcesses } from "../../src/services/WorkerProcesses.ts"

export interface FakeWorker {
  readonly pid: number
  /** What it was told, in order. */
  readonly told: ReadonlyArray<{ readonly _tag: string; readonly [field: string]: unknown }>
  readonly signals: ReadonlyArray<string>
  readonly say: (...messages: ReadonlyArray<ToSupervisor>) => Effect.Effect<void>
  /** Something that is no message. */
  readonly babble: Effect.Effect<void>
  readonly end: (how: string) => Effect.Effect<void>
}

export interface FakeWorkers {
  /** All that were started, in order. */
  readonly started: ReadonlyArray<FakeWorker>
  readonly layer: Layer.Layer<WorkerProcesses>
}

/**
 * `behaves` is asked at each start what the worker does by itself. SIGKILL ends it; SIGTERM does so unless `deaf`, and
 * answers for its metrics unless `mute`.
 */
export const makeFakeWorkers = (
  behaves: (worker: FakeWorker, number: number) => Effect.Effect<void>,
  { deaf = false, mute = false }: { readonly deaf?: boolean; readonly mute?: boolean } = {}
): FakeWorkers => {
  const started: Array<FakeWorker> = []
  const layer = Layer.succeed(WorkerProcesses, {
    start: Effect.acquireRelease(
      Effect.gen(function* () {
        const run = Effect.runForkWith(yield* Effect.context<never>())
        const exited = Deferred.makeUnsafe<string>()
        const told: Array<FakeWorker["told"][number]> = []
        const signals: Array<string> = []
        let hear: (batch: unknown) => void = () => {}
        const settle = Effect.repeat(Effect.yieldNow, { times: 20 })
        const worker: FakeWorker = {
          pid: started.length + 1,
          told,
          signals,
          say: (...messages) =>
            Effect.andThen(
              Effect.sync(() => hear(messages)),
              settle
            ),
          babble: Effect.andThen(
            Effect.sync(() => hear([{ _tag: "Nonsense" }])),
            settle
          ),
          end: (how) => Effect.andThen(Deferred.succeed(exited, how), settle)
        }
        started.push(worker)
        const post = (batch: ReadonlyArray<unknown>) =>
          Effect.sync(() => {
            for (const message of batch as FakeWorker["told"]) {
              told.push(message)
              if (message._tag === "FamiliesWanted" && !mute) {
                hear([{ _tag: "Families", id: message["id"], families: [] }])
              }
            }
            return true
          })
        const listen = (listener: (batch: unknown) => void) => {
          hear = listener
          run(behaves(worker, started.length))
        }
        return {
          pid: worker.pid,
          port: { post, listen },
          signal: (name: "SIGTERM" | "SIGKILL") =>
            Effect.sync(() => {
              signals.push(name)
              if (name === "SIGKILL" || !deaf) Deferred.doneUnsafe(exited, Effect.succeed(name))
            }),
          exited: Deferred.await(exited)
        }
      }),
      ({ signal }) => signal("SIGKILL")
    )
  })
  return { started, layer }
}
