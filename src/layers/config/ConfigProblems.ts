import { Data } from "effect"

/** One mistake in the settings, in words for the person who made it. */
export interface ConfigProblem {
  /** The setting, as it is spelled in the environment. */
  readonly name: string
  /** Completes "NAME is ...": the quoted text, or what stands for a secret or a missing one. */
  readonly given: string
  /** Completes "give ...". */
  readonly expected: string
}

/** Every mistake in the settings at once. Holds no secret. */
export class ConfigProblems extends Data.TaggedError("ConfigProblems")<{
  readonly problems: ReadonlyArray<ConfigProblem>
}> {
  override get message(): string {
    return this.problems.map(problemLine).join("\n")
  }
}

/** For example `SMTP_PORT is "abc": give a port, a whole number from 1 to 65535`. */
export const problemLine = (problem: ConfigProblem): string =>
  `${problem.name} is ${problem.given}: give ${problem.expected}`

const MAX_SHOWN_LENGTH = 100

/** The text as a report may show it: on one line, cut, without the user name and password of a URL. */
export const shown = (text: string, secret: boolean): string => {
  if (secret) return "set to something else (hidden, it is a secret)"
  const line = JSON.stringify(text.replace(/\/\/[^/\s]*@/g, "//<hidden>@")).replace(/[\x7f-\x9f]/g, "?")
  return line.length > MAX_SHOWN_LENGTH ? `${line.slice(0, MAX_SHOWN_LENGTH - 4)}..."` : line
}
