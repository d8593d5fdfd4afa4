/**
 * The gateway as several processes on one machine: this one listens, counts what is limited for all, and tells of all at
 * HTTP_PORT; workers talk to clients and to the API. Closing the scope drains them.
 */
import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import { Data, Duration, Effect, Layer, Schedule } from "effect"
import { IdleHeapLive } from "../layers/heap/IdleHeapLive.ts"
import { HealthServerLive } from "../layers/http/HealthServerLive.ts"
import { RateLimiterStoreMemory } from "../layers/protection/RateLimiterStoreMemory.ts"
import { LoggerLive, LogOutput } from "../layers/telemetry/LoggerLive.ts"
import { MetricsPrometheus } from "../layers/telemetry/MetricsPrometheus.ts"
import { SharedTicketKeys } from "../layers/tls/TicketKeys.ts"
import { TracingOff } from "../layers/telemetry/TracingLive.ts"
import { clusterWorkers } from "../layers/workers/ClusterWorkers.ts"
import { Fleet, FleetLive, MetricsOfFleet, ReadinessOfFleet } from "../layers/workers/Fleet.ts"
import type { Begin } from "../layers/workers/messages.ts"
import { SharedReceiptsMemory } from "../layers/workers/SharedReceipts.ts"
import { GatewayConfig, type GatewaySettings } from "../services/GatewayConfig.ts"
import { Metrics } from "../services/Metrics.ts"
import { RateLimiterStore } from "../services/RateLimiterStore.ts"
import { superviseWorker, type WorkerEnd } from "./superviseWorker.ts"

/** No worker could be started: as one process would, the whole ends. */
export class WorkersFailed extends Data.TaggedError("WorkersFailed")<{ readonly message: string }> {}

/** A worker that ended sooner has not served: the next one is waited with. */
const STEADY = Duration.seconds(60)

/** Starts of one worker, none of them steady, after which the whole ends if nobody serves. */
const MAX_ATTEMPTS = 8

const BACKOFF = Schedule.min([Schedule.exponential("500 millis"), Schedule.spaced("30 seconds")])

/** `settings` is what the workers read theirs from. Runs until interrupted. */
export const supervise = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const { log, shutdown, workers } = yield* GatewayConfig
  const { secret } = yield* RateLimiterStore
  const { isTerminal } = yield* LogOutput
  const fleet = yield* Fleet
  const restarts = (yield* Metrics).counter({
    name: "smtp_worker_restarts_total",
    help: "Worker processes that ended and were started again, where WORKERS is more than 1",
    labels: {}
  })
  const drainTime = Duration.sum(shutdown.delay, shutdown.timeout)
  let everReady = false

  const one = (worker: number) => {
    const begin: Begin = {
      _tag: "Begin",
      worker,
      workers,
      settings: withOneKey(settings, log),
      secret: Buffer.from(secret).toString("base64"),
      isTerminal
    }
    let attempts = 0
    const attempt = superviseWorker(begin, drainTime).pipe(
      Effect.catchTag("WorkerNotStarted", ({ message }) =>
        Effect.succeed<WorkerEnd>({ cause: message, wasReady: false, lived: 0 })
      ),
      Effect.flatMap(
        Effect.fnUntraced(function* ({ cause, lived, wasReady }) {
          everReady ||= wasReady || fleet.ready() > 0
          attempts = lived >= Duration.toMillis(STEADY) ? 1 : attempts + 1
          if (!everReady) return yield* new WorkersFailed({ message: cause })
          yield* Effect.logError("worker_ended", { worker, cause, lived_ms: lived })
          if (attempts >= MAX_ATTEMPTS && fleet.ready() === 0) {
            yield* Effect.logError("workers_given_up", { worker, attempts })
            return yield* new WorkersFailed({ message: `workers end as soon as they are started: ${cause}` })
          }
          restarts.increment({})
          if (attempts > 1) return yield* new Unsteady()
        })
      )
    )
    return attempt.pipe(
      Effect.retry({ schedule: BACKOFF, while: ({ _tag }) => _tag === "Unsteady" }),
      Effect.catchTag("Unsteady", () => Effect.void),
      Effect.forever
    )
  }

  yield* Effect.logInfo("workers_starting", { workers })
  return yield* Effect.forEach(
    Array.from({ length: workers }, (_, index) => index + 1),
    one,
    { concurrency: "unbounded", discard: true }
  )
})

/** The next attempt is made by the schedule. */
class Unsteady extends Data.TaggedError("Unsteady") {}

/** Hashes of addresses are the same in the lines of all workers. */
const withOneKey = (
  settings: Readonly<Record<string, string>>,
  { addressKey, addresses }: GatewaySettings["log"]
): Readonly<Record<string, string>> =>
  addresses === "hash" && addressKey === undefined
    ? { ...settings, LOG_ADDRESSES_KEY: randomBytes(32).toString("hex") }
    : settings

/** Beside this module, with its ending: from source or from dist. */
const WORKER_PROGRAM = fileURLToPath(import.meta.url).replace(/supervisor(\.[jt]s)$/, "worker$1")

/** What the supervisor needs but the processes themselves. */
export const SupervisorLive = HealthServerLive.pipe(
  Layer.provide(MetricsOfFleet),
  Layer.provide(ReadinessOfFleet),
  Layer.provideMerge(FleetLive),
  Layer.provideMerge(RateLimiterStoreMemory),
  Layer.provideMerge(SharedReceiptsMemory),
  Layer.provideMerge(SharedTicketKeys),
  Layer.merge(IdleHeapLive),
  Layer.provideMerge(LoggerLive),
  Layer.provideMerge(MetricsPrometheus),
  Layer.provide(TracingOff)
)

export const supervisor = (config: GatewaySettings, settings: Readonly<Record<string, string>>) =>
  supervise(settings).pipe(
    Effect.provide(
      Layer.merge(SupervisorLive, clusterWorkers(WORKER_PROGRAM)).pipe(
        Layer.provideMerge(Layer.succeed(GatewayConfig, config))
      )
    )
  )
