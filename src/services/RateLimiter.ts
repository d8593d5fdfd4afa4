import { Context, type Effect, type Scope } from "effect"
import type { AddressBlocked, LoginSuspended, MessageRateExceeded, TooManyConnections } from "../domain/GatewayError.ts"
import type { Credentials } from "../domain/Identity.ts"

/**
 * Who may connect, log in and send, and how often. Addresses of TRUSTED_NETWORKS pass every limit that counts by
 * address; the limit of the process holds for all.
 */
export class RateLimiter extends Context.Service<
  RateLimiter,
  {
    /** Takes a connection slot, of the process and of the address, until the scope closes. */
    readonly connection: (address: string) => Effect.Effect<void, TooManyConnections | AddressBlocked, Scope.Scope>
    /** Refuses an address that is blocked: for a login on a connection that was open before. */
    readonly address: (address: string) => Effect.Effect<void, AddressBlocked>
    /** Counts one mail (sliding 60 s window) for the address, and for the account when a limit for accounts is set. */
    readonly message: (address: string, account: string) => Effect.Effect<void, MessageRateExceeded>
    /**
     * Refuses a name that is being guessed. Asked before the API is, so that logins known as good pass (rulings 7). The
     * login is under way until the scope closes, and may turn out to be a guess: it counts as one so long, equal ones
     * once.
     */
    readonly login: (credentials: Credentials) => Effect.Effect<void, LoginSuspended, Scope.Scope>
    /** Remembers a password that the API called wrong; equal ones count once (rulings 7). */
    readonly loginFailed: (address: string, credentials: Credentials) => Effect.Effect<void>
  }
>()("gateway/services/RateLimiter") {}
