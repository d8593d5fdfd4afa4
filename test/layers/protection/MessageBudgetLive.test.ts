import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { MessageBudgetLive } from "../../../src/layers/protection/MessageBudgetLive.ts"
import { MessageBudget, type Reservation } from "../../../src/services/MessageBudget.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { configWith } from "../../kit/SettingsKit.ts"

const BUDGET = 1_000

const budget = MessageBudgetLive.pipe(
  Layer.provideMerge(layerMetricsRecorder),
  Layer.provide(configWith({ limits: { messageBudget: BUDGET } }))
)

const admit = Effect.flatMap(MessageBudget, (service) => service.admit)
const reservation = Effect.flatMap(MessageBudget, (service) => service.reservation)
const assertHeld = Effect.fnUntraced(function* (bytes: number) {
  assert.strictEqual(yield* Effect.flatMap(MessageBudget, (service) => service.held), bytes)
  const { value } = yield* MetricsRecorder
  assert.strictEqual(value("smtp_inflight_message_bytes"), bytes)
})

/** What is left to do when the scope closes. */
const finalizersOf = ({ state }: Scope.Closeable): number =>
  state._tag === "Open" ? (state.finalizers?.size ?? 0) + (state.finalizer === undefined ? 0 : 1) : 0

describe("MessageBudgetLive", () => {
  it.effect("admits up to 80 %", () =>
    Effect.gen(function* () {
      const { grow } = yield* reservation
      yield* admit
      assert.isTrue(grow(800))
      yield* admit
      assert.isTrue(grow(1))
      assert.strictEqual((yield* Effect.flip(admit))._tag, "MessageBudgetExhausted")
    }).pipe(Effect.provide(budget))
  )

  it.effect("lets reservations grow up to 100 %, and refuses the one that asks for more", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* reservation, yield* reservation]
      assert.isTrue(one.grow(900))
      assert.isFalse(other.grow(101))
      assert.isTrue(other.grow(100))
      assert.isFalse(one.grow(1))
      assert.isTrue(one.grow(0))
      yield* assertHeld(1_000)
    }).pipe(Effect.provide(budget))
  )

  it.effect("what a refused one asked for is not held", () =>
    Effect.gen(function* () {
      const { grow } = yield* reservation
      for (let i = 0; i < 10; i++) assert.isFalse(grow(1_001))
      assert.isTrue(grow(1_000))
    }).pipe(Effect.provide(budget))
  )

  it.effect("gives back when the scope closes, and once", () =>
    Effect.gen(function* () {
      const kept = yield* reservation
      kept.grow(10)
      const scope = yield* Scope.make()
      const gone = yield* Scope.provide(reservation, scope)
      gone.grow(300)
      yield* assertHeld(310)
      yield* Scope.close(scope, Exit.void)
      yield* assertHeld(10)
      yield* Scope.close(scope, Exit.void)
      yield* gone.release
      yield* assertHeld(10)
      assert.isFalse(gone.grow(1))
      yield* assertHeld(10)
    }).pipe(Effect.provide(budget))
  )

  it.effect("gives back by hand, and not again with the scope", () =>
    Effect.gen(function* () {
      const kept = yield* reservation
      kept.grow(10)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { grow, release } = yield* reservation
          grow(300)
          yield* release
          yield* release
          yield* assertHeld(10)
        })
      )
      yield* assertHeld(10)
    }).pipe(Effect.provide(budget))
  )

  it.effect("an interrupted session gives back", () =>
    Effect.gen(function* () {
      const session = Effect.scoped(
        Effect.gen(function* () {
          const { grow } = yield* reservation
          grow(10)
          return yield* Effect.never
        })
      )
      for (let round = 0; round < 20; round++) {
        const fibers = yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.forkChild(session))
        if (round % 2 === 0) {
          yield* Effect.yieldNow
          yield* assertHeld(500)
        }
        yield* Fiber.interruptAll(fibers)
        yield* assertHeld(0)
      }
    }).pipe(Effect.provide(budget))
  )

  it.effect("transferred, outlives its session and ends with its new scope", () =>
    Effect.gen(function* () {
      const [session, message] = [yield* Scope.make(), yield* Scope.make()]
      const { grow, transfer } = yield* Scope.provide(reservation, session)
      grow(300)
      yield* transfer(message)
      yield* Scope.close(session, Exit.void)
      yield* assertHeld(300)
      assert.isTrue(grow(50))
      yield* assertHeld(350)
      yield* Scope.close(message, Exit.void)
      yield* assertHeld(0)
    }).pipe(Effect.provide(budget))
  )

  it.effect("transferred to a scope that is closed already, is released", () =>
    Effect.gen(function* () {
      const closed = yield* Scope.make()
      yield* Scope.close(closed, Exit.void)
      const { grow, transfer } = yield* reservation
      grow(300)
      yield* transfer(closed)
      yield* assertHeld(0)
      assert.isFalse(grow(1))
    }).pipe(Effect.provide(budget))
  )

  it.effect("a session of many messages holds on to none of them", () =>
    Effect.gen(function* () {
      const [session, process] = [yield* Scope.make(), yield* Scope.make()]
      for (let i = 0; i < 100; i++) {
        const { grow, release, transfer } = yield* Scope.provide(reservation, session)
        grow(10)
        yield* transfer(process)
        assert.deepStrictEqual([finalizersOf(session), finalizersOf(process)], [0, 1])
        yield* release
      }
      for (const scope of [session, process]) {
        assert.strictEqual(finalizersOf(scope), 0)
      }
      yield* assertHeld(0)
    }).pipe(Effect.provide(budget))
  )

  it.effect("logs when refusals begin and when they end, not each", () => {
    const logs = makeLogRecorder()
    return Effect.gen(function* () {
      const first = yield* reservation
      yield* admit
      first.grow(900)
      for (let i = 0; i < 5; i++) yield* Effect.flip(admit)
      yield* first.release
      for (let i = 0; i < 5; i++) yield* admit
      const second = yield* reservation
      second.grow(1_000)
      yield* Effect.flip(admit)
      assert.deepStrictEqual(
        logs.events.map(({ event, fields, level }) => [level, event, fields["held_bytes"]]),
        [
          ["Warn", "message_budget_exhausted", 900],
          ["Info", "message_budget_recovered", 0],
          ["Warn", "message_budget_exhausted", 1_000]
        ]
      )
    }).pipe(Effect.provide(Layer.merge(budget, logs.layer)))
  })

  const Session = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))
  const Step = Schema.Union([
    Schema.Struct({ act: Schema.Literals(["open", "close", "release", "transfer", "settle"]), session: Session }),
    Schema.Struct({
      act: Schema.Literal("grow"),
      session: Session,
      bytes: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 }))
    })
  ])

  it.effect.prop(
    "holds what its reservations hold, whatever happens in whatever order, and nothing in the end",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.gen(function* () {
        interface Open {
          readonly reservation: Reservation
          readonly session: Scope.Closeable
          readonly message: Scope.Closeable
          owner: "session" | "message" | "nobody"
          bytes: number
        }
        const opened: Array<Open> = []
        const current = new Map<number, Open>()
        const total = () => opened.reduce((sum, { bytes }) => sum + bytes, 0)
        const ended = (one: Open) => {
          one.owner = "nobody"
          one.bytes = 0
        }
        for (const step of steps) {
          const one = current.get(step.session)
          if (step.act === "open") {
            const [session, message] = [yield* Scope.make(), yield* Scope.make()]
            const next: Open = {
              reservation: yield* Scope.provide(reservation, session),
              session,
              message,
              owner: "session",
              bytes: 0
            }
            opened.push(next)
            current.set(step.session, next)
          } else if (one === undefined) {
            continue
          } else if (step.act === "grow") {
            const fits = one.owner !== "nobody" && total() + step.bytes <= BUDGET
            assert.strictEqual(one.reservation.grow(step.bytes), fits)
            if (fits) one.bytes += step.bytes
          } else if (step.act === "release") {
            yield* one.reservation.release
            ended(one)
          } else if (step.act === "transfer") {
            yield* one.reservation.transfer(one.message)
            if (one.message.state._tag === "Closed") ended(one)
            else if (one.owner !== "nobody") one.owner = "message"
          } else {
            const owner = step.act === "close" ? "session" : "message"
            yield* Scope.close(one[owner], Exit.void)
            if (one.owner === owner) ended(one)
          }
          yield* assertHeld(total())
        }
        for (const { message, session } of opened) {
          yield* Scope.close(session, Exit.void)
          yield* Scope.close(message, Exit.void)
        }
        yield* assertHeld(0)
      }).pipe(Effect.provide(budget))
  )
})
