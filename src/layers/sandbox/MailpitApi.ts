/** Mailpit's REST core over the captured messages, and `messages/wait` for test suites. */
import { Effect, Result, Schema } from "effect"
import type { ParsedSearchParams } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Sandbox } from "../../services/Sandbox.ts"
import type { CapturedMessages, StoredMessage } from "../../services/SandboxMessages.ts"
import * as Downloads from "./Downloads.ts"
import { type Inbox, inboxOf, isIn, messagesIn } from "./Inbox.ts"
import { InboxApi, ReadStatus, Selection } from "./InboxApi.ts"
import { withBody } from "./JsonRequest.ts"
import type { InfoJson } from "./MailpitSchema.ts"
import { attachmentIndex, countUnread, tagsOf, toHeadersJson, toMessageJson, toMessagesJson } from "./MailpitJson.ts"
import { viewHtml, viewText } from "./MessageView.ts"
import { writeMessage } from "./MessageWriter.ts"
import { type Matches, parseSearch } from "./Search.ts"

const DEFAULT_LIMIT = 50

/** Of `messages/wait`, in seconds. */
const DEFAULT_WAIT = 10
const LONGEST_WAIT = 60

/** Requests that wait at a time. */
const MAX_WAITING = 500

export const MailpitApi = HttpApiBuilder.group(
  InboxApi,
  "messages",
  Effect.fnUntraced(function* (handlers) {
    const { messages } = yield* Sandbox
    let waiting = 0

    const mailbox = (query: Query) => Effect.map(messages.all, (all) => messagesIn(inboxOf(query), all))

    const search = Effect.fnUntraced(function* (query: Query) {
      const { lastChange, messages: everything } = yield* messages.snapshot
      const all = messagesIn(inboxOf(query), everything)
      const sought = searchOf(query)
      return { all, found: sought === "" ? all : yield* matching(all, parseSearch(sought)), lastChange }
    })

    /** With the number of the last change that it knows of, for whoever listens to the changes too. */
    const list = (query: Query) =>
      Effect.map(search(query), ({ all, found, lastChange }) =>
        HttpServerResponse.jsonUnsafe(toMessagesJson(all, found, pageOf(query)), {
          headers: { "last-change": String(lastChange) }
        })
      )

    const withMessage = Effect.fnUntraced(function* (
      id: string,
      query: Query,
      respond: (stored: StoredMessage) => Effect.Effect<Response> | Response | undefined
    ) {
      const stored = yield* id === "latest"
        ? Effect.map(search(query), ({ found }) => found[0])
        : Effect.map(messages.get(id), (known) => (isIn(inboxOf(query), known?.message.username) ? known : undefined))
      const response = stored === undefined ? undefined : respond(stored)
      if (response === undefined) return NOT_FOUND
      return Effect.isEffect(response) ? yield* response : response
    })

    const wait = (query: Query, seconds: number) => {
      const inbox = inboxOf(query)
      const matches = parseSearch(searchOf(query))
      return messages
        .waitFor((stored) => isIn(inbox, stored.message.username) && matches(stored))
        .pipe(
          Effect.flatMap((stored) => show(messages, stored, query)),
          Effect.timeoutOrElse({
            duration: seconds * 1_000,
            orElse: () => Effect.succeed(HttpServerResponse.text("no message matched in time", { status: 408 }))
          }),
          Effect.ensuring(Effect.sync(() => void waiting--))
        )
    }

    return handlers
      .handleRaw("list", ({ query }) => list(query))
      .handleRaw("search", ({ query }) => (searchOf(query) === "" ? Effect.succeed(NO_QUERY) : list(query)))
      .handleRaw("wait", ({ query }) =>
        Effect.suspend(() => {
          const seconds = query.timeout === undefined ? DEFAULT_WAIT : Number(query.timeout)
          if (!(seconds >= 0 && seconds <= LONGEST_WAIT)) {
            return Effect.succeed(badRequest(`timeout must be 0 to ${LONGEST_WAIT} seconds`))
          }
          if (waiting >= MAX_WAITING) {
            return Effect.succeed(HttpServerResponse.text("too many wait already", { status: 503 }))
          }
          waiting++
          return wait(query, seconds)
        })
      )
      .handleRaw("setRead", ({ query }) =>
        withBody((body) =>
          Effect.gen(function* () {
            const change = decodeReadStatus(body === "" ? "null" : body)
            if (Result.isFailure(change)) return badRequest(change.failure.message)
            const { IDs = [], Read = false, Search = "" } = change.success
            if (IDs.length > 0 && Search !== "") return badRequest("Give either IDs or a search, not both")
            yield* messages.setRead(yield* selected(messages, inboxOf(query), IDs, Search), Read)
            return OK
          })
        )
      )
      .handleRaw("remove", ({ query }) =>
        withBody((body) =>
          Effect.gen(function* () {
            // Mailpit takes a body that it cannot read for "all". Here a typing error deletes nothing.
            const selection = decodeSelection(body === "" ? "{}" : body)
            if (Result.isFailure(selection)) return badRequest(selection.failure.message)
            yield* messages.remove(yield* selected(messages, inboxOf(query), selection.success?.IDs ?? [], ""))
            return OK
          })
        )
      )
      .handleRaw("removeFound", ({ query }) =>
        Effect.gen(function* () {
          if (searchOf(query) === "") return NO_QUERY
          yield* messages.remove(idsOf((yield* search(query)).found))
          return OK
        })
      )
      .handleRaw("show", ({ params, query }) =>
        withMessage(params.id, query, (stored) => show(messages, stored, query))
      )
      .handleRaw("headers", ({ params, query }) =>
        withMessage(params.id, query, ({ message }) => HttpServerResponse.jsonUnsafe(toHeadersJson(message)))
      )
      .handleRaw("raw", ({ params, query }) =>
        withMessage(params.id, query, ({ message }) => {
          const source = writeMessage(message)
          return query.download === "true"
            ? Downloads.download(Buffer.from(source), `${message.subject || "message"}.eml`)
            : HttpServerResponse.text(source, { contentType: "text/plain; charset=utf-8" })
        })
      )
      .handleRaw("part", ({ params, query }) =>
        withMessage(params.id, query, ({ message }) => {
          const index = attachmentIndex(message, params.part)
          const attachment = index === undefined ? undefined : message.attachments[index]
          if (index === undefined || attachment === undefined) return undefined
          const content = Buffer.from(message.attachmentBase64(index) ?? "", "base64")
          return query.open === "true"
            ? Downloads.open(content, attachment)
            : Downloads.download(content, attachment.fileName)
        })
      )
      .handleRaw("view", ({ params, query }) => {
        const [, id = "", form] = /^(.+)\.(html|txt)$/.exec(params.file) ?? []
        return withMessage(id, query, ({ message }) => {
          if (form === "txt") return viewText(message.text ?? "")
          return message.html === undefined ? undefined : viewHtml(message.html, query.remote === "true")
        })
      })
      .handleRaw("info", ({ query }) =>
        Effect.gen(function* () {
          return HttpServerResponse.jsonUnsafe(toInfoJson(yield* mailbox(query), yield* messages.bytes))
        })
      )
      .handleRaw("tags", ({ query }) => Effect.map(mailbox(query), (all) => HttpServerResponse.jsonUnsafe(tagsOf(all))))
  })
)

type Response = HttpServerResponse.HttpServerResponse

/** Those of an endpoint, by name: each is there or not. */
type Query = ParsedSearchParams["Service"]

const OK = HttpServerResponse.text("ok")

const badRequest = (message: string) => HttpServerResponse.text(message, { status: 400 })

const NO_QUERY = badRequest("Error: no search query")

const NOT_FOUND = HttpServerResponse.text("404 page not found", { status: 404 })

const decodeReadStatus = Schema.decodeUnknownResult(Schema.fromJsonString(ReadStatus))

/** Clients that delete all send `null`, or nothing. */
const decodeSelection = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.NullOr(Selection)))

const searchOf = (query: Query): string => {
  const search = query["query"]
  return (typeof search === "string" ? search : (search?.[0] ?? "")).trim()
}

/** What is no number counts as not given. */
const pageOf = (query: Query): { readonly start: number; readonly limit: number } => ({
  start: wholeNumber(query["start"]) ?? 0,
  limit: wholeNumber(query["limit"]) ?? DEFAULT_LIMIT
})

const wholeNumber = (value: string | ReadonlyArray<string> | undefined): number | undefined =>
  typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : undefined

/** Messages that are looked at before others of the process have their turn. */
const SEARCHED_AT_ONCE = 100

const matching = Effect.fnUntraced(function* (all: ReadonlyArray<StoredMessage>, matches: Matches) {
  const found: Array<StoredMessage> = []
  for (const [index, stored] of all.entries()) {
    if (index % SEARCHED_AT_ONCE === SEARCHED_AT_ONCE - 1) yield* Effect.yieldNow
    if (matches(stored)) found.push(stored)
  }
  return found
})

const idsOf = (stored: ReadonlyArray<StoredMessage>): ReadonlyArray<string> => stored.map(({ message }) => message.id)

/** The ids themselves, or, without any, of what the search matches; of the inbox alone in either case. */
const selected = Effect.fnUntraced(function* (
  messages: CapturedMessages,
  inbox: Inbox,
  ids: ReadonlyArray<string>,
  search: string
) {
  if (ids.length > 0 && inbox === undefined) return ids
  const all = messagesIn(inbox, yield* messages.all)
  const wanted = new Set(ids)
  return idsOf(
    ids.length > 0 ? all.filter(({ message }) => wanted.has(message.id)) : yield* matching(all, parseSearch(search))
  )
})

/** Showing a message marks it as read. */
const show = (messages: CapturedMessages, { message }: StoredMessage, query: Query) =>
  Effect.as(
    messages.setRead([message.id], true),
    HttpServerResponse.jsonUnsafe(toMessageJson(message, { payload: query["payload"] !== "false" }))
  )

const toInfoJson = (mailbox: ReadonlyArray<StoredMessage>, bytes: number): typeof InfoJson.Type => {
  const tags = new Map<string, number>()
  for (const { message } of mailbox) for (const tag of message.tags) tags.set(tag, (tags.get(tag) ?? 0) + 1)
  return {
    Version: "cakemail-sandbox",
    LatestVersion: "",
    Database: "memory",
    DatabaseSize: bytes,
    Messages: mailbox.length,
    Unread: countUnread(mailbox),
    Tags: Object.fromEntries(tags),
    RuntimeStats: {}
  }
}
