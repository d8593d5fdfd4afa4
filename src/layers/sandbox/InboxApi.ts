/** The REST API of the inbox: its paths and their documents. What they do is in MailpitApi.ts and SandboxControl.ts. */
import { Schema } from "effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import { Faults } from "../../services/SandboxFaults.ts"
import { HeadersJson, InfoJson, MessageJson, MessagesJson } from "./MailpitSchema.ts"
import * as SandboxSchema from "./SandboxSchema.ts"

/** What an endpoint is for; `description` says what the summary leaves open. */
const described = (summary: string, description?: string) =>
  OpenApi.annotations(description === undefined ? { summary } : { summary, description })

const said = (description: string) => ({ description })

const Text = Schema.String.pipe(HttpApiSchema.asText())

const plainText = (status: number, description: string) =>
  Schema.String.annotate(said(description)).pipe(HttpApiSchema.asText(), HttpApiSchema.status(status))

const OK = Text.annotate(said("ok"))
const NOT_FOUND = plainText(404, "There is no such message, or no such part of it.")
const BAD_REQUEST = plainText(400, "What is wrong with the request.")
const TOO_LARGE = plainText(413, "The body is too large.")
const TOO_MANY = plainText(503, "Too many wait already.")

/** Parameters are read leniently, as Mailpit does: what is no number counts as not given. */
const optional = (description: string) => Schema.optionalKey(Schema.String.annotate(said(description)))

const query = {
  inbox: optional("The user name of a login: only messages that it submitted. Absent: those of all."),
  start: optional("How many of the newest are passed over. Default: 0."),
  limit: optional("How many are wanted. Default: 50."),
  search: optional(
    'All terms have to match: words, "phrases", from: to: subject: tag: message-id: before: after: larger: smaller:, has:attachment, is:unread; - in front of a term is for not.'
  )
}

const message = { id: Schema.String.annotate(said("The ID of a message, or latest.")) }
const latest = {
  inbox: query.inbox,
  query: optional("With latest: the newest that this search matches.")
}

const Ids = Schema.Array(Schema.String)

export const ReadStatus = Schema.Struct({
  Read: Schema.optionalKey(Schema.Boolean),
  IDs: Schema.optionalKey(Ids),
  Search: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "ReadStatus" })

export const Selection = Schema.Struct({ IDs: Schema.optionalKey(Ids) }).annotate({ identifier: "Selection" })

class Messages extends HttpApiGroup.make("messages")
  .add(
    HttpApiEndpoint.get("list", "/api/v1/messages", {
      query: { start: query.start, limit: query.limit, inbox: query.inbox },
      success: MessagesJson
    }).annotateMerge(described("List messages, newest first")),
    HttpApiEndpoint.get("search", "/api/v1/search", {
      query: { query: query.search, start: query.start, limit: query.limit, inbox: query.inbox },
      success: MessagesJson,
      error: BAD_REQUEST
    }).annotateMerge(described("Search messages, newest first")),
    HttpApiEndpoint.get("wait", "/api/v1/messages/wait", {
      query: {
        query: query.search,
        timeout: optional("Seconds, at most 60. Default: 10."),
        inbox: query.inbox
      },
      success: MessageJson,
      error: [BAD_REQUEST, plainText(408, "No message matched in time."), TOO_MANY]
    }).annotateMerge(
      described("Wait for a message", "Answers with the newest message that matches, or with the next one that will.")
    ),
    HttpApiEndpoint.put("setRead", "/api/v1/messages", {
      query: { inbox: query.inbox },
      payload: ReadStatus,
      success: OK,
      error: [BAD_REQUEST, TOO_LARGE]
    }).annotateMerge(
      described("Mark messages as read or unread", "Those of the ids or of the search; without either, all.")
    ),
    HttpApiEndpoint.delete("remove", "/api/v1/messages", {
      query: { inbox: query.inbox },
      payload: Selection,
      success: OK,
      error: [BAD_REQUEST, TOO_LARGE]
    }).annotateMerge(described("Delete messages", "Those of the ids; without ids, all.")),
    HttpApiEndpoint.delete("removeFound", "/api/v1/search", {
      query: { query: query.search, inbox: query.inbox },
      success: OK,
      error: BAD_REQUEST
    }).annotateMerge(described("Delete the messages that a search matches")),
    HttpApiEndpoint.get("show", "/api/v1/message/:id", {
      params: message,
      query: { ...latest, payload: optional("false leaves out the body of the API call.") },
      success: MessageJson,
      error: NOT_FOUND
    }).annotateMerge(described("A message", "Marks it as read.")),
    HttpApiEndpoint.get("headers", "/api/v1/message/:id/headers", {
      params: message,
      query: latest,
      success: HeadersJson,
      error: NOT_FOUND
    }).annotateMerge(described("Its headers")),
    HttpApiEndpoint.get("raw", "/api/v1/message/:id/raw", {
      params: message,
      query: { ...latest, download: optional("true has browsers save it as a file.") },
      success: Text,
      error: NOT_FOUND
    }).annotateMerge(described("Its source", "Rebuilt from the submission: the API never saw the original.")),
    HttpApiEndpoint.get("part", "/api/v1/message/:id/part/:part", {
      params: { ...message, part: Schema.String.annotate(said("The PartID of an attachment.")) },
      query: {
        ...latest,
        open: optional("true answers with the type of the attachment, if a browser can show it without risk.")
      },
      success: HttpApiSchema.StreamUint8Array(),
      error: NOT_FOUND
    }).annotateMerge(described("An attachment", "A file to be saved, of no particular type.")),
    HttpApiEndpoint.get("info", "/api/v1/info", {
      query: { inbox: query.inbox },
      success: InfoJson
    }).annotateMerge(described("How many messages there are")),
    HttpApiEndpoint.get("tags", "/api/v1/tags", {
      query: { inbox: query.inbox },
      success: Schema.Array(Schema.String)
    }).annotateMerge(described("The tags of all messages")),
    HttpApiEndpoint.get("view", "/view/:file", {
      params: { file: Schema.String.annotate(said("The ID of a message, or latest, with .html or .txt.")) },
      query: { ...latest, remote: optional("true lets the HTML load images, styles and fonts from elsewhere.") },
      success: Text,
      error: NOT_FOUND
    }).annotateMerge(described("Its HTML or its text, as a page", "Without scripts, and without an origin."))
  )
  .annotateMerge(
    OpenApi.annotations({ description: "The core of Mailpit's API, for test suites; inbox is the sandbox's own." })
  ) {}

class Events extends HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.get("events", "/api/v1/events", {
      query: { inbox: query.inbox },
      success: HttpApiSchema.StreamSse({ data: Schema.Unknown }),
      error: TOO_MANY
    }).annotateMerge(
      described(
        "What happens, as it happens",
        "Server-sent events: new (a message summary), update ({ IDs, Read }), delete ({ IDs }), reload (events were lost: what was known of the messages is no longer true), refusals and faults (the lists of that name have changed). The first is ready."
      )
    )
  )
  .annotateMerge(OpenApi.annotations({ description: "Live updates." })) {}

class Control extends HttpApiGroup.make("sandbox")
  .add(
    HttpApiEndpoint.get("info", "/sandbox/info", { success: SandboxSchema.InfoJson }).annotateMerge(
      described("Where to send mail to")
    ),
    HttpApiEndpoint.get("inboxes", "/sandbox/inboxes", { success: SandboxSchema.InboxesJson }).annotateMerge(
      described("The logins that have submitted something")
    ),
    HttpApiEndpoint.get("story", "/sandbox/messages/:id/story", {
      params: message,
      success: SandboxSchema.StoryJson,
      error: NOT_FOUND
    }).annotateMerge(
      described("What happened on the way of a message", "The API calls, and the gateway's log of the session.")
    ),
    HttpApiEndpoint.get("refusals", "/sandbox/refusals", {
      query: { inbox: query.inbox },
      success: SandboxSchema.RefusalsJson
    }).annotateMerge(described("What would not have reached its recipient, newest first")),
    HttpApiEndpoint.delete("clearRefusals", "/sandbox/refusals").annotateMerge(described("Forget what was refused")),
    HttpApiEndpoint.get("refusalStory", "/sandbox/refusals/:id/story", {
      params: { id: Schema.String },
      success: SandboxSchema.StoryJson,
      error: NOT_FOUND
    }).annotateMerge(described("What happened on the way of a refused message")),
    HttpApiEndpoint.get("faults", "/sandbox/faults", { success: SandboxSchema.FaultsJson }).annotateMerge(
      described("What goes wrong, and how often it did")
    ),
    HttpApiEndpoint.put("setFaults", "/sandbox/faults", {
      payload: Schema.toEncoded(Faults),
      success: SandboxSchema.FaultsJson,
      error: [
        SandboxSchema.ProblemJson.annotate(said("What is wrong with the list.")).pipe(HttpApiSchema.status(400)),
        TOO_LARGE
      ]
    }).annotateMerge(described("Make the API fail", "Replaces the list. docs/testing.md tells of each fault.")),
    HttpApiEndpoint.delete("clearFaults", "/sandbox/faults").annotateMerge(described("Let nothing go wrong")),
    HttpApiEndpoint.get("calls", "/sandbox/calls", { success: SandboxSchema.CallsJson }).annotateMerge(
      described("The calls of the API, counted, and the last of them")
    ),
    HttpApiEndpoint.delete("resetCalls", "/sandbox/calls").annotateMerge(described("Start counting anew"))
  )
  .annotateMerge(OpenApi.annotations({ description: "What the sandbox is told, and what it tells of its calls." })) {}

export class InboxApi extends HttpApi.make("inbox")
  .add(Messages, Events, Control)
  .annotateMerge(
    OpenApi.annotations({
      title: "Cakemail sandbox",
      version: "1",
      description: "The mail that an embedded Cakemail Email API was given. It asks for no password and sends nothing."
    })
  ) {}
