/** Effect's Cache for look-ups that carry secrets: neither keys nor entries keep what the look-up was made with. */
import { Cache, Context, Duration, Effect, Exit, MutableHashMap, type Option } from "effect"

export interface SharedLookups<A, E> {
  /**
   * The remembered value, or what `lookup` says. Concurrent misses of one key share one look-up, which ends only
   * when nobody waits for it any more. Failures are not remembered.
   */
  readonly get: (key: string, lookup: Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** The value, if it is known now. */
  readonly peek: (key: string) => Effect.Effect<Option.Option<A>>
  /** Forgets the value if `when` holds of it; waits for a look-up under way. */
  readonly forget: (key: string, when: (value: A) => boolean) => Effect.Effect<void>
  /** Drops what has expired and counts the rest. */
  readonly prune: Effect.Effect<number>
  /** What is held, entries that expired since the last `prune` included. */
  readonly sizeNow: () => number
}

export const makeSharedLookups = <A, E>(options: {
  /** Entries; the least recently used go first. */
  readonly capacity: number
  /** Zero or less: not remembered. */
  readonly timeToLive: (value: A) => Duration.Duration
}): Effect.Effect<SharedLookups<A, E>> => {
  /** Carries the look-up past the cache, which knows only keys. */
  class Asked extends Context.Service<Asked, OneLookup<A, E>>()("gateway/layers/cakemail/SharedLookups/Asked") {}

  return Effect.map(
    Cache.makeWith((_key: string) => Effect.flatMap(Asked, (asked) => asked.take()), {
      capacity: options.capacity,
      timeToLive: (exit) => (Exit.isSuccess(exit) ? atLeastZero(options.timeToLive(exit.value)) : Duration.zero),
      requireServicesAt: "lookup"
    }),
    (cache) => {
      const held = cache.map
      return {
        get: (key, lookup) =>
          Effect.suspend(() => Effect.provideService(Cache.get(cache, key), Asked, new OneLookup(lookup))),
        peek: (key) => Cache.getSuccess(cache, key),
        forget: (key, when) => Effect.asVoid(Cache.invalidateWhen(cache, key, when)),
        prune: Effect.map(Cache.keys(cache), (keys) => {
          let count = 0
          for (const _ of keys) count++
          return count
        }),
        sizeNow: () => MutableHashMap.size(held)
      }
    }
  )
}

/** Gives the look-up away once: the cache keeps the context that it was looked up in for as long as the value. */
class OneLookup<A, E> {
  private lookup: Effect.Effect<A, E> | undefined

  constructor(lookup: Effect.Effect<A, E>) {
    this.lookup = lookup
  }

  take(): Effect.Effect<A, E> {
    const lookup = this.lookup
    this.lookup = undefined
    return lookup ?? Effect.die(new Error("a look-up was asked for twice"))
  }
}

const atLeastZero = (duration: Duration.Duration): Duration.Duration =>
  Duration.isGreaterThan(duration, Duration.zero) ? duration : Duration.zero
