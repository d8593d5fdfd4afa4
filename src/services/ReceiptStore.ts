import { Context, type Effect } from "effect"

/** What a store answers to whoever is about to submit. */
export type Claim =
  | { readonly _tag: "Granted" }
  | { readonly _tag: "Remembered"; readonly receipt: string }
  /** Another process is submitting; `outcome` waits for it, and is `undefined` unless that was accepted. */
  | { readonly _tag: "Elsewhere"; readonly outcome: Effect.Effect<string | undefined> }

export const GRANTED: Claim = { _tag: "Granted" }

/**
 * Where duplicate protection keeps receipts, texts whose meaning is none of its matter. Nothing here fails or takes long:
 * a store that cannot be asked remembers nothing.
 */
export class ReceiptStore extends Context.Service<
  ReceiptStore,
  {
    /** Asked once a submission. What is granted ends with `keep` or `release`. */
    readonly claim: (key: string) => Effect.Effect<Claim>
    /** The submission was accepted. */
    readonly keep: (key: string, receipt: string) => Effect.Effect<void>
    /** The submission was not accepted, or nobody knows. */
    readonly release: (key: string) => Effect.Effect<void>
  }
>()("gateway/services/ReceiptStore") {}
