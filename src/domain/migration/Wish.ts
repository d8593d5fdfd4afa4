/** What a header of the service that a mail was written for asks of Cakemail. */
export type Wish =
  | { readonly _tag: "Tag"; readonly text: string }
  | { readonly _tag: "Opens"; readonly tracked: boolean }
  /** `undefined`: it does not say. */
  | { readonly _tag: "Clicks"; readonly html: boolean; readonly text: boolean | undefined }
  | { readonly _tag: "ContentType"; readonly type: "marketing" | "transactional" }
  /** Of the sender's own, to come back with what happens to the mail. */
  | { readonly _tag: "CustomData"; readonly name: string; readonly value: string }
  /** `placeholder` is not empty. */
  | { readonly _tag: "Substitution"; readonly placeholder: string; readonly text: string }
  /** The mail is to be accepted and not sent. */
  | { readonly _tag: "TestMode" }
  /** It cannot be had. `what`: which part of the header, or what is wrong with it; empty for all of it. */
  | { readonly _tag: "Lost"; readonly what: string }

/** What a wish may depend on beside its header. */
export interface MailFacts {
  /** Of the envelope. */
  readonly recipients: ReadonlyArray<string>
  /** Milliseconds of the epoch. */
  readonly receivedAt: number
  readonly hasText: boolean
  readonly hasHtml: boolean
}

/** A line of the table in docs/migration.md. */
export interface Documented {
  /** As the service spells it. */
  readonly name: string
  readonly becomes: string
  readonly lost: string
}

/** How one header is understood, or one key within a header. A `*` at the end of its name stands for any further text. */
export interface Rule<in Value> extends Documented {
  /** `rest` is what stands in the place of the `*`. */
  readonly read: (value: Value, mail: MailFacts, rest: string) => ReadonlyArray<Wish>
}

/** A header whose value is an object: docs list what is in it. */
export interface KeyedRule extends Rule<string> {
  readonly keys: ReadonlyArray<Documented>
}

/** A service that people come from, and its headers. What stands first in the list of headers has the last word. */
export interface FormerService {
  readonly name: string
  /** In lower case: all headers that begin so are the service's own, and none of them goes on to the recipient. */
  readonly prefix: string
  readonly headers: ReadonlyArray<Rule<string> | KeyedRule>
}
