/**
 * The list of messages as far as it has been looked at. It is read from the sandbox in pages, as one scrolls; what
 * happens meanwhile comes by events. A row that is not known yet is `undefined`.
 *
 * Answers and events overtake each other. Both carry the number of the change that they know of: an event that the rows
 * know of already is passed over, and an answer that knows of more than the rows do takes their place. While the rows are
 * read anew the events wait.
 */
import { batch, signal } from "@preact/signals"
import { listMessages, type Selection, type Summary } from "./api.ts"
import { report } from "./problems.ts"

const PAGE = 100

/** Milliseconds: changes that come in quick succession are looked up once. */
const SETTLE = 150

/** Events that wait. */
const MAX_WAITING = 10_000

/** Milliseconds: messages that come within one picture are drawn at once. */
const PICTURE = 16

export const total = signal(0)
export const unread = signal(0)
/** Counts up with each change of the rows. */
export const version = signal(0)
/** Whether the first page of the selection has come. */
export const loaded = signal(false)

let selection: Selection = { inbox: "", search: "" }
let rows: ReadonlyArray<Summary | undefined> = []
/** The number of the last change that the rows know of. */
let lastChange = -1
let pending = new Set<number>()
let timer: number | undefined
/** Events that came while the rows are read anew; `undefined` when they are not. */
let waiting: Array<() => void> | undefined
/** The rows that were last looked at. */
let visible: readonly [from: number, to: number] = [0, 0]
/** Answers to questions that were asked of another list are no answers to this one. */
let generation = 0

export const rowAt = (index: number): Summary | undefined => rows[index]

export const indexOf = (id: string): number => rows.findIndex((row) => row?.ID === id)

/** Shows another list. */
export const select = (next: Selection): void => {
  selection = next
  show([], 0)
  loaded.value = false
  startAnew(0)
}

const startAnew = (page: number): void => {
  generation++
  pending = new Set()
  arrived = []
  waiting = []
  lastChange = -1
  void load(page)
}

/** Reads what is missing of these rows; there may be none before the first or after the last. */
export const look = (from: number, to: number): void => {
  visible = [from, to]
  for (let page = Math.max(0, Math.floor(from / PAGE)); page * PAGE < Math.min(to, rows.length); page++) {
    const start = page * PAGE
    if (!pending.has(page) && rows.slice(start, start + PAGE).includes(undefined)) void load(page)
  }
}

/** Row `index`, once it is known. */
export const rowOnceLoaded = async (index: number): Promise<Summary | undefined> => {
  if (index >= 0 && index < rows.length && rows[index] === undefined) await load(Math.floor(index / PAGE))
  return rows[index]
}

/** Reads anew what is in sight, and forgets the rest. */
export const refresh = (): void => {
  timer ??= window.setTimeout(() => {
    timer = undefined
    startAnew(Math.max(0, Math.floor((visible[0] + visible[1]) / 2 / PAGE)))
  }, SETTLE)
}

/** Whether the event has to wait; it comes again then. */
const waits = (event: () => void): boolean => {
  if (waiting === undefined) return false
  if (waiting.length < MAX_WAITING) waiting.push(event)
  else refresh()
  return true
}

let arrived: Array<Summary> = []

/** A message has come. */
export const arrive = (summary: Summary, number: number): void => {
  if (waits(() => arrive(summary, number)) || number <= lastChange) return
  if (selection.search !== "") return refresh()
  lastChange = number
  if (selection.inbox !== "" && summary.Username.toLowerCase() !== selection.inbox) return
  arrived.push(summary)
  if (arrived.length === 1) setTimeout(showArrived, PICTURE)
}

const showArrived = (): void => {
  if (arrived.length === 0) return
  const news = arrived.toReversed()
  arrived = []
  show([...news, ...rows], unread.peek() + news.length)
}

export const mark = (ids: ReadonlyArray<string>, read: boolean, number: number): void => {
  if (waits(() => mark(ids, read, number)) || number <= lastChange) return
  showArrived()
  lastChange = number
  const wanted = new Set(ids)
  let changed = 0
  const marked = rows.map((row) => {
    if (row === undefined || row.Read === read || !wanted.has(row.ID)) return row
    changed++
    return { ...row, Read: read }
  })
  show(marked, unread.peek() + (read ? -changed : changed))
  // Of those that are not known here nobody can say whether they belong to this list.
  if (changed < ids.length) refresh()
}

export const vanish = (ids: ReadonlyArray<string>, number: number): void => {
  if (waits(() => vanish(ids, number)) || number <= lastChange) return
  showArrived()
  lastChange = number
  const gone = new Set(ids)
  const isGone = (row: Summary | undefined): boolean => row !== undefined && gone.has(row.ID)
  const removed = rows.filter(isGone)
  show(
    rows.filter((row) => !isGone(row)),
    unread.peek() - removed.filter((row) => row?.Read === false).length
  )
  if (removed.length < ids.length) refresh()
}

const show = (next: ReadonlyArray<Summary | undefined>, unreadCount: number): void => {
  rows = next
  batch(() => {
    total.value = rows.length
    unread.value = unreadCount
    version.value++
  })
}

const load = async (page: number): Promise<void> => {
  const asked = generation
  pending.add(page)
  try {
    const answer = await listMessages(selection, page * PAGE, PAGE)
    if (asked !== generation) return
    // Of a time before the last event: what it says of the rows is no longer so.
    if (answer.lastChange < lastChange) return refresh()
    const { messages, messages_count, messages_unread, start } = answer.page
    const known = answer.lastChange === lastChange ? rows : []
    if (answer.lastChange > lastChange) arrived = []
    lastChange = answer.lastChange
    const events = waiting ?? []
    waiting = undefined
    show(
      Array.from({ length: messages_count }, (_, index) => messages[index - start] ?? known[index]),
      messages_unread
    )
    loaded.value = true
    for (const event of events) event()
  } catch (error) {
    report(error)
  } finally {
    pending.delete(page)
  }
}
