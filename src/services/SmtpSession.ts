import { Context, type Effect } from "effect"
import type { Envelope } from "../domain/Envelope.ts"
import type { ReceiveError } from "../domain/GatewayError.ts"
import type { Credentials } from "../domain/Identity.ts"
import type { SmtpReply } from "../domain/SmtpReply.ts"
import type { Transit } from "../domain/Submission.ts"

/** Sends the reply to the command it came with. Called exactly once; does nothing when the client is gone. */
export type ReplyFunction = (reply: SmtpReply) => void

/**
 * What a client did, in the order it did it. The protocol's grammar and the order of commands have been checked
 * before; what is left is whether the gateway wants it.
 */
export type Command =
  /** The first command of every session; its reply is the greeting or a refusal. */
  | { readonly _tag: "Connect"; readonly reply: ReplyFunction }
  /** TLS is up. Nothing that was known before counts any more (RFC 3207 section 4.2). */
  | { readonly _tag: "Secure"; readonly protocol: string; readonly cipher: string }
  /** RSET, EHLO or HELO: the transaction is gone, the login stays. */
  | { readonly _tag: "Reset" }
  | {
      readonly _tag: "Auth"
      readonly mechanism: string
      readonly credentials: Credentials
      readonly reply: ReplyFunction
    }
  | { readonly _tag: "MailFrom"; readonly sender: string; readonly reply: ReplyFunction }
  | { readonly _tag: "RcptTo"; readonly recipient: string; readonly reply: ReplyFunction }
  | {
      readonly _tag: "Data"
      readonly envelope: Envelope
      readonly transit: Omit<Transit, "receivedAt">
      /**
       * Answers 354 and reads to the final dot. `grow` is asked for room before octets are kept; without it the rest is
       * thrown away. Runs uninterrupted, so that data that has ended is never lost: when the client goes before, it
       * fails with `ClientGone`. A session that does not want the data replies without running this.
       */
      readonly receive: (grow: (octets: number) => boolean) => Effect.Effect<Uint8Array, ReceiveError>
      readonly reply: ReplyFunction
    }

export type CommandOf<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>

/** One client connection, as the session sees it. */
export interface Connection {
  /** Unique in the process. */
  readonly id: string
  /** The client's address without a port; behind a load balancer, the one the PROXY header told. */
  readonly clientAddress: string
  /** The port the client came in by. */
  readonly serverPort: number
  /** Waits for what the client does next. */
  readonly nextCommand: Effect.Effect<Command>
  /** Whether TLS is up at this moment. */
  readonly isSecure: () => boolean
  /** Closes without a reply. */
  readonly close: Effect.Effect<void>
}

/**
 * Runs the session of a connection. The adapter forks it when a client connects and interrupts it when the client
 * is gone; it ends in no other way.
 */
export class SmtpSession extends Context.Service<
  SmtpSession,
  {
    readonly run: (connection: Connection) => Effect.Effect<void>
    /** Returns when every message whose data has ended is settled, whether or not its client is still there. */
    readonly settled: Effect.Effect<void>
    /** Breaks off every message that is not settled: the process ends. Returns when all have said so. */
    readonly breakOff: Effect.Effect<void>
  }
>()("gateway/services/SmtpSession") {}
