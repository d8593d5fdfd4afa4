/** What happens in the sandbox while the page is open. */
import { signal } from "@preact/signals"
import type { Summary } from "./api.ts"

/** Whether events come: without them the page may show what is no longer so. */
export const isLive = signal(false)

export interface LiveEvents {
  /** The connection stands, for the first time or again: whatever happened before has to be looked up. */
  readonly ready: () => void
  /** Changes of messages come with their number. */
  readonly new: (summary: Summary, number: number) => void
  readonly update: (change: { readonly IDs: ReadonlyArray<string>; readonly Read: boolean }, number: number) => void
  readonly delete: (change: { readonly IDs: ReadonlyArray<string> }, number: number) => void
  /** Events were lost. */
  readonly reload: () => void
  readonly refusals: () => void
  readonly faults: () => void
}

/** Milliseconds until it is tried again when the browser has given up. */
const PAUSE = 2_000

/** Until the page is left. */
export const listen = (events: LiveEvents): void => {
  const source = new EventSource("/api/v1/events")
  source.addEventListener("ready", () => {
    isLive.value = true
    events.ready()
  })
  source.addEventListener("error", () => {
    isLive.value = false
    // The browser connects again by itself after a connection was lost, but not after an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(events), PAUSE)
  })
  source.addEventListener("new", (event) => events.new(JSON.parse(event.data), Number(event.lastEventId)))
  source.addEventListener("update", (event) => events.update(JSON.parse(event.data), Number(event.lastEventId)))
  source.addEventListener("delete", (event) => events.delete(JSON.parse(event.data), Number(event.lastEventId)))
  source.addEventListener("reload", events.reload)
  source.addEventListener("refusals", events.refusals)
  source.addEventListener("faults", events.faults)
}
