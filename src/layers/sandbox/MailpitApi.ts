/** Mailpit's REST core over the captured messages, and `messages/wait` for test suites. */
import { Effect, Result, Schema } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest, ParsedSearchParams } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Sandbox } from "../../services/Sandbox.ts"
import type { CapturedMessages, StoredMessage } from "../../services/SandboxMessages.ts"
import { attachmentIndex, toHeadersJson, toMessageJson, toMessagesJson } from "./MailpitJson.ts"
import { writeMessage } from "./MessageWriter.ts"
import { parseSearch } from "./Search.ts"

const DEFAULT_LIMIT = 50

/** Of `messages/wait`, in seconds. */
const DEFAULT_WAIT = 10
const LONGEST_WAIT = 60

export const MailpitApi = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const { messages } = yield* Sandbox

    yield* router.add("GET", "/api/v1/info", infoJson(messages))

    yield* router.add(
      "GET",
      "/api/v1/messages",
      Effect.gen(function* () {
        const query = yield* ParsedSearchParams
        const mailbox = yield* messages.all
        return HttpServerResponse.jsonUnsafe(toMessagesJson(mailbox, mailbox, pageOf(query)))
      })
    )

    yield* router.add(
      "GET",
      "/api/v1/search",
      Effect.gen(function* () {
        const query = yield* ParsedSearchParams
        const search = searchOf(query)
        if (search === "") return NO_QUERY
        const mailbox = yield* messages.all
        const found = mailbox.filter(parseSearch(search))
        return HttpServerResponse.jsonUnsafe(toMessagesJson(mailbox, found, pageOf(query)))
      })
    )

    yield* router.add(
      "GET",
      "/api/v1/messages/wait",
      Effect.gen(function* () {
        const query = yield* ParsedSearchParams
        const seconds = query["timeout"] === undefined ? DEFAULT_WAIT : Number(query["timeout"])
        if (!(seconds >= 0 && seconds <= LONGEST_WAIT)) {
          return HttpServerResponse.text(`timeout must be 0 to ${LONGEST_WAIT} seconds`, { status: 400 })
        }
        return yield* messages.waitFor(parseSearch(searchOf(query))).pipe(
          Effect.flatMap((stored) => show(messages, stored)),
          Effect.timeoutOrElse({
            duration: seconds * 1_000,
            orElse: () => Effect.succeed(HttpServerResponse.text("no message matched in time", { status: 408 }))
          })
        )
      })
    )

    yield* router.add(
      "PUT",
      "/api/v1/messages",
      Effect.gen(function* () {
        const body = yield* readJson
        const change = decodeReadStatus(body)
        if (Result.isFailure(change)) return badRequest(change.failure.message)
        const { IDs = [], Read = false, Search = "" } = change.success
        if (IDs.length > 0 && Search !== "") return badRequest("Give either IDs or a search, not both")
        yield* messages.setRead(IDs.length > 0 ? IDs : yield* idsMatching(messages, Search), Read)
        return OK
      })
    )

    yield* router.add(
      "DELETE",
      "/api/v1/messages",
      Effect.gen(function* () {
        const body = yield* readJson
        // Mailpit takes a body that it cannot read for "all". Here a typing error deletes nothing.
        const selection = decodeSelection(body ?? {})
        if (Result.isFailure(selection)) return badRequest(selection.failure.message)
        const { IDs = [] } = selection.success
        yield* IDs.length === 0 ? messages.clear : messages.remove(IDs)
        return OK
      })
    )

    yield* router.add(
      "DELETE",
      "/api/v1/search",
      Effect.gen(function* () {
        const search = searchOf(yield* ParsedSearchParams)
        if (search === "") return NO_QUERY
        yield* messages.remove(yield* idsMatching(messages, search))
        return OK
      })
    )

    const withMessage = (
      respond: (stored: StoredMessage, part: string) => HttpServerResponse.HttpServerResponse | undefined
    ) =>
      Effect.gen(function* () {
        const { id = "", part = "" } = yield* HttpRouter.params
        const stored = yield* id === "latest" ? latest(messages) : messages.get(id)
        return (stored === undefined ? undefined : respond(stored, part)) ?? NOT_FOUND
      })

    yield* router.add(
      "GET",
      "/api/v1/message/:id",
      Effect.gen(function* () {
        const { id = "" } = yield* HttpRouter.params
        const stored = yield* id === "latest" ? latest(messages) : messages.get(id)
        return stored === undefined ? NOT_FOUND : yield* show(messages, stored)
      })
    )
    yield* router.add(
      "GET",
      "/api/v1/message/:id/headers",
      withMessage(({ message }) => HttpServerResponse.jsonUnsafe(toHeadersJson(message)))
    )
    yield* router.add(
      "GET",
      "/api/v1/message/:id/raw",
      withMessage(({ message }) =>
        HttpServerResponse.text(writeMessage(message), {
          contentType: "text/plain; charset=utf-8",
          headers: HARMLESS
        })
      )
    )
    yield* router.add(
      "GET",
      "/api/v1/message/:id/part/:part",
      withMessage(({ message }, part) => {
        const index = attachmentIndex(message, part)
        if (index === undefined) return undefined
        // Never the type that the sender claims: a browser would show or run it under this origin.
        return HttpServerResponse.uint8Array(Buffer.from(message.attachmentBase64(index) ?? "", "base64"), {
          contentType: "application/octet-stream",
          headers: {
            ...HARMLESS,
            "content-disposition": `attachment; filename*=utf-8''${encodeURIComponent(message.attachments[index]?.fileName.toWellFormed() ?? "")}`
          }
        })
      })
    )
  })
)

type Query = ParsedSearchParams["Service"]

const HARMLESS = { "x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox" }

const OK = HttpServerResponse.text("ok")

const badRequest = (message: string) => HttpServerResponse.text(message, { status: 400 })

const NO_QUERY = badRequest("Error: no search query")

const NOT_FOUND = HttpServerResponse.text("404 page not found", { status: 404 })

const ReadStatus = Schema.Struct({
  Read: Schema.optionalKey(Schema.Boolean),
  IDs: Schema.optionalKey(Schema.Array(Schema.String)),
  Search: Schema.optionalKey(Schema.String)
})

const decodeReadStatus = Schema.decodeUnknownResult(ReadStatus)

const decodeSelection = Schema.decodeUnknownResult(
  Schema.Struct({ IDs: Schema.optionalKey(Schema.Array(Schema.String)) })
)

/** `null` for an empty body; what is no JSON comes back as it is, to be refused by the schema. */
const readJson = HttpServerRequest.pipe(
  Effect.flatMap((request) => request.text),
  Effect.map((text): unknown =>
    text === ""
      ? null
      : Result.getOrElse(
          Result.try((): unknown => JSON.parse(text)),
          () => text
        )
  )
)

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

const idsMatching = (messages: CapturedMessages, search: string) =>
  Effect.map(messages.all, (all) => all.filter(parseSearch(search)).map(({ message }) => message.id))

/** The newest, or the newest that the query matches. */
const latest = (messages: CapturedMessages) =>
  Effect.gen(function* () {
    const matches = parseSearch(searchOf(yield* ParsedSearchParams))
    return (yield* messages.all).find(matches)
  })

/** Showing a message marks it as read. */
const show = (messages: CapturedMessages, { message }: StoredMessage) =>
  Effect.as(messages.setRead([message.id], true), HttpServerResponse.jsonUnsafe(toMessageJson(message)))

const infoJson = (messages: CapturedMessages) =>
  Effect.gen(function* () {
    const mailbox = yield* messages.all
    const tags: Record<string, number> = {}
    for (const { message } of mailbox) for (const tag of message.tags) tags[tag] = (tags[tag] ?? 0) + 1
    return HttpServerResponse.jsonUnsafe({
      Version: "cakemail-sandbox",
      LatestVersion: "",
      Database: "memory",
      DatabaseSize: yield* messages.bytes,
      Messages: mailbox.length,
      Unread: mailbox.filter(({ read }) => !read).length,
      Tags: tags,
      RuntimeStats: {}
    })
  })
