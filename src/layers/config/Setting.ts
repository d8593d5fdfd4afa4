import { type Option, Schema } from "effect"
import type { Format } from "./formats.ts"

export interface Setting<out A> extends Omit<Format<A>, "decoder"> {
  /** As it is spelled in the environment. */
  readonly name: string
  /** The heading under which docs and help list it. */
  readonly group: string
  readonly meaning: string
  /** The default in words or as it would be given. */
  readonly defaultText: string
  /** What holds when it is unset. */
  readonly defaultValue: A
  /** `None` when the text is not what the format expects. */
  readonly decode: (text: string) => Option.Option<A>
}

/** A setting that always has a value. `defaultText` may be empty only where the format reads nothing from it: a list. */
export function required<A>(
  group: string,
  name: string,
  format: Format<A>,
  defaultText: string,
  meaning: string
): Setting<A> {
  const { decoder, ...words } = format
  return {
    ...words,
    name,
    group,
    meaning,
    defaultText: defaultText === "" ? "none" : defaultText,
    // Decoded like any other text, so that the default shown is the default that holds.
    defaultValue: Schema.decodeSync(decoder)(defaultText),
    decode: Schema.decodeOption(decoder)
  }
}

/** A setting that may be left out; `whenUnset` says in words what holds then. */
export function optional<A>(
  group: string,
  name: string,
  format: Format<A>,
  whenUnset: string,
  meaning: string
): Setting<A | undefined> {
  const { decoder, ...words } = format
  return {
    ...words,
    name,
    group,
    meaning,
    defaultText: whenUnset,
    defaultValue: undefined,
    decode: Schema.decodeOption(decoder)
  }
}
