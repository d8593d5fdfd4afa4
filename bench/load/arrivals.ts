/** When messages are due under an open load: a Poisson process, the same one in each run. */
import type { Pace } from "./LoadPlan.ts"

export interface Schedule {
  readonly pace: Exclude<Pace, { readonly kind: "closed" }>
  /** Seconds at the first rate before the measured time. */
  readonly warmup: number
  /** Seconds of measured time. */
  readonly seconds: number
}

/** Milliseconds from the beginning of the warm-up, ascending. */
export function* arrivals(schedule: Schedule): Generator<number, void> {
  const random = uniform(SEED)
  let expected = 0
  for (;;) {
    expected -= Math.log(1 - random())
    const at = timeOf(schedule, expected)
    if (at > schedule.warmup + schedule.seconds) return
    yield at * 1000
  }
}

/** The second by which so many messages are due on average. */
const timeOf = ({ pace, seconds, warmup }: Schedule, expected: number): number => {
  if (pace.kind === "steady") return expected / pace.rate
  const { from, to } = pace
  const beyond = expected - from * warmup
  if (beyond <= 0) return expected / from
  // The s that solves: from * s + (to - from) * s^2 / (2 * seconds) = beyond.
  const slope = (to - from) / seconds
  if (slope === 0) return warmup + beyond / from
  const discriminant = from * from + 2 * slope * beyond
  return discriminant < 0 ? Number.POSITIVE_INFINITY : warmup + (Math.sqrt(discriminant) - from) / slope
}

const SEED = 1

/** Mulberry32: numbers in [0, 1). */
const uniform = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
