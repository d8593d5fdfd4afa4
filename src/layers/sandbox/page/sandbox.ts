/** What the page knows of the sandbox beside the list: inboxes, refusals, faults, where to send to. */
import { effect, signal } from "@preact/signals"
import {
  type FaultStates,
  getFaults,
  getInboxes,
  getInfo,
  getRefusals,
  type Inboxes,
  type Info,
  type Refusals,
  type Summary
} from "./api.ts"
import { listen } from "./live.ts"
import * as mailbox from "./mailbox.ts"
import { problem, report } from "./problems.ts"
import { route } from "./route.ts"

export const inboxes = signal<Inboxes>([])
export const refusals = signal<Refusals>([])
export const faults = signal<FaultStates>([])
export const info = signal<Info | undefined>(undefined)
/** The message that came last, for those who do not see the list change. */
export const latest = signal<Summary | undefined>(undefined)

/** The messages that went last: one that is open may be among them. */
export const vanished = signal<ReadonlyArray<string>>([])

/** Milliseconds between two look-ups of the same thing, however often it changes. */
const PACE = 250

/** Looks it up now, or soon if it was looked up just before. */
const paced = (look: () => Promise<void>): (() => void) => {
  let timer: number | undefined
  let wanted = false
  const run = (): void => {
    if (timer !== undefined) {
      wanted = true
      return
    }
    timer = window.setTimeout(() => {
      timer = undefined
      if (!wanted) return
      wanted = false
      run()
    }, PACE)
    look().catch(report)
  }
  return run
}

const lookUpInboxes = paced(async () => void (inboxes.value = await getInboxes()))
const lookUpRefusals = paced(async () => void (refusals.value = await getRefusals(route.peek().inbox)))
const lookUpFaults = paced(async () => void (faults.value = await getFaults()))

export const start = (): void => {
  let before: string | undefined
  effect(() => {
    const { inbox, search } = route.value
    const now = JSON.stringify([inbox, search])
    if (now === before) return
    before = now
    mailbox.select({ inbox, search })
    lookUpRefusals()
  })
  listen({
    ready: () => {
      problem.value = undefined
      mailbox.refresh()
      lookUpInboxes()
      lookUpRefusals()
      lookUpFaults()
      getInfo().then((found) => (info.value = found), report)
    },
    new: (summary, number) => {
      latest.value = summary
      mailbox.arrive(summary, number)
      lookUpInboxes()
    },
    update: ({ IDs, Read }, number) => {
      mailbox.mark(IDs, Read, number)
      lookUpInboxes()
    },
    delete: ({ IDs }, number) => {
      vanished.value = IDs
      mailbox.vanish(IDs, number)
      lookUpInboxes()
    },
    reload: () => {
      mailbox.refresh()
      lookUpInboxes()
    },
    refusals: lookUpRefusals,
    faults: lookUpFaults
  })
}
