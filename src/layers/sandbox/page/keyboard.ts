/** j and k move, Enter opens, Esc goes back, / searches; nothing of it while one types or while a dialog is open. */
import { computed, signal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { deleteMessages } from "./api.ts"
import { dialog } from "./dialogs.ts"
import * as mailbox from "./mailbox.ts"
import { attempt } from "./problems.ts"
import { goTo, type Route, route } from "./route.ts"
import { refusals } from "./sandbox.ts"

/** The message that the keyboard was put on last, and where it stood in which list. */
export const marked = signal<{ readonly list: string; readonly id: string; readonly index: number } | undefined>(
  undefined
)

/** The row that the keyboard is on: it goes with its message as others come, and to the next one when it is deleted. */
export const cursor = computed(() => {
  const mark = marked.value
  if (mark === undefined || mark.list !== listOf(route.value)) return undefined
  void mailbox.version.value
  void refusals.value
  const at = indexOf(mark.id)
  return at >= 0 ? at : Math.min(mark.index, length() - 1)
})

export const putCursor = (index: number): void => {
  const id = idAt(index)
  if (id !== undefined) marked.value = { list: listOf(route.peek()), id, index }
}

const listOf = ({ inbox, list, search }: Route): string => JSON.stringify([list, inbox, search])

export const useKeyboard = (): void =>
  useEffect(() => {
    addEventListener("keydown", onKey)
    return () => removeEventListener("keydown", onKey)
  }, [])

const onKey = (event: KeyboardEvent): void => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
  if (dialog.peek() !== undefined || isTyping(event.target)) return
  const act = KEYS[event.key]
  if (act === undefined || act() === false) return
  event.preventDefault()
}

/** `false`: the key is none of ours at the moment. */
const KEYS: Readonly<Record<string, () => false | void>> = {
  j: () => void move(1),
  k: () => void move(-1),
  Enter: () => {
    const id = idAt(cursor.peek())
    // A link or a button that has the focus knows better what Enter is for.
    if (id === undefined || document.activeElement?.matches("a:not(.row), button, summary, select") === true)
      return false
    goTo({ id })
  },
  Escape: () => {
    if (route.peek().id === undefined) return false
    goTo({ id: undefined, tab: undefined })
    focusRow()
  },
  "/": () => document.getElementById("search")?.focus(),
  Delete: () => {
    const { id, list } = route.peek()
    if (id === undefined || list !== "inbox") return false
    void removeMessage(id)
  }
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]")

const length = (): number => (route.peek().list === "inbox" ? mailbox.total.peek() : refusals.peek().length)

const idAt = (index: number | undefined): string | undefined => {
  if (index === undefined) return undefined
  return route.peek().list === "inbox" ? mailbox.rowAt(index)?.ID : refusals.peek()[index]?.id
}

const indexOf = (id: string): number =>
  route.peek().list === "inbox" ? mailbox.indexOf(id) : refusals.peek().findIndex((refusal) => refusal.id === id)

/** Moves by so many rows. While a message is open, the one that the cursor comes to is opened. */
export const move = async (by: number): Promise<void> => {
  const { id, list } = route.peek()
  const open = id === undefined ? -1 : indexOf(id)
  const from = open >= 0 ? open : cursor.peek()
  const to = from === undefined ? 0 : Math.min(Math.max(from + by, 0), length() - 1)
  if (to < 0) return
  // Without a pause for what is known: the next key counts from here.
  if (list === "inbox" && idAt(to) === undefined) await mailbox.rowOnceLoaded(to)
  putCursor(to)
  const next = idAt(to)
  if (next === undefined) return
  if (id === undefined) focusRow()
  else if (next !== id) goTo({ id: next })
}

/**
 * Opens the neighbour, so that one can go on reading. That comes first: what is still being asked of a message that is
 * left is given up, and nothing is asked of one that is gone.
 */
export const removeMessage = async (id: string): Promise<void> => {
  const at = mailbox.indexOf(id)
  const neighbour = at < 0 ? undefined : ((await mailbox.rowOnceLoaded(at + 1)) ?? mailbox.rowAt(at - 1))
  if (route.peek().id === id) goTo({ id: neighbour?.ID, tab: undefined })
  await attempt(() => deleteMessages([id]))
}

/** Once it is drawn. */
const focusRow = (): void => {
  requestAnimationFrame(() => document.querySelector<HTMLElement>(".row.at")?.focus({ preventScroll: true }))
}
