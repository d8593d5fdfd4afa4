import { Context, type Effect } from "effect"
import type { Email } from "../domain/Email.ts"
import type { ParseError } from "../domain/GatewayError.ts"

/** Reads a message (RFC 5322, MIME) the way a forgiving mail reader does. */
export class MailParser extends Context.Service<
  MailParser,
  {
    /** `raw` is the dot-unstuffed data. Fails only for limits and for what no reader could show. */
    readonly parse: (raw: Uint8Array) => Effect.Effect<Email, ParseError>
  }
>()("gateway/services/MailParser") {}
