/** Receipts that several workers share: what one is submitting the others wait for. */
import { Context, Deferred, Effect, Layer, type Scope } from "effect"
import type { GatewayConfig } from "../../services/GatewayConfig.ts"
import { type Claim, GRANTED, type ReceiptStore } from "../../services/ReceiptStore.ts"
import { makeReceiptMemory } from "../protection/ReceiptMemory.ts"

export class SharedReceipts extends Context.Service<
  SharedReceipts,
  {
    /**
     * The store as one worker sees it. When the scope closes, what the worker was submitting is let go of: nobody can tell
     * its outcome any more.
     */
    readonly ofWorker: Effect.Effect<ReceiptStore["Service"], never, Scope.Scope>
    /** Of a submission that is under way; `undefined` unless it is accepted, or was before this was asked. */
    readonly outcome: (key: string) => Effect.Effect<string | undefined>
  }
>()("gateway/layers/SharedReceipts") {}

export const SharedReceiptsMemory: Layer.Layer<SharedReceipts, never, GatewayConfig> = Layer.effect(
  SharedReceipts,
  Effect.gen(function* () {
    const memory = yield* makeReceiptMemory
    const underWay = new Map<string, Submission>()

    const outcome = (key: string): Effect.Effect<string | undefined> =>
      Effect.suspend(() => {
        const submission = underWay.get(key)
        return submission === undefined ? Effect.succeed(memory.receipt(key)) : Deferred.await(submission.outcome)
      })

    const ofWorker = Effect.gen(function* () {
      const worker = {}

      const claim = (key: string): Claim => {
        const receipt = memory.receipt(key)
        if (receipt !== undefined) return { _tag: "Remembered", receipt }
        const submission = underWay.get(key)
        if (submission !== undefined && submission.worker !== worker) {
          return { _tag: "Elsewhere", outcome: Deferred.await(submission.outcome) }
        }
        if (submission === undefined) underWay.set(key, { worker, outcome: Deferred.makeUnsafe() })
        return GRANTED
      }
      const end = (key: string, receipt: string | undefined): void => {
        const submission = underWay.get(key)
        if (submission?.worker !== worker) return
        underWay.delete(key)
        Deferred.doneUnsafe(submission.outcome, Effect.succeed(receipt))
      }

      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          for (const key of underWay.keys()) end(key, undefined)
        })
      )
      const store: ReceiptStore["Service"] = {
        claim: (key) => Effect.sync(() => claim(key)),
        keep: (key, receipt) =>
          Effect.sync(() => {
            memory.keep(key, receipt)
            end(key, receipt)
          }),
        release: (key) => Effect.sync(() => end(key, undefined))
      }
      return store
    })

    return SharedReceipts.of({ ofWorker, outcome })
  })
)

interface Submission {
  /** Whoever claimed it. */
  readonly worker: object
  readonly outcome: Deferred.Deferred<string | undefined>
}
