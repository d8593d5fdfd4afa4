import { Effect, Exit, Layer, Scope } from "effect"
import { MessageBudgetExhausted } from "../../domain/GatewayError.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { MessageBudget, type Reservation } from "../../services/MessageBudget.ts"
import { Metrics } from "../../services/Metrics.ts"
import { BudgetLedger } from "./BudgetLedger.ts"

export const MessageBudgetLive: Layer.Layer<MessageBudget, never, GatewayConfig | Metrics> = Layer.effect(
  MessageBudget,
  Effect.gen(function* () {
    const { limits, smtp } = yield* GatewayConfig
    const metrics = yield* Metrics
    const ledger = new BudgetLedger(limits.messageBudget, smtp.messageSizeLimit)
    let refusing = false
    // It would be told 452 for ever, alone in the process or not.
    if (limits.messageBudget < 2 * smtp.messageSizeLimit) {
      yield* Effect.logWarning("message_budget_small", {
        budget_bytes: limits.messageBudget,
        message_size_limit_bytes: smtp.messageSizeLimit,
        advice: "a message takes up to twice its size: raise MESSAGE_BUDGET or lower MESSAGE_SIZE_LIMIT"
      })
    }

    metrics.gauge({
      name: "smtp_inflight_message_bytes",
      help: "Bytes of the messages that are held now, as they came and as they go to the API",
      labels: {},
      collect: () => ledger.held
    })
    metrics.gauge({
      name: "smtp_message_budget_bytes",
      help: "Bytes of messages that may be held, as MESSAGE_BUDGET says",
      labels: {},
      collect: () => ledger.budget
    })

    const admit = Effect.suspend((): Effect.Effect<void, MessageBudgetExhausted> => {
      const exhausted = !ledger.admits()
      const answer = exhausted ? Effect.fail(new MessageBudgetExhausted()) : Effect.void
      if (exhausted === refusing) return answer
      // Logged when refusals begin and when they end, not each time.
      refusing = exhausted
      const fields = { held_bytes: ledger.held, budget_bytes: ledger.budget }
      const log = exhausted
        ? Effect.logWarning("message_budget_exhausted", fields)
        : Effect.logInfo("message_budget_recovered", fields)
      return Effect.andThen(log, answer)
    })

    return MessageBudget.of({
      admit,
      reservation: Effect.uninterruptible(Effect.flatMap(Effect.scope, (scope) => reserve(ledger, scope))),
      held: Effect.sync(() => ledger.held)
    })
  })
)

const reserve = (ledger: BudgetLedger, scope: Scope.Scope): Effect.Effect<Reservation> => {
  const holding = ledger.begin()
  let released = false
  let owner: Scope.Closeable | undefined

  const giveBack = () => {
    ledger.end(holding)
    released = true
  }

  const leave = (scope: Scope.Closeable | undefined) =>
    scope === undefined ? Effect.void : Scope.close(scope, Exit.void)

  /** In a child of the scope, which can be left again without a trace: sessions outlive thousands of messages. */
  const holdIn = (scope: Scope.Scope): Effect.Effect<void> =>
    Effect.uninterruptible(
      Effect.suspend(() => {
        if (released) return Effect.void
        const before = owner
        const child = Scope.forkUnsafe(scope)
        owner = child
        const atItsEnd = Effect.sync(() => {
          if (owner === child) giveBack()
        })
        return Effect.andThen(Scope.addFinalizer(child, atItsEnd), leave(before))
      })
    )

  return Effect.as(holdIn(scope), {
    grow: (bytes) => !released && ledger.grow(holding, bytes),
    transfer: (scope) =>
      Effect.suspend(() => {
        ledger.arrived(holding)
        return holdIn(scope)
      }),
    release: Effect.suspend(() => {
      giveBack()
      return leave(owner)
    })
  })
}
