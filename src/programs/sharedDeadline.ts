/** A deadline that hardly anything comes to. */
import { Clock, Duration, Effect, Fiber, type Scope } from "effect"

/** Past the deadline the effect is interrupted and, when it has ended, `orElse` takes its place. */
export type Deadline = <A, E, R>(
  orElse: () => Effect.Effect<A, E, R>
) => (effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * As `Effect.timeoutOrElse` with the same time for all, but with one sleeping fiber for them, where each would have one of
 * its own and a timer: what begins later ends later, so that only the first has to be waited for.
 */
export const makeSharedDeadline: (time: Duration.Duration) => Effect.Effect<Deadline, never, Scope.Scope> =
  Effect.fnUntraced(function* (time) {
    const clock = yield* Clock.Clock
    const milliseconds = Duration.toMillis(time)
    const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    /** In the order of their ends. */
    const underWay = new Set<UnderWay>()
    let begun = (): void => {}

    const anyIsUnderWay = Effect.callback<void>((resume) => {
      if (underWay.size > 0) resume(Effect.void)
      else begun = () => resume(Effect.void)
    })

    const endOverdue = Effect.suspend(() => {
      const [first] = underWay
      if (first === undefined) return anyIsUnderWay
      const left = first.endsAt - now()
      if (left > 0) return Effect.sleep(left)
      underWay.delete(first)
      first.end()
      return Effect.void
    })

    yield* endOverdue.pipe(
      Effect.forever,
      Effect.tapCause((cause) => Effect.logError("submit_deadlines_ended", cause)),
      Effect.forkScoped
    )

    const endsInTime = (fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<boolean> =>
      Effect.callback((resume) => {
        const one: UnderWay = {
          endsAt: now() + milliseconds,
          end: () => resume(Effect.succeed(false))
        }
        underWay.add(one)
        begun()
        const leave = fiber.addObserver(() => {
          underWay.delete(one)
          resume(Effect.succeed(true))
        })
        return Effect.sync(() => {
          underWay.delete(one)
          leave()
        })
      })

    return <A, E, R>(orElse: () => Effect.Effect<A, E, R>) =>
      (effect: Effect.Effect<A, E, R>) =>
        Effect.flatMap(Effect.forkChild(effect, { startImmediately: true }), (fiber) =>
          Effect.flatMap(
            Effect.onInterrupt(endsInTime(fiber), () => Fiber.interrupt(fiber)),
            (inTime): Effect.Effect<A, E, R> =>
              inTime ? Fiber.join(fiber) : Effect.andThen(Fiber.interrupt(fiber), Effect.suspend(orElse))
          )
        )
  })

interface UnderWay {
  /** Milliseconds of the monotonic clock. */
  readonly endsAt: number
  readonly end: () => void
}
