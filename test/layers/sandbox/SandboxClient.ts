/** The least of a client for both contracts: what goes over the wire is in the hands of the test. */
import { Data, Effect, Schema } from "effect"
import { request } from "undici"
import type { RunningSandboxKit } from "../../kit/SandboxKit.ts"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
  /** `undefined` when the body is not JSON. */
  readonly json: ReturnType<typeof JSON.parse>
}

export interface Call {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS"
  readonly headers?: Record<string, string>
  /** Sent as JSON. */
  readonly json?: unknown
  readonly form?: Record<string, string>
  readonly body?: string | Buffer
}

/** No answer, or half of one: what the client saw of the connection instead. */
export class CallFailed extends Data.TaggedError("CallFailed")<{ readonly code: string; readonly cause: unknown }> {}

export const call = (url: string, { body, form, headers, json, method = "GET" }: Call = {}) =>
  Effect.tryPromise({
    try: async (signal): Promise<Answer> => {
      const content =
        json === undefined ? (form === undefined ? body : new URLSearchParams(form).toString()) : JSON.stringify(json)
      const type = json === undefined ? (form === undefined ? {} : FORM) : JSON_TYPE
      const answer = await request(url, { method, signal, headers: { ...type, ...headers }, body: content ?? null })
      const text = await answer.body.text()
      return { status: answer.statusCode, headers: answer.headers, text, json: parse(text) }
    },
    catch: (cause) => new CallFailed({ code: codeOf(cause), cause })
  })

export const login = ({ url }: RunningSandboxKit, username = "demo@example.com", password = "demo") =>
  call(`${url}/token`, { method: "POST", form: { grant_type: "password", username, password } })

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** A token for `email-api-v2` and a confirmed sender. */
export const prepareV2 = Effect.fnUntraced(function* (kit: RunningSandboxKit, username?: string, password?: string) {
  const { json } = yield* login(kit, username, password)
  const headers = bearer(json.access_token)
  const created = yield* call(`${kit.url}/brands/default/senders`, {
    method: "POST",
    headers,
    json: { name: "Sender", email: "sender@example.com" }
  })
  const senderId: string = created.json.data.id
  return { headers, senderId }
})

export const emailV2 = (senderId: string, changes: object = {}) => ({
  sender: { id: senderId },
  email: "recipient@example.net",
  content: { type: "transactional", subject: "Hello", text: "Hello, world", encoding: "utf-8" },
  ...changes
})

export const submitV2 = (kit: RunningSandboxKit, headers: Record<string, string>, email: unknown, query = "") =>
  call(`${kit.url}/v2/emails${query}`, { method: "POST", headers, json: email })

/** A key for `gateway-v1`. */
export const prepareV1 = Effect.fnUntraced(function* ({ url }: RunningSandboxKit) {
  const { json } = yield* call(`${url}/v1/auth/validate`, {
    method: "POST",
    json: { username: "demo@example.com", password: "demo" }
  })
  return bearer(json.api_key)
})

export const emailV1 = (changes: object = {}) => ({
  from: { email: "sender@example.com", name: "Sender" },
  to: [{ email: "recipient@example.net" }],
  subject: "Hello",
  text_body: "Hello, world",
  ...changes
})

export const submitV1 = ({ url }: RunningSandboxKit, headers: Record<string, string>, email: unknown) =>
  call(`${url}/v1/emails`, { method: "POST", headers, json: email })

const FORM = { "content-type": "application/x-www-form-urlencoded" }
const JSON_TYPE = { "content-type": "application/json" }

const hasCode = Schema.is(Schema.Struct({ code: Schema.String }))

const codeOf = (cause: unknown): string => (hasCode(cause) ? cause.code : String(cause))

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
