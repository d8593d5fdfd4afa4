/** The stores of the supervisor, asked by one worker. */
import { Effect, Exit, FiberSet, Scope } from "effect"
import { RateLimiterStore } from "../../services/RateLimiterStore.ts"
import type { ANSWERS, Ask, ToSupervisor } from "./messages.ts"
import { SharedReceipts } from "./SharedReceipts.ts"

/** The messages that are about the stores. */
export type StoreMessage = Extract<ToSupervisor, { readonly _tag: "Asked" | "Ended" | "Kept" | "Released" }>

type Answer = { readonly [Tag in keyof typeof ANSWERS]: (typeof ANSWERS)[Tag]["Type"] }[keyof typeof ANSWERS]

/**
 * Carries out what the worker asks for, in the order in which it asks; only the outcome of a submission is waited for
 * beside the others. When the scope closes, nothing of the worker is counted any more but its mails and failed logins.
 */
export const makeStoreAnswers: (
  answer: (id: number, answer: Answer) => void
) => Effect.Effect<
  (message: StoreMessage) => Effect.Effect<void>,
  never,
  RateLimiterStore | SharedReceipts | Scope.Scope
> = Effect.fnUntraced(function* (answer) {
  const store = yield* RateLimiterStore
  const shared = yield* SharedReceipts
  const receipts = yield* shared.ofWorker
  const waiting = yield* FiberSet.make<void>()
  const scope = yield* Effect.scope
  /** By the number of the ask that opened them. */
  const open = new Map<number, Scope.Closeable>()

  /** Refusals count nothing and are held on to as well: the worker ends them all. */
  const held = <A>(id: number, counted: Effect.Effect<A, never, Scope.Scope>): Effect.Effect<A> =>
    Effect.suspend(() => {
      const child = Scope.forkUnsafe(scope)
      open.set(id, child)
      return Scope.provide(counted, child)
    })

  const answerOf = (id: number, ask: Exclude<Ask, { readonly _tag: "Outcome" }>): Effect.Effect<Answer> => {
    switch (ask._tag) {
      case "Connect":
        return Effect.map(held(id, store.connect(ask.key ?? undefined, ask.rule)), orNull)
      case "Guess":
        return held(id, store.guess(ask.key, ask.mark, ask.rule))
      case "Take":
        return Effect.map(store.take(ask.quotas, ask.window), orNull)
      case "Strike":
        return store.strike(ask.offender, ask.key, ask.mark, ask.rule)
      case "BlockedFor":
        return store.blockedFor(ask.offender, ask.key)
      case "Claim":
        return Effect.map(receipts.claim(ask.key), (claim) =>
          claim._tag === "Elsewhere" ? { _tag: "Elsewhere" } : claim
        )
    }
  }

  return (message) => {
    switch (message._tag) {
      case "Asked": {
        const { ask, id } = message
        if (ask._tag !== "Outcome") return Effect.map(answerOf(id, ask), (given) => answer(id, given))
        const told = Effect.map(shared.outcome(ask.key), (receipt) => answer(id, receipt ?? null))
        return Effect.asVoid(FiberSet.run(waiting, told))
      }
      case "Ended": {
        const child = open.get(message.id)
        if (child === undefined) return Effect.void
        open.delete(message.id)
        return Scope.close(child, Exit.void)
      }
      case "Kept":
        return receipts.keep(message.key, message.receipt)
      case "Released":
        return receipts.release(message.key)
    }
  }
})

const orNull = <A>(value: A | undefined): A | null => value ?? null
