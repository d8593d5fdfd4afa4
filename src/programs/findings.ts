import { printable } from "./printable.ts"

/** What the command `check` finds, and how it is printed. */
export interface Finding {
  readonly state: "ok" | "note" | "problem" | "skipped"
  readonly subject: string
  /** One or more lines. */
  readonly text: string
  /** What to do about it; empty when there is nothing to do. */
  readonly advice: string
}

export const ok = (subject: string, text: string): Finding => ({ state: "ok", subject, text, advice: "" })

/** Nothing that stops the gateway, and yet worth knowing. */
export const note = (subject: string, text: string, advice: string): Finding => ({
  state: "note",
  subject,
  text,
  advice
})

export const problem = (subject: string, text: string, advice: string): Finding => ({
  state: "problem",
  subject,
  text,
  advice
})

export const skipped = (subject: string, text: string): Finding => ({ state: "skipped", subject, text, advice: "" })

/** One block of lines a finding, aligned. */
export const report = (findings: ReadonlyArray<Finding>): string => findings.map(block).join("\n")

const STATE_WIDTH = 9
const SUBJECT_WIDTH = 15

const block = ({ advice, state, subject, text }: Finding): string => {
  const margin = " ".repeat(STATE_WIDTH + SUBJECT_WIDTH)
  const [first = "", ...others] = text.split("\n").map(printable)
  const lines = [`${state.padEnd(STATE_WIDTH)}${subject.padEnd(SUBJECT_WIDTH)}${first}`]
  for (const other of others) lines.push(margin + other)
  if (advice !== "") lines.push(`${margin}-> ${printable(advice)}`)
  return lines.join("\n")
}
