import type { Clock } from "effect"

/** Whole milliseconds of a clock that nobody sets: with the wall clock set back, limits would hold for that much longer. */
export const monotonicMillis = (clock: Clock.Clock): number =>
  Math.floor(Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000)
