import { Context, type Effect, type Scope } from "effect"

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

/** How many connections may be open at a time. */
export interface ConnectionRule {
  readonly limit: number
  /** Of one key. */
  readonly limitOfKey: number
}

/** What stands in the way of a connection. */
export type ConnectionRefusal = "blocked" | "limit" | "limit_of_key"

/**
 * What the rate limiter has to remember from one minute to the next, and what is open at a time. Methods are atomic, so
 * that a store can be shared by processes; a store of bounded size may forget what matters least, and blocks last of all.
 */
export class RateLimiterStore extends Context.Service<
  RateLimiterStore,
  {
    /** For the hashes that keys and marks are made of: the same for all who share the store. Random bytes. */
    readonly secret: Uint8Array
    /**
     * Takes a place in each of the quotas, or in none: places are free again `window` milliseconds after they were
     * taken. Of several full quotas the refusal tells the one with the longest wait.
     */
    readonly take: (quotas: ReadonlyArray<MailQuota>, window: number) => Effect.Effect<QuotaRefusal | undefined>
    /** Counts a connection until the scope closes, if nothing is refused. Without a key it is of no address. */
    readonly connect: (
      key: string | undefined,
      rule: ConnectionRule
    ) => Effect.Effect<ConnectionRefusal | undefined, never, Scope.Scope>
    /**
     * Whether another password may be tried on the name, which the mark tells from others: not while it is blocked, nor
     * when it would be blocked by the marks that it has and all that are being tried. It is being tried until the scope
     * closes.
     */
    readonly guess: (key: string, mark: number, rule: StrikeRule) => Effect.Effect<boolean, never, Scope.Scope>
    /**
     * Remembers the mark; one that is known already lives on and counts once. True when this one has begun a block.
     * While a key is blocked nothing is counted and the block grows no longer.
     */
    readonly strike: (offender: Offender, key: string, mark: number, rule: StrikeRule) => Effect.Effect<boolean>
    /** Milliseconds until the block ends; 0 when there is none. */
    readonly blockedFor: (offender: Offender, key: string) => Effect.Effect<number>
  }
>()("gateway/services/RateLimiterStore") {}
