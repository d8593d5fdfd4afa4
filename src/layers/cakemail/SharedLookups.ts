/** Effect's Cache for look-ups that carry secrets: neither keys nor entries keep what the look-up was made with. */
import { Cache, Duration, Effect, Equal, Exit, Hash, MutableHashMap, type Option } from "effect"

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
}): Effect.Effect<SharedLookups<A, E>> =>
  Effect.map(
    Cache.makeWith((key: LookupKey<A, E>) => key.take(), {
      capacity: options.capacity,
      timeToLive: (exit) => (Exit.isSuccess(exit) ? atLeastZero(options.timeToLive(exit.value)) : Duration.zero)
    }),
    (cache) => {
      const held = cache.map
      return {
        get: (text, lookup) =>
          Effect.suspend(() => {
            const key = new LookupKey(text, lookup)
            return Effect.ensuring(
              Cache.get(cache, key),
              // A hit leaves this key in the cache in place of the older equal one.
              Effect.sync(() => key.empty())
            )
          }),
        peek: (text) => Cache.getSuccess(cache, new LookupKey<A, E>(text, undefined)),
        forget: (text, when) => Effect.asVoid(Cache.invalidateWhen(cache, new LookupKey<A, E>(text, undefined), when)),
        prune: Effect.map(Cache.keys(cache), (keys) => {
          let count = 0
          for (const _ of keys) count++
          return count
        }),
        sizeNow: () => MutableHashMap.size(held)
      }
    }
  )

/** Equal by its text. Carries the look-up to the cache, which knows only keys, and gives it away once. */
class LookupKey<A, E> implements Equal.Equal {
  readonly text: string
  private lookup: Effect.Effect<A, E> | undefined

  constructor(text: string, lookup: Effect.Effect<A, E> | undefined) {
    this.text = text
    this.lookup = lookup
  }

  take(): Effect.Effect<A, E> {
    const lookup = this.lookup
    this.lookup = undefined
    return lookup ?? Effect.die(new Error("a cached look-up was asked for without one"))
  }

  empty(): void {
    this.lookup = undefined
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof LookupKey && that.text === this.text
  }

  [Hash.symbol](): number {
    return Hash.string(this.text)
  }
}

const atLeastZero = (duration: Duration.Duration): Duration.Duration =>
  Duration.isGreaterThan(duration, Duration.zero) ? duration : Duration.zero
