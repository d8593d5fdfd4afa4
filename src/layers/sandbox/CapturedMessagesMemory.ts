/** Captured messages in memory, bounded by count and by bytes. */
import { Effect } from "effect"
import type { CapturedMessage, CapturedMessages, StoredMessage } from "../../services/SandboxMessages.ts"

export interface CapturedMessagesOptions {
  readonly maxMessages: number
  readonly maxBytes: number
}

interface Entry extends StoredMessage {
  read: boolean
}

interface Waiter {
  readonly matches: (stored: StoredMessage) => boolean
  readonly found: (stored: StoredMessage) => void
}

export const makeCapturedMessagesMemory = (options: CapturedMessagesOptions): CapturedMessages => {
  // A Map keeps the order of insertion: its first entry is the oldest.
  const entries = new Map<string, Entry>()
  const waiters = new Set<Waiter>()
  let bytes = 0

  const remove = (id: string) => {
    const entry = entries.get(id)
    if (entry === undefined) return
    entries.delete(id)
    bytes -= weight(entry.message)
  }

  const newestFirst = () => [...entries.values()].toReversed()

  const add = (message: CapturedMessage) => {
    const entry: Entry = { message, read: false }
    entries.set(message.id, entry)
    bytes += weight(message)
    for (const oldest of entries.keys()) {
      if (entries.size <= options.maxMessages && bytes <= options.maxBytes) break
      remove(oldest)
    }
    // Waiters see a message even when it is too large to be kept.
    for (const waiter of waiters) if (waiter.matches(entry)) waiter.found(entry)
  }

  return {
    add: (message) => Effect.sync(() => add(message)),
    all: Effect.sync(newestFirst),
    get: (id) => Effect.sync(() => entries.get(id)),
    remove: (ids) =>
      Effect.sync(() => {
        for (const id of ids) remove(id)
      }),
    clear: Effect.sync(() => {
      entries.clear()
      bytes = 0
    }),
    setRead: (ids, read) =>
      Effect.sync(() => {
        for (const id of ids) {
          const entry = entries.get(id)
          if (entry !== undefined) entry.read = read
        }
      }),
    // Looking and starting to wait are one synchronous step: no message can come between them.
    waitFor: (matches) =>
      Effect.callback<StoredMessage>((resume) => {
        const present = newestFirst().find(matches)
        if (present !== undefined) return resume(Effect.succeed(present))
        const waiter: Waiter = {
          matches,
          found: (stored) => {
            waiters.delete(waiter)
            resume(Effect.succeed(stored))
          }
        }
        waiters.add(waiter)
        return Effect.sync(() => {
          waiters.delete(waiter)
        })
      }),
    bytes: Effect.sync(() => bytes)
  }
}

/** The body is held once; the decoded texts are copies of parts of it. */
const weight = (message: CapturedMessage): number =>
  message.body.byteLength + (message.text?.length ?? 0) + (message.html?.length ?? 0)
