/** The stores of a supervisor as its workers use them, over ports in memory: what crosses a process is copied by JSON. */
import { Context, Effect, Layer, type Scope } from "effect"
import { makeChannel, type Port } from "../../src/layers/workers/Channel.ts"
import { type Begin, ToSupervisor, type ToWorker } from "../../src/layers/workers/messages.ts"
import { SharedReceipts } from "../../src/layers/workers/SharedReceipts.ts"
import { makeStoreAnswers } from "../../src/layers/workers/storeAnswers.ts"
import { rateLimiterStoreOver, receiptStoreOver } from "../../src/layers/workers/storesOverLink.ts"
import { makeSupervisorLink } from "../../src/layers/workers/SupervisorLink.ts"
import { RateLimiterStore } from "../../src/services/RateLimiterStore.ts"
import type { ReceiptStore } from "../../src/services/ReceiptStore.ts"

const portPair = (): readonly [Port, Port] => {
  const listeners: Array<(batch: unknown) => void> = [() => {}, () => {}]
  const port = (own: 0 | 1): Port => ({
    post: (batch) =>
      Effect.sync(() => {
        listeners[1 - own]?.(JSON.parse(JSON.stringify(batch)))
        return true
      }),
    listen: (listener) => void (listeners[own] = listener)
  })
  return [port(0), port(1)]
}

/** The stores of one worker. Its process ends when the scope closes. */
export const connectWorker: Effect.Effect<
  Context.Context<RateLimiterStore | ReceiptStore>,
  never,
  RateLimiterStore | SharedReceipts | Scope.Scope
> = Effect.gen(function* () {
  const [ofSupervisor, ofWorker] = portPair()
  const { secret } = yield* RateLimiterStore
  const channel = yield* makeChannel<ToSupervisor, ToWorker>(ofSupervisor, ToSupervisor)
  const answer = yield* makeStoreAnswers((id, given) => channel.tell({ _tag: "Answered", id, answer: given }))
  yield* channel.next.pipe(
    Effect.flatMap((messages) =>
      Effect.forEach(
        messages,
        (message) => {
          switch (message._tag) {
            case "Asked":
            case "Ended":
            case "Kept":
            case "Released":
              return answer(message)
            default:
              return Effect.void
          }
        },
        { discard: true }
      )
    ),
    Effect.forever,
    Effect.forkScoped
  )
  const link = yield* makeSupervisorLink(ofWorker)
  const begin: Begin = {
    _tag: "Begin",
    worker: 1,
    workers: 1,
    settings: {},
    secret: Buffer.from(secret).toString("base64"),
    isTerminal: false
  }
  return yield* Layer.build(Layer.merge(rateLimiterStoreOver(link, begin), receiptStoreOver(link)))
})

/** As a layer, over the stores that it is given. */
export const WorkerStores: Layer.Layer<RateLimiterStore | ReceiptStore, never, RateLimiterStore | SharedReceipts> =
  Layer.effectContext(connectWorker)
