import { Context, type Effect } from "effect"
import type { AuthenticationError } from "../domain/GatewayError.ts"
import type { Credentials, Identity } from "../domain/Identity.ts"

/** Tells who a client is. The gateway asks the Cakemail API; a relay asks its own accounts. */
export class Authenticator extends Context.Service<
  Authenticator,
  {
    /** Answers at once for a login that was good a moment ago; otherwise asks, retrying within AUTH_TIMEOUT. */
    readonly authenticate: (credentials: Credentials) => Effect.Effect<Identity, AuthenticationError>
    /**
     * A new identity in place of one whose token was refused. Concurrent callers holding the same stale
     * identity cause one login.
     */
    readonly renew: (credentials: Credentials, stale: Identity) => Effect.Effect<Identity, AuthenticationError>
  }
>()("gateway/services/Authenticator") {}
