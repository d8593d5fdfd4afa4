import type { Effect, Stream } from "effect"
import type { Mailbox, Header } from "../domain/Email.ts"

/** Which of the two wire contracts a submission came by. */
export type SandboxContract = "email-api-v2" | "gateway-v1"

export interface CapturedAttachment {
  readonly fileName: string
  /** A MIME type, whatever the contract calls it. */
  readonly contentType: string
  /** Bytes of the decoded content. */
  readonly size: number
}

/** What was asked to be tracked; a field is absent when the submission left it out. */
export interface CapturedTracking {
  readonly opens?: boolean
  readonly clicksHtml?: boolean
  readonly clicksText?: boolean
}

/** One submission that the sandbox accepted: one recipient. */
export interface CapturedMessage {
  /** The id that the API answered with. */
  readonly id: string
  readonly contract: SandboxContract
  /** The login that submitted it: the inbox that it lies in. */
  readonly username: string
  readonly accountId: number
  /** As sent by the client, or as the sandbox made it. */
  readonly requestId: string
  /** Milliseconds of the epoch. */
  readonly receivedAt: number
  /** The mail's own, without angle brackets; absent when the submission carried none. */
  readonly messageId: string | undefined
  readonly sender: Mailbox
  readonly recipient: Mailbox
  readonly subject: string
  readonly text: string | undefined
  readonly html: string | undefined
  /** Those passed on beside sender, recipient and subject. */
  readonly headers: ReadonlyArray<Header>
  readonly attachments: ReadonlyArray<CapturedAttachment>
  readonly tags: ReadonlyArray<string>
  readonly tracking: CapturedTracking
  readonly listId: number | undefined
  /** The request body as it came, byte for byte. */
  readonly body: Uint8Array
  /** The request body as JSON. Parsed anew at each access, so that large contents are not held twice. */
  readonly payload: unknown
  readonly answer: { readonly status: number; readonly body: unknown }
  /** Padded base64 of all attachments, in the order of `attachments`. Parses the body. */
  readonly attachmentContents: () => ReadonlyArray<string>
  /** That of one attachment. Parses the body. */
  readonly attachmentBase64: (index: number) => string | undefined
}

export interface StoredMessage {
  readonly message: CapturedMessage
  readonly read: boolean
}

/** A change and its number: they are counted from the start. */
export interface NumberedChange {
  readonly number: number
  readonly change: MailboxChange
}

/** What happened to the captured messages. Only ids: whoever is slow to look must not keep messages in memory. */
export type MailboxChange =
  | { readonly _tag: "Added"; readonly id: string }
  /** By hand, or because they were the oldest. */
  | { readonly _tag: "Removed"; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Marked"; readonly ids: ReadonlyArray<string>; readonly read: boolean }
  /** Changes that came too fast for whoever looks: what they were nobody knows any more. */
  | { readonly _tag: "Missed" }

/** Where captured messages are kept. Bounded: the oldest go first. */
export interface CapturedMessages {
  readonly add: (message: CapturedMessage) => Effect.Effect<void>
  /** Newest first. */
  readonly all: Effect.Effect<ReadonlyArray<StoredMessage>>
  /** The same, with the number of the last change that is in it. */
  readonly snapshot: Effect.Effect<{ readonly messages: ReadonlyArray<StoredMessage>; readonly lastChange: number }>
  readonly get: (id: string) => Effect.Effect<StoredMessage | undefined>
  /** Unknown ids are passed over. */
  readonly remove: (ids: ReadonlyArray<string>) => Effect.Effect<void>
  readonly clear: Effect.Effect<void>
  readonly setRead: (ids: ReadonlyArray<string>, read: boolean) => Effect.Effect<void>
  /** The newest message that matches, or the next one that will. Waits as long as it takes. */
  readonly waitFor: (matches: (stored: StoredMessage) => boolean) => Effect.Effect<StoredMessage>
  /** From the moment it runs on. Who falls behind by more than a thousand changes misses the oldest, and is told so. */
  readonly changes: Stream.Stream<NumberedChange>
  /** Bytes that the messages count for. */
  readonly bytes: Effect.Effect<number>
}
