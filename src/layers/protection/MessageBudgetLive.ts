import { Effect, Exit, Layer, Scope } from "effect"
import { MessageBudgetExhausted } from "../../domain/GatewayError.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { MessageBudget, type Reservation } from "../../services/MessageBudget.ts"
import { Metrics } from "../../services/Metrics.ts"

/** New messages are refused above this share of the budget (rulings 9). */
const ADMISSION_SHARE = 0.8

export const MessageBudgetLive: Layer.Layer<MessageBudget, never, GatewayConfig | Metrics> = Layer.effect(
  MessageBudget,
  Effect.gen(function* () {
    const { limits } = yield* GatewayConfig
    const metrics = yield* Metrics
    const ledger: Ledger = { held: 0, budget: limits.messageBudget }
    const admitUpTo = ledger.budget * ADMISSION_SHARE
    let refusing = false

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
      const exhausted = ledger.held > admitUpTo
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
      reservation: Effect.flatMap(Effect.scope, (scope) => reserve(ledger, scope)),
      held: Effect.sync(() => ledger.held)
    })
  })
)

interface Ledger {
  /** Bytes of all reservations. */
  held: number
  readonly budget: number
}

const reserve = (ledger: Ledger, scope: Scope.Scope): Effect.Effect<Reservation> => {
  let bytes = 0
  let released = false
  let owner: Scope.Closeable | undefined

  const giveBack = () => {
    ledger.held -= bytes
    bytes = 0
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
    grow: (more) => {
      if (released || ledger.held + more > ledger.budget) return false
      bytes += more
      ledger.held += more
      return true
    },
    transfer: holdIn,
    release: Effect.suspend(() => {
      giveBack()
      return leave(owner)
    })
  })
}
