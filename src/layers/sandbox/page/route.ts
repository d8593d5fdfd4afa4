/** Where in the page one is, kept behind the # of its address: it can be linked to, and Back works. */
import { computed, signal } from "@preact/signals"

export const TABS = ["preview", "text", "headers", "source", "attachments", "cakemail"] as const
export type Tab = (typeof TABS)[number]

export interface Route {
  readonly list: "inbox" | "refused"
  /** Of the message or the refusal that is open. */
  readonly id: string | undefined
  /** The tab that was asked for; a message may have no such. */
  readonly tab: Tab | undefined
  /** A user name; empty for all. */
  readonly inbox: string
  readonly search: string
}

const isTab = (text: string | undefined): text is Tab => TABS.some((tab) => tab === text)

const parse = (hash: string): Route => {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?")
  const [, list, id, tab] = path.split("/")
  const parameters = new URLSearchParams(query)
  return {
    list: list === "refused" ? "refused" : "inbox",
    id: id === undefined || id === "" ? undefined : decoded(id),
    tab: isTab(tab) ? tab : undefined,
    inbox: parameters.get("inbox") ?? "",
    search: parameters.get("search") ?? ""
  }
}

/** What somebody typed into the address bar may be no encoding at all. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const current = signal(parse(location.hash))
addEventListener("hashchange", () => (current.value = parse(location.hash)))

export const route = computed(() => current.value)

/** The address of where one is, with changes. A link to it keeps everything that is not named. */
export const linkTo = (change: Partial<Route>): string => {
  const { id, inbox, list, search, tab } = { ...current.value, ...change }
  const path = [list, ...(id === undefined ? [] : [encodeURIComponent(id), ...(tab === undefined ? [] : [tab])])]
  const query = new URLSearchParams(Object.entries({ inbox, search }).filter(([, value]) => value !== ""))
  return `#/${path.join("/")}${query.size === 0 ? "" : `?${query.toString()}`}`
}

/** At once, not with the event that tells of it: the next key may be pressed before. */
export const goTo = (change: Partial<Route>): void => {
  const link = linkTo(change)
  if (link === location.hash) return
  history.pushState(null, "", link)
  current.value = parse(location.hash)
}

/** Without a step of its own for Back: what is typed letter by letter is no journey. */
export const replaceWith = (change: Partial<Route>): void => {
  history.replaceState(null, "", linkTo(change))
  current.value = parse(location.hash)
}
