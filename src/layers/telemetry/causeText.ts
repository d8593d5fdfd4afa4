/**
 * What the log says of a cause. Failures are known: they say what they are. A defect is what nobody foresaw, so nobody
 * knows what its text holds: a password, a token, a mail. Its name and its place in the source tell enough.
 */
import { Cause } from "effect"

/** Never throws on an error, however odd. */
export const causeText = (cause: Cause.Cause<unknown>): string => cause.reasons.map(reasonText).join("\n")

/** What may be said of an error that is not wrapped in a cause. */
export const errorText = (error: Error): string => {
  if (!isForeseen(error)) return nameOf(error)
  return error.message === "" ? nameOf(error) : `${nameOf(error)}: ${error.message}`
}

const reasonText = (reason: Cause.Reason<unknown>): string => {
  if (Cause.isInterruptReason(reason)) return "interrupted"
  const thrown = Cause.isFailReason(reason) ? reason.error : reason.defect
  const said = thrown instanceof Error ? errorText(thrown) : `a value of type ${typeof thrown}`
  // Effect's own rendering, for the frames: it knows the way through fibers and spans.
  const [shown] = Cause.prettyErrors(Cause.fromReasons([reason]))
  return [said, ...framesOf(shown?.stack ?? "")].join("\n")
}

/** Errors of ours and of Effect have a tag, and texts that were written to be read. */
const isForeseen = (error: Error): boolean => "_tag" in error && typeof error._tag === "string"

/** With the code that Node.js gives to many of its errors. */
const nameOf = (error: Error): string => {
  const code = "code" in error && typeof error.code === "string" ? ` (${error.code})` : ""
  return `${error.constructor.name || error.name}${code}`
}

const MAX_FRAMES = 20

/** The lines at the end that name a place; a text in front of them can hold anything. */
const framesOf = (stack: string): ReadonlyArray<string> => {
  const lines = stack.split("\n")
  let first = lines.length
  while (first > 0 && FRAME.test(lines[first - 1] ?? "")) first--
  return lines.slice(first, first + MAX_FRAMES)
}

const FRAME = /^ {4}at .*:\d+:\d+\)?$/
