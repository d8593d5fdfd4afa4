import { Context, type Duration, type Effect, type Logger, type Redacted } from "effect"
import type { FaultEndpoint, SandboxFaults } from "./SandboxFaults.ts"
import type { CapturedMessages } from "./SandboxMessages.ts"
import type { SandboxRefusals, SandboxStories } from "./SandboxStories.ts"

/** A login that the sandbox knows. */
export interface SandboxAccount {
  /** Compared without case. */
  readonly username: string
  readonly password: Redacted.Redacted
  /** The accounts that its tokens reach; the first is meant when a call names none. */
  readonly accountIds: readonly [number, ...Array<number>]
  /** `ck_pat_` and 40 hex digits each. */
  readonly personalAccessTokens?: ReadonlyArray<Redacted.Redacted>
  /** Asks for a second factor instead of giving a token, with this status. */
  readonly secondFactor?: 200 | 401
  /** Of its tokens; 5 days, or 900 s for the keys of `gateway-v1`, unless given. */
  readonly tokenLifetime?: Duration.Input
  /** Submissions without `list_id` are refused. */
  readonly listIdRequired?: boolean
}

export interface SandboxSender {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly confirmed: boolean
}

/** One call of the API, without anything secret. */
export interface SandboxCall {
  readonly endpoint: Exclude<FaultEndpoint, "*">
  readonly method: string
  /** With its query. */
  readonly path: string
  /** `unanswered`: still under way, or the client went. */
  readonly outcome: number | "reset" | "unanswered"
  readonly requestId: string
  readonly traceparent: string | undefined
}

export interface SandboxCallSummary {
  readonly total: number
  /** By endpoint: how many calls, and how many by outcome. */
  readonly endpoints: {
    readonly [endpoint: string]: { readonly calls: number; readonly outcomes: Readonly<Record<string, number>> }
  }
  /** The last 1,000, oldest first. */
  readonly last: ReadonlyArray<SandboxCall>
}

/** Where the gateway in front of the sandbox takes mail, and a login that works there. */
export interface SandboxSmtp {
  /** One that a client on this machine can connect to. */
  readonly host: string
  readonly port: number
  readonly username: string
  /** Of the demo account, which protects nothing. */
  readonly password: string
}

/** An embedded Cakemail API, seen from inside the process. What it shows over HTTP it shows here too. */
export class Sandbox extends Context.Service<
  Sandbox,
  {
    readonly messages: CapturedMessages
    readonly faults: SandboxFaults
    readonly calls: { readonly summary: Effect.Effect<SandboxCallSummary>; readonly reset: Effect.Effect<void> }
    /** What led to a message: the calls, and what the gateway logged meanwhile. */
    readonly stories: SandboxStories
    readonly refusals: SandboxRefusals
    /** For a gateway in the same process: what it logs of its sessions is shown beside their messages. */
    readonly logger: Logger.Logger<unknown, void>
    /** Shown to whoever wants to send the first mail. */
    readonly announceSmtp: (smtp: SandboxSmtp) => Effect.Effect<void>
    /** Replaces a login of the same name. */
    readonly addAccount: (account: SandboxAccount) => Effect.Effect<void>
    /** Forgets every token but the personal ones: the next call with one gets a 401. */
    readonly revokeTokens: Effect.Effect<void>
    readonly senders: (accountId: number) => Effect.Effect<ReadonlyArray<SandboxSender>>
    /** The sender of that address, made if there is none. */
    readonly addSender: (
      accountId: number,
      sender: { readonly name: string; readonly email: string; readonly confirmed: boolean }
    ) => Effect.Effect<SandboxSender>
    /** What following the link in the confirmation mail does. */
    readonly confirmSender: (accountId: number, email: string) => Effect.Effect<void>
  }
>()("gateway/services/Sandbox") {}
