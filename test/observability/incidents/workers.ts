/** What happens to one process of several. */
import { Effect } from "effect"
import { metricsText } from "../../kit/metricOf.ts"
import { eventually, startSandbox } from "../../kit/SandboxKit.ts"
import { startWorkers } from "../../kit/WorkersKit.ts"
import type { Incident } from "./Incident.ts"

export const WORKERS: ReadonlyArray<Incident> = [
  {
    name: "a worker that is killed",
    happens: Effect.fnUntraced(function* (evidence) {
      const { url } = yield* startSandbox()
      const gateway = yield* startWorkers({ apiUrl: url })
      const scrape = Effect.map(metricsText(gateway.httpUrl), (text) => void evidence.scrapes.push(text))
      yield* scrape
      const [victim = 0] = yield* gateway.workers
      yield* Effect.sync(() => process.kill(victim, "SIGKILL"))
      yield* eventually(Effect.map(gateway.events("worker_ended"), (events) => events.length === 1))
      yield* scrape
      yield* gateway.serving(2)
      yield* gateway.signal("SIGTERM")
      yield* gateway.ended
      evidence.lines.push(...(yield* gateway.log))
    })
  }
]
