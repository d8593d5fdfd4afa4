/** What happens in the inbox as it happens, as server-sent events (HTML, section 9.2). */
import { Effect, Schedule, Stream } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Sandbox } from "../../services/Sandbox.ts"
import type { CapturedMessages, NumberedChange } from "../../services/SandboxMessages.ts"
import { type Inbox, inboxOf, isIn } from "./Inbox.ts"
import { InboxApi } from "./InboxApi.ts"
import { toSummaryJson } from "./MailpitJson.ts"
import { SandboxState } from "./SandboxState.ts"

/** Streams at a time. */
const MAX_STREAMS = 100

/** A line that says nothing tells a stream that nobody reads from one where nothing happens. */
const HEARTBEAT = "15 seconds"

export const EventsApi = HttpApiBuilder.group(
  InboxApi,
  "events",
  Effect.fnUntraced(function* (handlers) {
    const { messages } = yield* Sandbox
    const { notices } = yield* SandboxState
    let streams = 0

    // Counted while it runs: of an answer to HEAD nobody reads the stream.
    const counted = <A, E>(stream: Stream.Stream<A, E>): Stream.Stream<A, E> =>
      Stream.suspend(() => {
        streams++
        return Stream.ensuring(
          stream,
          Effect.sync(() => void streams--)
        )
      })

    const events = (inbox: Inbox) =>
      Stream.mergeAll(
        [
          Stream.succeed(`retry: ${RETRY}\n\n${toEvent("ready", {})}`),
          Stream.mapEffect(messages.changes, (next) => toMessageEvent(messages, inbox, next)),
          Stream.map(Stream.fromPubSub(notices), (notice) => toEvent(notice, {})),
          Stream.fromSchedule(Schedule.spaced(HEARTBEAT)).pipe(Stream.map(() => ": still here\n\n"))
        ],
        { concurrency: "unbounded" }
      ).pipe(Stream.encodeText, counted)

    return handlers.handleRaw("events", ({ query }) =>
      Effect.sync(() => {
        if (streams >= MAX_STREAMS) return HttpServerResponse.text("too many wait already", { status: 503 })
        return HttpServerResponse.stream(events(inboxOf(query)), {
          contentType: "text/event-stream",
          headers: { "cache-control": "no-store" }
        })
      })
    )
  })
)

/** Milliseconds after which a browser that lost the connection tries again. */
const RETRY = 1_000

/** Changes of messages carry their number: a list that has it in its Last-Change needs no telling. */
const toEvent = (name: string, data: unknown, number?: number): string =>
  `${number === undefined ? "" : `id: ${number}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`

const toMessageEvent = (
  messages: CapturedMessages,
  inbox: Inbox,
  { change, number }: NumberedChange
): Effect.Effect<string> => {
  switch (change._tag) {
    case "Added":
      // Gone already, or in another inbox: nothing is said of it.
      return Effect.map(messages.get(change.id), (stored) =>
        stored !== undefined && isIn(inbox, stored.message.username)
          ? toEvent("new", toSummaryJson(stored), number)
          : ""
      )
    case "Marked":
      return Effect.succeed(toEvent("update", { IDs: change.ids, Read: change.read }, number))
    case "Removed":
      return Effect.succeed(toEvent("delete", { IDs: change.ids }, number))
    case "Missed":
      return Effect.succeed(toEvent("reload", {}, number))
  }
}
