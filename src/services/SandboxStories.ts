import type { Effect } from "effect"
import type { SandboxCall } from "./Sandbox.ts"
import type { CapturedMessage } from "./SandboxMessages.ts"

/** A call of the API with what was sent and what came back. */
export interface SandboxExchange extends SandboxCall {
  /** The login, as far as the call told. */
  readonly username: string | undefined
  /** Of a submission, as far as its body can be read. */
  readonly recipient: string | undefined
  /** Milliseconds of the epoch. */
  readonly startedAt: number
  /** Milliseconds; absent while it is unanswered. */
  readonly duration: number | undefined
  /** A submission that was not taken, for whatever reason. */
  readonly refused: boolean
  readonly request: ExchangedBody
  readonly answer: ExchangedBody
}

export interface ExchangedBody {
  /** Of the body as it came. */
  readonly bytes: number
  /** As it came, but without passwords and tokens; absent when there was none, or when it was too large to be kept. */
  readonly text: string | undefined
}

/** A line of the gateway's log. */
export interface SessionLine {
  /** Milliseconds of the epoch. */
  readonly at: number
  /** In lower case. */
  readonly level: string
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** What happened on the way of a message, as far as it is remembered. */
export interface SandboxStory {
  /** Oldest first. */
  readonly exchanges: ReadonlyArray<SandboxExchange>
  /** What the gateway logged of the session, and of this message in it; oldest first. */
  readonly log: ReadonlyArray<SessionLine>
  /** Of the trace that the submission carried. */
  readonly traceId: string | undefined
}

export interface SandboxStories {
  readonly ofMessage: (message: CapturedMessage) => Effect.Effect<SandboxStory>
}

/** Something that would not have reached its recipient. */
export interface SandboxRefusal {
  readonly id: string
  /** Milliseconds of the epoch. */
  readonly at: number
  /** Whose it was; absent when nobody had logged in. */
  readonly username: string | undefined
  /** Said by the API, or by the gateway before it asked the API; or a login that was refused. */
  readonly by: "api" | "gateway" | "login"
  readonly sender: string | undefined
  readonly recipient: string | undefined
  readonly subject: string | undefined
  /** In the words of whoever refused. */
  readonly reason: string
  /** What the SMTP client was told; absent when no gateway runs in this process. */
  readonly reply: string | undefined
}

/** Bounded: the oldest go first. */
export interface SandboxRefusals {
  /** Newest first. */
  readonly all: Effect.Effect<ReadonlyArray<SandboxRefusal>>
  readonly story: (id: string) => Effect.Effect<SandboxStory | undefined>
  readonly clear: Effect.Effect<void>
}
