/**
 * The messages, newest first. There may be ten thousand: only the rows in sight are in the document, at the place where
 * they would stand if all of them were.
 */
import { useSignal } from "@preact/signals"
import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import { formatBytes, formatFullTime, formatTime, nameOf } from "./format.ts"
import { Icon } from "./Icon.tsx"
import * as mailbox from "./mailbox.ts"
import { cursor, marked, putCursor } from "./keyboard.ts"
import { linkTo, route } from "./route.ts"
import type { Summary } from "./api.ts"

/** Pixels; list.css says the same. */
export const ROW_HEIGHT = 84

/** Rows beyond the edges that are read ahead of the scrolling. */
const AHEAD = 200

/** Rows beyond the edges that are drawn ahead of the scrolling. */
const MARGIN = 8

export const MessageList = () => {
  const scroller = useRef<HTMLDivElement>(null)
  const top = useSignal(0)
  const height = useSignal(800)

  useLayoutEffect(() => {
    const element = scroller.current
    if (element === null) return
    const observer = new ResizeObserver(() => (height.value = element.clientHeight))
    observer.observe(element)
    return () => observer.disconnect()
  }, [height])

  const total = mailbox.total.value
  void mailbox.version.value
  const from = Math.max(0, Math.floor(top.value / ROW_HEIGHT) - MARGIN)
  const to = Math.min(total, Math.ceil((top.value + height.value) / ROW_HEIGHT) + MARGIN)

  useEffect(() => mailbox.look(from - AHEAD, to + AHEAD))

  // What comes above the rows that are in sight does not push them away.
  const anchor = useRef<Anchor | undefined>(undefined)
  useLayoutEffect(() => {
    const element = scroller.current
    if (element === null) return
    const moved = rowsMoved(anchor.current)
    if (moved !== 0 && element.scrollTop > 0) element.scrollTop += moved * ROW_HEIGHT
    const index = Math.floor(element.scrollTop / ROW_HEIGHT)
    anchor.current = { index, id: mailbox.rowAt(index)?.ID }
  })

  // The row that the keyboard is put on comes into sight.
  useLayoutEffect(() => {
    const element = scroller.current
    const at = cursor.peek()
    if (element === null || at === undefined) return
    const start = at * ROW_HEIGHT
    if (start < element.scrollTop) element.scrollTop = start
    else if (start + ROW_HEIGHT > element.scrollTop + element.clientHeight) {
      element.scrollTop = start + ROW_HEIGHT - element.clientHeight
    }
  }, [marked.value])

  if (mailbox.loaded.value && total === 0) return <NothingFound />
  return (
    <div
      class="scroller"
      id="list"
      tabIndex={-1}
      ref={scroller}
      onScroll={({ currentTarget }) => (top.value = currentTarget.scrollTop)}
    >
      <ol class="rows" style={{ height: `${total * ROW_HEIGHT}px` }} aria-label="Messages, newest first">
        {Array.from({ length: Math.max(0, to - from) }, (_, offset) => {
          const index = from + offset
          const message = mailbox.rowAt(index)
          return <Row key={message?.ID ?? index} index={index} total={total} message={message} />
        })}
      </ol>
    </div>
  )
}

/** A row that is in sight. */
interface Anchor {
  readonly index: number
  readonly id: string | undefined
}

/** By how many rows it is further down than it was. */
const rowsMoved = (anchor: Anchor | undefined): number => {
  if (anchor?.id === undefined || mailbox.rowAt(anchor.index)?.ID === anchor.id) return 0
  const index = mailbox.indexOf(anchor.id)
  return index < 0 ? 0 : index - anchor.index
}

const NothingFound = () => (
  <div class="nothing" id="list" tabIndex={-1}>
    <Icon name={route.value.search === "" ? "envelope" : "search"} />
    <p>{route.value.search === "" ? "No messages here." : "Nothing matches."}</p>
  </div>
)

const Row = ({
  index,
  message,
  total
}: {
  readonly index: number
  readonly message: Summary | undefined
  readonly total: number
}) => {
  const place = { transform: `translateY(${index * ROW_HEIGHT}px)` }
  if (message === undefined) return <li class="row-place" style={place} aria-hidden="true" />
  const isOpen = route.value.id === message.ID
  const isAt = cursor.value === index
  return (
    <li class="row-place" style={place} aria-setsize={total} aria-posinset={index + 1}>
      <a
        class={`row${message.Read ? "" : " unread"}${isAt ? " at" : ""}`}
        href={linkTo({ list: "inbox", id: message.ID })}
        data-id={message.ID}
        aria-current={isOpen ? "true" : undefined}
        draggable={false}
        onClick={() => putCursor(index)}
      >
        <span class="row-line">
          <span class="row-from">
            {!message.Read && <span class="unseen">Unread: </span>}
            {nameOf(message.From)}
          </span>
          <time dateTime={message.Created} title={formatFullTime(message.Created)}>
            {formatTime(message.Created)}
          </time>
        </span>
        <span class="row-line">
          <span class="row-subject">{message.Subject}</span>
          {message.Attachments > 0 && (
            <span class="row-clip" title={`${message.Attachments} attachments`}>
              <Icon name="clip" />
              <span class="unseen">Attachments: </span>
              {message.Attachments}
            </span>
          )}
        </span>
        <span class="row-line faint">
          <span class="row-rest">
            <span class="row-to">to {message.To.map(({ Address }) => Address).join(", ")}</span>
            <span class="row-snippet">{message.Snippet}</span>
          </span>
          <span class="row-size">{formatBytes(message.Size)}</span>
        </span>
      </a>
    </li>
  )
}
