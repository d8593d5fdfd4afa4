import { Clock, Duration, Effect } from "effect"

/** The clock of the test on a machine whose time of day somebody sets. */
export const settableClock = Effect.map(Clock.Clock, (clock) => {
  let ahead = 0
  const machine: Clock.Clock = {
    ...clock,
    sleep: (duration) => clock.sleep(duration),
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + ahead
  }
  return {
    machine,
    /** By so much, back if it is negative. */
    set: (by: Duration.Input) => {
      ahead += Duration.toMillis(by)
    }
  }
})
