/** The REST API, as the page uses it. Its answers are described in MailpitSchema.ts and SandboxSchema.ts. */
import type { FaultsJson, InboxesJson, InfoJson, RefusalsJson, StoryJson } from "../SandboxSchema.ts"
import type { HeadersJson, MessageJson, MessagesJson, SummaryJson } from "../MailpitSchema.ts"

export type Summary = typeof SummaryJson.Encoded
export type Messages = typeof MessagesJson.Encoded
export type Message = typeof MessageJson.Encoded
export type Headers = typeof HeadersJson.Encoded
export type Info = typeof InfoJson.Encoded
export type Inboxes = typeof InboxesJson.Encoded
export type Story = typeof StoryJson.Encoded
export type Exchange = Story["exchanges"][number]
export type Refusals = typeof RefusalsJson.Encoded
export type Refusal = Refusals[number]
export type FaultStates = typeof FaultsJson.Encoded
export type Fault = FaultStates[number]["fault"]

/** What a list shows: of one inbox or of all, what a search finds or everything. */
export interface Selection {
  readonly inbox: string
  readonly search: string
}

/** The sandbox is not there, or said no; the text is for people. */
export class ApiProblem extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A page of the list, and the number of the last change that it knows of. */
export const listMessages = async (
  { inbox, search }: Selection,
  start: number,
  limit: number
): Promise<{ readonly page: Messages; readonly lastChange: number }> => {
  const query = { start: String(start), limit: String(limit), inbox, query: search }
  const response = await answer(withQuery(search === "" ? "/api/v1/messages" : "/api/v1/search", query))
  return { page: await response.json(), lastChange: Number(response.headers.get("last-change")) }
}

export const getMessage = (id: string, signal: AbortSignal): Promise<Message> =>
  json(messagePath(id), { payload: "false" }, signal)
export const getHeaders = (id: string, signal: AbortSignal): Promise<Headers> =>
  json(`${messagePath(id)}/headers`, {}, signal)
export const getStory = (id: string, signal: AbortSignal): Promise<Story> =>
  json(`/sandbox/messages/${encodeURIComponent(id)}/story`, {}, signal)
export const getInfo = (): Promise<Info> => json("/sandbox/info")
export const getInboxes = (): Promise<Inboxes> => json("/sandbox/inboxes")
export const getRefusals = (inbox: string): Promise<Refusals> => json("/sandbox/refusals", { inbox })
export const getRefusalStory = (id: string, signal: AbortSignal): Promise<Story> =>
  json(`/sandbox/refusals/${encodeURIComponent(id)}/story`, {}, signal)
export const getFaults = (): Promise<FaultStates> => json("/sandbox/faults")

export const setRead = (ids: ReadonlyArray<string>, read: boolean): Promise<void> =>
  send("PUT", "/api/v1/messages", {}, { IDs: ids, Read: read })

/** Everything that the selection shows. */
export const setAllRead = ({ inbox, search }: Selection): Promise<void> =>
  send("PUT", "/api/v1/messages", { inbox }, { Read: true, Search: search })

export const deleteMessages = (ids: ReadonlyArray<string>): Promise<void> =>
  send("DELETE", "/api/v1/messages", {}, { IDs: ids })

/** Everything that the selection shows. */
export const deleteAll = ({ inbox, search }: Selection): Promise<void> =>
  search === ""
    ? send("DELETE", "/api/v1/messages", { inbox })
    : send("DELETE", "/api/v1/search", { inbox, query: search })

export const clearRefusals = (): Promise<void> => send("DELETE", "/sandbox/refusals", {})
export const putFaults = (faults: ReadonlyArray<Fault>): Promise<void> => send("PUT", "/sandbox/faults", {}, faults)
export const clearFaults = (): Promise<void> => send("DELETE", "/sandbox/faults", {})

export const viewUrl = (id: string, remote: boolean): string =>
  `/view/${encodeURIComponent(id)}.html${remote ? "?remote=true" : ""}`
export const partUrl = (id: string, part: string): string => `${messagePath(id)}/part/${encodeURIComponent(part)}`
export const rawUrl = (id: string): string => `${messagePath(id)}/raw`

export interface Source {
  readonly text: string
  readonly whole: boolean
}

/** The beginning of the source; the rest of a long one is not waited for. */
export const getSource = async (id: string, limit: number, signal: AbortSignal): Promise<Source> => {
  const { body } = await answer(rawUrl(id), { signal })
  if (body === null) return { text: "", whole: true }
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ""
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return { text, whole: true }
    text += value
    if (text.length <= limit) continue
    await reader.cancel()
    return { text: text.slice(0, limit), whole: false }
  }
}

const messagePath = (id: string): string => `/api/v1/message/${encodeURIComponent(id)}`

type Query = Readonly<Record<string, string>>

/** Parameters without a value are left out. */
const withQuery = (path: string, query: Query): string => {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""))
  return given.size === 0 ? path : `${path}?${given.toString()}`
}

const json = async <A>(path: string, query: Query = {}, signal?: AbortSignal): Promise<A> =>
  (await answer(withQuery(path, query), signal === undefined ? {} : { signal })).json()

const send = async (method: "PUT" | "DELETE", path: string, query: Query, body?: unknown): Promise<void> => {
  const content = body === undefined ? {} : { body: JSON.stringify(body) }
  await answer(withQuery(path, query), { method, headers: { "content-type": "application/json" }, ...content })
}

const answer = async (url: string, init: RequestInit = {}): Promise<Response> => {
  const response = await fetch(url, init).catch(() => {
    throw new ApiProblem(0, "The sandbox does not answer.")
  })
  if (!response.ok) throw new ApiProblem(response.status, (await response.text()).slice(0, 500))
  return response
}
