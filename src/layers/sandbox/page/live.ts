/**
 * What happens in the sandbox while the page is open. One tab listens and tells the others: browsers have six connections
 * for a server, and a stream takes one of them for as long as it lasts.
 */
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

/** An event of the stream, or what became of it: `lost`, or `live` for a tab that was not there when it began. */
interface Told {
  readonly name: string
  readonly data: string
  /** Of the change; empty when it has none. */
  readonly id: string
}

const told = (name: string, data = "", id = ""): Told => ({ name, data, id })

/** Until the page is left. */
export const listen = (events: LiveEvents): void => {
  const take = taker(events)
  // Locks are kept from pages that came over plain HTTP from another machine: there each tab listens for itself.
  if (!window.isSecureContext) return stream(take)
  const tabs = new BroadcastChannel("events")
  let listens = false
  tabs.addEventListener("message", ({ data }: MessageEvent<Told>) => {
    if (data.name !== "hello") return take(data)
    if (listens && isLive.peek()) tabs.postMessage(told("live"))
  })
  tabs.postMessage(told("hello"))
  // The tab that has the lock listens. When it is closed, the next one gets it.
  void navigator.locks.request("events", () => {
    listens = true
    stream((event) => {
      take(event)
      tabs.postMessage(event)
    })
    return new Promise<never>(() => {})
  })
}

const NAMES = ["ready", "new", "update", "delete", "reload", "refusals", "faults"]

const stream = (tell: (event: Told) => void): void => {
  const source = new EventSource("/api/v1/events")
  for (const name of NAMES) {
    source.addEventListener(name, ({ data, lastEventId }) => tell(told(name, data, lastEventId)))
  }
  source.addEventListener("error", () => {
    tell(told("lost"))
    // The browser connects again by itself after a connection was lost, but not after an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => stream(tell), PAUSE)
  })
}

const taker =
  (events: LiveEvents) =>
  ({ data, id, name }: Told): void => {
    switch (name) {
      case "live":
      case "ready":
        if (name === "live" && isLive.peek()) return
        isLive.value = true
        return events.ready()
      case "lost":
        isLive.value = false
        return
      case "new":
        return events.new(JSON.parse(data), Number(id))
      case "update":
        return events.update(JSON.parse(data), Number(id))
      case "delete":
        return events.delete(JSON.parse(data), Number(id))
      case "reload":
        return events.reload()
      case "refusals":
        return events.refusals()
      case "faults":
        return events.faults()
    }
  }
