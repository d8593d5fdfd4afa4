import { Context, type Effect } from "effect"
import type { AuthenticationError } from "../domain/GatewayError.ts"
import type { Credentials, Identity } from "../domain/Identity.ts"

/**
 * Remembers successful logins of this process, in memory only. Keys are keyed hashes, so that no password
 * can be read from the memory of the cache; failures are never kept.
 */
export class AuthCache extends Context.Service<
  AuthCache,
  {
    /** The remembered identity, or what `login` says; concurrent equal misses share one `login`. */
    readonly getOrLogin: (
      credentials: Credentials,
      login: Effect.Effect<Identity, AuthenticationError>
    ) => Effect.Effect<Identity, AuthenticationError>
    /** Forgets the login if it still holds the token of `stale`. */
    readonly invalidate: (credentials: Credentials, stale: Identity) => Effect.Effect<void>
    /** Whether the login is remembered as good, without asking anybody. */
    readonly remembers: (credentials: Credentials) => Effect.Effect<boolean>
    /** How many logins are remembered. */
    readonly size: Effect.Effect<number>
  }
>()("gateway/services/AuthCache") {}
