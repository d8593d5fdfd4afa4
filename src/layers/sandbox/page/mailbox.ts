/**
 * The list of messages as far as it has been looked at. It is read from the sandbox in pages, as one scrolls; what
 * happens meanwhile comes by events. A row that is not known yet is a hole.
 */
import { batch, signal } from "@preact/signals"
import { listMessages, type Selection, type Summary } from "./api.ts"
import { report } from "./problems.ts"

const PAGE = 100

/** Milliseconds: changes that come in quick succession are looked up once. */
const SETTLE = 150

export const total = signal(0)
export const unread = signal(0)
/** Counts up with each change of the rows. */
export const version = signal(0)
/** Whether the first page of the selection has come. */
export const loaded = signal(false)

let selection: Selection = { inbox: "", search: "" }
let rows: Array<Summary | undefined> = []
let pending = new Set<number>()
let timer: number | undefined
/** The rows that were last looked at. */
let visible: readonly [from: number, to: number] = [0, 0]
/** Answers to questions that were asked of another list are no answers to this one. */
let generation = 0
/** Counts the events: an answer that was on its way meanwhile may not know of them. */
let events = 0

export const rowAt = (index: number): Summary | undefined => rows[index]

export const indexOf = (id: string): number => rows.findIndex((row) => row?.ID === id)

/** Shows another list. */
export const select = (next: Selection): void => {
  selection = next
  generation++
  rows = []
  pending = new Set()
  batch(() => {
    total.value = 0
    unread.value = 0
    loaded.value = false
    version.value++
  })
  void load(0)
}

/** Reads what is missing of these rows. */
export const look = (from: number, to: number): void => {
  visible = [from, to]
  for (let page = Math.floor(from / PAGE); page * PAGE < Math.min(to, total.value); page++) {
    const start = page * PAGE
    if (pending.has(page)) continue
    for (let index = start; index < Math.min(start + PAGE, total.value); index++) {
      if (rows[index] !== undefined) continue
      void load(page)
      break
    }
  }
}

/** Row `index`, once it is known. */
export const rowOnceLoaded = async (index: number): Promise<Summary | undefined> => {
  if (rows[index] === undefined && index >= 0 && index < total.value) await load(Math.floor(index / PAGE))
  return rows[index]
}

/** Reads anew what is in sight, and forgets the rest. */
export const refresh = (): void => {
  if (timer !== undefined) return
  timer = window.setTimeout(() => {
    timer = undefined
    generation++
    pending = new Set()
    void load(Math.floor(visible[0] / PAGE), true)
  }, SETTLE)
}

let arrived: Array<Summary> = []

/** A message has come. Many at once become one change of the list. */
export const arrive = (summary: Summary): void => {
  events++
  if (selection.search !== "") return refresh()
  if (selection.inbox !== "" && summary.Username.toLowerCase() !== selection.inbox) return
  arrived.push(summary)
  if (arrived.length > 1) return
  window.setTimeout(() => {
    // Those that an answer has brought in the meantime are there already.
    const known = new Set(rows.slice(0, PAGE).map((row) => row?.ID))
    const news = arrived.filter(({ ID }) => !known.has(ID)).toReversed()
    arrived = []
    rows = [...news, ...rows]
    batch(() => {
      total.value += news.length
      unread.value += news.length
      version.value++
    })
  }, 16)
}

export const mark = (ids: ReadonlyArray<string>, read: boolean): void => {
  events++
  const wanted = new Set(ids)
  let changed = 0
  rows = rows.map((row) => {
    if (row === undefined || row.Read === read || !wanted.has(row.ID)) return row
    changed++
    return { ...row, Read: read }
  })
  batch(() => {
    unread.value += read ? -changed : changed
    version.value++
  })
  if (changed < ids.length) refresh()
}

export const vanish = (ids: ReadonlyArray<string>): void => {
  events++
  const gone = new Set(ids)
  const left = rows.filter((row) => row === undefined || !gone.has(row.ID))
  const removed = rows.length - left.length
  const removedUnread = rows.reduce(
    (sum, row) => (row !== undefined && gone.has(row.ID) && !row.Read ? sum + 1 : sum),
    0
  )
  rows = left
  batch(() => {
    total.value -= removed
    unread.value -= removedUnread
    version.value++
  })
  // Of those that are not known here nobody can say whether they belonged to this list.
  if (removed < ids.length) refresh()
}

const load = async (page: number, anew = false): Promise<void> => {
  const asked = generation
  const before = events
  pending.add(page)
  try {
    const answer = await listMessages(selection, page * PAGE, PAGE)
    if (asked !== generation) return
    const known = anew ? [] : rows
    rows = Array.from(
      { length: answer.messages_count },
      (_, index) => answer.messages[index - answer.start] ?? known[index]
    )
    batch(() => {
      total.value = answer.messages_count
      unread.value = answer.messages_unread
      loaded.value = true
      version.value++
    })
    if (before !== events) refresh()
  } catch (error) {
    report(error)
  } finally {
    pending.delete(page)
  }
}
