/** Captured messages in memory, bounded by count and by bytes. */
import { Effect, PubSub, Stream } from "effect"
import type {
  CapturedMessage,
  CapturedMessages,
  MailboxChange,
  NumberedChange,
  StoredMessage
} from "../../services/SandboxMessages.ts"
import { longestSearchText } from "./SearchText.ts"

export interface CapturedMessagesOptions {
  readonly maxMessages: number
  readonly maxBytes: number
}

/** Changes that wait for whoever is slow to look at them. */
const MAX_WAITING_CHANGES = 1_024

interface Entry extends StoredMessage {
  read: boolean
  readonly bytes: number
}

interface Waiter {
  readonly matches: (stored: StoredMessage) => boolean
  readonly found: (stored: StoredMessage) => void
}

export const makeCapturedMessagesMemory: (options: CapturedMessagesOptions) => Effect.Effect<CapturedMessages> =
  Effect.fnUntraced(function* (options) {
    // A Map keeps the order of insertion: its first entry is the oldest.
    const entries = new Map<string, Entry>()
    const waiters = new Set<Waiter>()
    const changes = yield* PubSub.sliding<NumberedChange>(MAX_WAITING_CHANGES)
    let published = 0
    let bytes = 0

    const newestFirst = () => [...entries.values()].toReversed()

    /** Those of the ids that were there. */
    const removeAll = (ids: Iterable<string>): ReadonlyArray<string> => {
      const removed: Array<string> = []
      for (const id of ids) {
        const entry = entries.get(id)
        if (entry === undefined) continue
        entries.delete(id)
        bytes -= entry.bytes
        removed.push(id)
      }
      return removed
    }

    /** Those that had to go for it; `undefined` when it is itself too large to be kept: then no other goes. */
    const keep = (entry: Entry): ReadonlyArray<string> | undefined => {
      if (entry.bytes > options.maxBytes) return undefined
      entries.set(entry.message.id, entry)
      bytes += entry.bytes
      const surplus: Array<string> = []
      for (const oldest of entries.keys()) {
        if (entries.size <= options.maxMessages && bytes <= options.maxBytes) break
        surplus.push(...removeAll([oldest]))
      }
      return surplus
    }

    const publish = (change: MailboxChange) => Effect.asVoid(PubSub.publish(changes, { number: ++published, change }))

    const publishRemoval = (ids: ReadonlyArray<string>) =>
      ids.length === 0 ? Effect.void : publish({ _tag: "Removed", ids })

    return {
      add: (message) =>
        Effect.suspend(() => {
          const entry: Entry = { message, read: false, bytes: weight(message) }
          const surplus = keep(entry)
          // Waiters see a message even when it is too large to be kept.
          for (const waiter of waiters) if (waiter.matches(entry)) waiter.found(entry)
          if (surplus === undefined) return Effect.void
          return Effect.andThen(publish({ _tag: "Added", id: message.id }), publishRemoval(surplus))
        }),
      all: Effect.sync(newestFirst),
      snapshot: Effect.sync(() => ({ messages: newestFirst(), lastChange: published })),
      get: (id) => Effect.sync(() => entries.get(id)),
      remove: (ids) => Effect.suspend(() => publishRemoval(removeAll(ids))),
      clear: Effect.suspend(() => publishRemoval(removeAll(entries.keys()))),
      setRead: (ids, read) =>
        Effect.suspend(() => {
          const changed: Array<string> = []
          for (const id of ids) {
            const entry = entries.get(id)
            if (entry === undefined || entry.read === read) continue
            entry.read = read
            changed.push(id)
          }
          return changed.length === 0 ? Effect.void : publish({ _tag: "Marked", ids: changed, read })
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
      changes: Stream.suspend(() => withGaps(Stream.fromPubSub(changes), published)),
      bytes: Effect.sync(() => bytes)
    }
  })

/** The numbers tell when something is missing between two changes; `last` is the number before the first. */
const withGaps = (changes: Stream.Stream<NumberedChange>, last: number): Stream.Stream<NumberedChange> =>
  Stream.mapAccum(
    changes,
    () => last,
    (before, next) => [
      next.number,
      next.number === before + 1 ? [next] : [{ number: next.number - 1, change: MISSED }, next]
    ]
  )

const MISSED: MailboxChange = { _tag: "Missed" }

/**
 * The body is held once. The decoded texts are copies of parts of it, and so are the words that a search makes of them:
 * each character counts as two bytes, as it does in memory once one of the text is outside of Latin-1.
 */
const weight = (message: CapturedMessage): number => {
  let characters = message.subject.length + longestSearchText(message)
  characters += (message.text?.length ?? 0) + (message.html?.length ?? 0)
  for (const { name, value } of message.headers) characters += name.length + value.length
  return message.body.byteLength + 2 * characters
}
