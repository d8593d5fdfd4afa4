import { Context, type Effect } from "effect"

/** How many mails one key may send within the window it is asked for. */
export interface MailQuota {
  readonly of: "address" | "account"
  readonly key: string
  readonly limit: number
}

export interface QuotaRefusal {
  readonly of: MailQuota["of"]
  /** Milliseconds until every quota asked for has a place. */
  readonly wait: number
}

/** Whose failed logins are counted. */
export type Offender = "address" | "name"

/** Times are milliseconds. */
export interface StrikeRule {
  /** Distinct marks within `window` that block. */
  readonly limit: number
  readonly window: number
  readonly blockFor: number
}

/**
 * What the rate limiter has to remember from one minute to the next. Methods are atomic, so that a store can be shared
 * by processes; a store of bounded size may forget what matters least, and blocks last of all.
 */
export class RateLimiterStore extends Context.Service<
  RateLimiterStore,
  {
    /**
     * Takes a place in each of the quotas, or in none: places are free again `window` milliseconds after they were
     * taken. Of several full quotas the refusal tells the one with the longest wait.
     */
    readonly take: (quotas: ReadonlyArray<MailQuota>, window: number) => Effect.Effect<QuotaRefusal | undefined>
    /**
     * Remembers the mark; one that is known already lives on and counts once. True when this one has begun a block.
     * While a key is blocked nothing is counted and the block grows no longer.
     */
    readonly strike: (offender: Offender, key: string, mark: number, rule: StrikeRule) => Effect.Effect<boolean>
    /** Distinct marks within the window. */
    readonly strikes: (offender: Offender, key: string, window: number) => Effect.Effect<number>
    /** Milliseconds until the block ends; 0 when there is none. */
    readonly blockedFor: (offender: Offender, key: string) => Effect.Effect<number>
  }
>()("gateway/services/RateLimiterStore") {}
