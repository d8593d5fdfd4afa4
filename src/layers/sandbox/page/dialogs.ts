/** Which dialog is open: one at a time. */
import { signal } from "@preact/signals"

export interface Question {
  readonly text: string
  /** What happens then, in a word or two. */
  readonly answer: string
  readonly act: () => Promise<void>
}

export type OpenDialog =
  | { readonly name: "failures" }
  | { readonly name: "first-mail" }
  | { readonly name: "confirm"; readonly question: Question }

export const dialog = signal<OpenDialog | undefined>(undefined)

export const closeDialog = (): void => void (dialog.value = undefined)

/** Before what cannot be undone. */
export const confirm = (question: Question): void => void (dialog.value = { name: "confirm", question })
