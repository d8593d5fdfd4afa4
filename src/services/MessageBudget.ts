import { Context, type Effect, type Scope } from "effect"
import type { MessageBudgetExhausted } from "../domain/GatewayError.ts"

/** Bytes held for one message. */
export interface Reservation {
  /**
   * Adds bytes that are held from now on. False, and nothing is added, when the process would hold more than it may, when
   * a large message has to give way (docs/decisions/0020), or when the reservation is released already. A negative number
   * gives bytes back.
   */
  readonly grow: (bytes: number) => boolean
  /**
   * The message has arrived. From now on the bytes are held until `scope` closes, whatever becomes of the scope that held
   * them before.
   */
  readonly transfer: (scope: Scope.Scope) => Effect.Effect<void>
  /** Gives all bytes back now; later releases, by hand or by scope, do nothing. */
  readonly release: Effect.Effect<void>
}

/** The message bytes, raw and encoded, that the process holds at a time (requirement A15, rulings 9). */
export class MessageBudget extends Context.Service<
  MessageBudget,
  {
    /** Asked before 354: refuses above 80 % of MESSAGE_BUDGET, so that what has begun can be finished. */
    readonly admit: Effect.Effect<void, MessageBudgetExhausted>
    /** Begins with no bytes; gives back what it has grown to when the scope closes. */
    readonly reservation: Effect.Effect<Reservation, never, Scope.Scope>
    /** Bytes of all reservations. */
    readonly held: Effect.Effect<number>
  }
>()("gateway/services/MessageBudget") {}
