/** What happens in the sandbox while the page is open. */
import { signal } from "@preact/signals"
import type { Summary } from "./api.ts"

/** Whether events come: without them the page may show what is no longer so. */
export const isLive = signal(false)

export interface LiveEvents {
  /** The connection stands, for the first time or again: whatever happened before has to be looked up. */
  readonly ready: () => void
  readonly new: (summary: Summary) => void
  readonly update: (change: { readonly IDs: ReadonlyArray<string>; readonly Read: boolean }) => void
  readonly delete: (change: { readonly IDs: ReadonlyArray<string> }) => void
  readonly refusals: () => void
  readonly faults: () => void
}

/** Until the page is left; the browser connects again by itself. */
export const listen = (events: LiveEvents): void => {
  const source = new EventSource("/api/v1/events")
  source.addEventListener("ready", () => {
    isLive.value = true
    events.ready()
  })
  source.addEventListener("error", () => (isLive.value = false))
  source.addEventListener("new", ({ data }: MessageEvent<string>) => events.new(JSON.parse(data)))
  source.addEventListener("update", ({ data }: MessageEvent<string>) => events.update(JSON.parse(data)))
  source.addEventListener("delete", ({ data }: MessageEvent<string>) => events.delete(JSON.parse(data)))
  source.addEventListener("refusals", events.refusals)
  source.addEventListener("faults", events.faults)
}
