/** What went wrong, for the person in front: shown until it goes well again, or is dismissed. */
import { signal } from "@preact/signals"
import { ApiProblem } from "./api.ts"

export const problem = signal<string | undefined>(undefined)

export const report = (error: unknown): void => {
  problem.value = error instanceof ApiProblem ? error.message : `Something is wrong with this page: ${String(error)}`
}

/** Runs it, and shows what goes wrong. */
export const attempt = async (action: () => Promise<void>): Promise<void> => {
  try {
    await action()
    problem.value = undefined
  } catch (error) {
    report(error)
  }
}
