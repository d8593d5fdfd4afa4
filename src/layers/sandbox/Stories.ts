/** What happened on the way of a message: the calls that were made for it, and what the gateway logged meanwhile. */
import { Effect, Result } from "effect"
import type { CapturedMessage } from "../../services/SandboxMessages.ts"
import type { ExchangedBody, SandboxExchange, SandboxStories, SandboxStory } from "../../services/SandboxStories.ts"
import type { CallListed, CallLog } from "./Calls.ts"
import type { RefusalBook, RefusalEntry } from "./Refusals.ts"
import type { SessionLog } from "./SessionLog.ts"

/** Texts in the JSON of a call that are longer are cut: the content of an attachment is at hand elsewhere. */
const MAX_SHOWN = 4_000

export const makeStories = (calls: CallLog, log: SessionLog): SandboxStories & RefusalStories => ({
  ofMessage: (message) =>
    Effect.sync(() => {
      const { recipient, requestId } = message
      const exchanges = exchangesOf(calls, log, requestId, recipient.address)
      const own = exchanges.find((exchange) => exchange.requestId === requestId)
      const whole = own?.request.text === undefined ? remembered(message, own) : own
      const others = exchanges.filter((exchange) => exchange !== own)
      return toStory([...others, whole], log.linesOf(requestId), whole)
    }),
  ofRefusal: ({ correlationId, refusal, requestId }) => {
    if (requestId === undefined) {
      const lines = correlationId === undefined ? [] : log.session(correlationId)
      return toStory([], lines, undefined)
    }
    const exchanges = exchangesOf(calls, log, requestId, refusal.recipient)
    const own = exchanges.find((exchange) => exchange.requestId === requestId)
    return toStory(exchanges, log.linesOf(requestId), own)
  }
})

interface RefusalStories {
  readonly ofRefusal: (entry: RefusalEntry) => SandboxStory
}

export const storyOfRefusal = (book: RefusalBook, stories: RefusalStories, id: string): SandboxStory | undefined => {
  const entry = book.all().find(({ refusal }) => refusal.id === id)
  return entry === undefined ? undefined : stories.ofRefusal(entry)
}

/** The call itself, and those that its session made for the same message. */
const exchangesOf = (
  calls: CallLog,
  log: SessionLog,
  requestId: string,
  recipient: string | undefined
): ReadonlyArray<SandboxExchange> => {
  const logged = new Set(log.linesOf(requestId).map(({ fields }) => fields["request_id"]))
  const isForMessage = (call: CallListed): boolean =>
    call.requestId === requestId ||
    (logged.has(call.requestId) && (call.endpoint !== "emails" || sameAddress(call.recipient, recipient)))
  return calls.exchanges(isForMessage)
}

const toStory = (
  exchanges: ReadonlyArray<SandboxExchange>,
  log: SandboxStory["log"],
  own: SandboxExchange | undefined
): SandboxStory => ({
  exchanges: exchanges.map((exchange) => ({
    ...exchange,
    request: shown(exchange.request),
    answer: shown(exchange.answer)
  })),
  log,
  traceId: /^[\da-f]{2}-([\da-f]{32})-/.exec(own?.traceparent ?? "")?.[1]
})

/** A call that is no longer listed, or whose body was too large to be, from what the message knows of it. */
const remembered = (message: CapturedMessage, listed: SandboxExchange | undefined): SandboxExchange => ({
  endpoint: "emails",
  method: "POST",
  path: message.contract === "email-api-v2" ? "/v2/emails" : "/v1/emails",
  outcome: message.answer.status,
  requestId: message.requestId,
  traceparent: undefined,
  username: message.username,
  recipient: message.recipient.address,
  startedAt: message.receivedAt,
  duration: undefined,
  refused: false,
  answer: toBody(JSON.stringify(message.answer.body)),
  ...listed,
  request: { bytes: message.body.byteLength, text: JSON.stringify(message.payload) }
})

const toBody = (text: string): ExchangedBody => ({ bytes: Buffer.byteLength(text), text })

/** Indented JSON with its longest texts cut; what is no JSON stays as it is, up to the same length. */
const shown = (body: ExchangedBody): ExchangedBody => {
  const { text } = body
  if (text === undefined || text === "") return body
  const json = Result.try((): unknown => JSON.parse(text, (_, value: unknown) => cut(value)))
  return { ...body, text: Result.isSuccess(json) ? JSON.stringify(json.success, undefined, 2) : String(cut(text)) }
}

const cut = (value: unknown): unknown =>
  typeof value === "string" && value.length > MAX_SHOWN
    ? `${value.slice(0, 200).toWellFormed()}... (${value.length.toLocaleString("en")} characters)`
    : value

const sameAddress = (one: string | undefined, other: string | undefined): boolean =>
  one?.toLowerCase() === other?.toLowerCase()
