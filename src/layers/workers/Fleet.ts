/** The workers that there are, taken together. */
import { Context, Effect, Layer, type Scope, Semaphore } from "effect"
import type { MetricFamily } from "../../services/MetricFamilies.ts"
import { Metrics } from "../../services/Metrics.ts"
import { Readiness, type UnreadyReason } from "../../services/Readiness.ts"
import { declareReadiness } from "../http/ReadinessLive.ts"
import { expositionOf, retired } from "../telemetry/mergedFamilies.ts"
import { MetricFamilies } from "../../services/MetricFamilies.ts"

type Families = ReadonlyArray<MetricFamily>

/** A worker, as long as its process lives. */
export interface Member {
  /** Empty when it is ready. */
  readonly setReasons: (reasons: ReadonlyArray<UnreadyReason>) => void
  /** Its metrics as they are now, or as they were last known. */
  readonly remember: (families: Families) => void
}

export class Fleet extends Context.Service<
  Fleet,
  {
    /**
     * `families` asks the process for its metrics and need not succeed. When the scope closes, what it has counted stays
     * in the counts of the whole.
     */
    readonly join: (families: Effect.Effect<void>) => Effect.Effect<Member, never, Scope.Scope>
    /** Workers that serve. */
    readonly ready: () => number
    /** Why nobody serves; empty when one does. */
    readonly reasons: () => ReadonlyArray<UnreadyReason>
    /** Of each worker, and of those that are gone. */
    readonly families: Effect.Effect<ReadonlyArray<Families>>
  }
>()("gateway/layers/Fleet") {}

export const FleetLive: Layer.Layer<Fleet, never, Metrics> = Layer.effect(
  Fleet,
  Effect.gen(function* () {
    const members = new Set<Known>()
    const metrics = yield* Metrics
    const oneAtATime = Semaphore.makeUnsafe(1)
    let gone: Families = []

    const ready = () => [...members].filter(({ reasons }) => reasons.length === 0).length
    metrics.gauge({
      name: "smtp_workers_ready",
      help: "Worker processes that serve, where WORKERS is more than 1",
      labels: {},
      collect: ready
    })

    const join = (families: Effect.Effect<void>) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => {
            const known: Known = { reasons: ["not listening"], families: [], ask: families }
            members.add(known)
            return known
          }),
          (known) =>
            oneAtATime.withPermit(
              Effect.suspend(() => {
                members.delete(known)
                return Effect.map(retired(gone, known.families), (all) => void (gone = all))
              })
            )
        ),
        (known): Member => ({
          setReasons: (reasons) => void (known.reasons = reasons),
          remember: (families) => void (known.families = families)
        })
      )

    const reasons = (): ReadonlyArray<UnreadyReason> => {
      if (ready() > 0) return []
      const all = new Set([...members].flatMap((member) => member.reasons))
      return all.size === 0 ? ["not listening"] : [...all]
    }

    return Fleet.of({
      join,
      ready,
      reasons,
      families: oneAtATime.withPermit(
        Effect.suspend(() =>
          Effect.map(
            Effect.forEach([...members], ({ ask }) => ask, { concurrency: "unbounded", discard: true }),
            () => [...[...members].map(({ families }) => families), gone]
          )
        )
      )
    })
  })
)

interface Known {
  reasons: ReadonlyArray<UnreadyReason>
  families: Families
  readonly ask: Effect.Effect<void>
}

/** Ready when a worker is: the others' clients find it, because the ports are those of all. */
export const ReadinessOfFleet: Layer.Layer<Readiness, never, Fleet | Metrics> = Layer.effect(
  Readiness,
  Effect.gen(function* () {
    const { reasons } = yield* Fleet
    yield* declareReadiness(() => reasons().length === 0)
    return Readiness.of({ reasons: Effect.sync(reasons), set: () => Effect.void })
  })
)

/** Metrics whose exposition is that of all processes: the workers, and this one. */
export const MetricsOfFleet: Layer.Layer<Metrics, never, Fleet | Metrics | MetricFamilies> = Layer.effect(
  Metrics,
  Effect.gen(function* () {
    const own = yield* Metrics
    const { now } = yield* MetricFamilies
    const { families } = yield* Fleet
    return Metrics.of({
      ...own,
      // Its own come first: where one process has to speak for all, it is this one.
      exposition: Effect.flatMap(Effect.all([now, families]), ([mine, others]) => expositionOf([mine, ...others]))
    })
  })
)
