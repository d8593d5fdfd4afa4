/** The stores of the supervisor, as a worker uses them: what they count holds for all workers together. */
import { Effect, Layer } from "effect"
import { Readiness } from "../../services/Readiness.ts"
import { RateLimiterStore } from "../../services/RateLimiterStore.ts"
import { type Claim, ReceiptStore } from "../../services/ReceiptStore.ts"
import { MetricFamilies } from "../../services/MetricFamilies.ts"
import { ReadinessLive } from "../http/ReadinessLive.ts"
import { ANSWERS, type Begin } from "./messages.ts"
import type { SupervisorLink } from "./SupervisorLink.ts"

export const rateLimiterStoreOver = (link: SupervisorLink, { secret }: Begin): Layer.Layer<RateLimiterStore> =>
  Layer.succeed(RateLimiterStore, {
    secret: Buffer.from(secret, "base64"),
    connect: (key, rule) =>
      Effect.map(
        link.askScoped({ _tag: "Connect", key: key ?? null, rule }, ANSWERS.Connect),
        (refusal) => refusal ?? undefined
      ),
    guess: (key, mark, rule) => link.askScoped({ _tag: "Guess", key, mark, rule }, ANSWERS.Guess),
    take: (quotas, window) =>
      Effect.map(link.ask({ _tag: "Take", quotas, window }, ANSWERS.Take), (refusal) => refusal ?? undefined),
    strike: (offender, key, mark, rule) => link.ask({ _tag: "Strike", offender, key, mark, rule }, ANSWERS.Strike),
    blockedFor: (offender, key) => link.ask({ _tag: "BlockedFor", offender, key }, ANSWERS.BlockedFor)
  })

export const receiptStoreOver = (link: SupervisorLink): Layer.Layer<ReceiptStore> => {
  const outcome = (key: string) =>
    Effect.map(link.ask({ _tag: "Outcome", key }, ANSWERS.Outcome), (receipt) => receipt ?? undefined)
  return Layer.succeed(ReceiptStore, {
    claim: (key) =>
      Effect.map(link.ask({ _tag: "Claim", key }, ANSWERS.Claim), (claim): Claim =>
        claim._tag === "Elsewhere" ? { _tag: "Elsewhere", outcome: outcome(key) } : claim
      ),
    keep: (key, receipt) => Effect.sync(() => link.tell({ _tag: "Kept", key, receipt })),
    release: (key) => Effect.sync(() => link.tell({ _tag: "Released", key }))
  })
}

/** Readiness of the worker, told to the supervisor at each change. */
export const readinessOver = (link: SupervisorLink) =>
  Layer.effect(
    Readiness,
    Effect.map(Readiness, (own) =>
      Readiness.of({
        reasons: own.reasons,
        set: (reason, holds) =>
          Effect.andThen(
            own.set(reason, holds),
            Effect.map(own.reasons, (reasons) => link.tell({ _tag: "Readiness", reasons }))
          )
      })
    )
  ).pipe(Layer.provide(ReadinessLive))

/** Tells the supervisor the metrics of the worker, whenever it asks and once more at the end. */
export const metricsOver = (link: SupervisorLink): Layer.Layer<never, never, MetricFamilies> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { now } = yield* MetricFamilies
      const tell = (id: number) => Effect.map(now, (families) => link.tell({ _tag: "Families", id, families }))
      yield* link.onFamiliesWanted(tell)
      yield* Effect.addFinalizer(() => tell(LAST))
    })
  )

/** The number of no question. */
const LAST = 0
