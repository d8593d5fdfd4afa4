/** What every call of the API goes through: request id, counting, faults, then its handler; and it is remembered. */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { randomUUID } from "node:crypto"
import { ServerResponse } from "node:http"
import { Clock, Effect } from "effect"
import { HttpServerRequest, ParsedSearchParams } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { SandboxCall } from "../../services/Sandbox.ts"
import type { CallLog } from "./Calls.ts"
import { hideSecrets, loginNameIn } from "./CallSecrets.ts"
import type { FaultBook, Spoiler } from "./Faults.ts"
import type { Contract, Refusal } from "./Refusal.ts"
import { readBody, type RequestBody } from "./RequestBody.ts"

/** `queued` unless a fault wants a success that is none. */
export type Verdict = "queued" | "rejected" | "error"

export interface ApiRequest {
  readonly http: HttpServerRequest
  readonly query: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: RequestBody
  readonly requestId: string
  readonly verdict: Verdict
}

export interface ApiEndpoint {
  readonly name: SandboxCall["endpoint"]
  /** Other names that faults may use for it. */
  readonly alias?: SandboxCall["endpoint"]
  readonly contract: Contract
  /** The status of a success. */
  readonly success: 200 | 201
  /** Whom a submission is for, as far as its body can be read. */
  readonly recipientOf?: (body: RequestBody) => string | undefined
  /** Answers with the body of a success. */
  readonly handle: (request: ApiRequest) => Effect.Effect<unknown, Refusal>
}

/** Characters of a client's own id: each message keeps one. */
const MAX_REQUEST_ID = 200

type ApiResponse = HttpServerResponse.HttpServerResponse

/** `loginOf` knows whose token it is. */
export const makeServeEndpoint = (
  calls: CallLog,
  book: FaultBook,
  loginOf: (token: string, now: number) => string | undefined
) => {
  const answer = (endpoint: ApiEndpoint, request: ApiRequest): Effect.Effect<ApiResponse> =>
    Effect.match(endpoint.handle(request), {
      onSuccess: (body) => HttpServerResponse.jsonUnsafe(body, { status: endpoint.success }),
      onFailure: refused
    })

  const spoil = Effect.fnUntraced(function* (
    fault: Spoiler,
    endpoint: ApiEndpoint,
    request: ApiRequest,
    end: (outcome: "reset") => Effect.Effect<void>
  ) {
    const genuine = "accept" in fault && fault.accept === true ? yield* answer(endpoint, request) : undefined
    switch (fault.what) {
      case "status":
        return withRetryAfter(statusResponse(fault, endpoint.contract), fault.retryAfter)
      case "rate-limit":
        return withRetryAfter(refused(endpoint.contract.rateLimited(fault.retryAfter)), fault.retryAfter)
      case "result":
        return yield* answer(endpoint, { ...request, verdict: fault.result })
      case "refuse":
        return refused(endpoint.contract.recipientRefused(fault.reason ?? "Recipient refused"))
      case "reset-after-body":
        yield* end("reset")
        return yield* resetConnection(request.http)
      case "hang":
        return yield* Effect.never
      case "garbage": {
        const status = fault.status ?? endpoint.success
        if (fault.form !== "truncated") return garbage(fault.form, status)
        yield* end("reset")
        return yield* truncated(request.http, status, genuine)
      }
    }
  })

  return (endpoint: ApiEndpoint): Effect.Effect<ApiResponse, never, HttpServerRequest | ParsedSearchParams> => {
    const names = endpoint.alias === undefined ? [endpoint.name] : [endpoint.name, endpoint.alias]
    const isLogin = endpoint.name === "token" || endpoint.name === "auth"
    const isSubmission = endpoint.name === "emails"
    return Effect.gen(function* () {
      const http = yield* HttpServerRequest
      const query = yield* ParsedSearchParams
      const requestId = http.headers["x-request-id"]?.slice(0, MAX_REQUEST_ID) ?? randomUUID()
      const startedAt = yield* Clock.currentTimeMillis
      const call = calls.begin({
        endpoint: endpoint.name,
        method: http.method,
        path: http.url,
        requestId,
        traceparent: http.headers["traceparent"],
        startedAt,
        username: loginOf(bearerToken(http) ?? "", startedAt)
      })
      const end = (outcome: number | "reset", content: Uint8Array | string = "", refused = isSubmission) =>
        Effect.map(Clock.currentTimeMillis, (endedAt) =>
          call.end({ outcome, endedAt, answer: isLogin ? hideSecrets(content) : content, refused })
        )
      const early = book.beforeBody(names)
      if (early !== undefined) {
        if (early.latency !== undefined) yield* Effect.sleep(early.latency)
        yield* end("reset")
        return yield* resetConnection(http)
      }
      let spoilt = false
      const response = yield* readBody(http, endpoint.contract).pipe(
        Effect.flatMap((body) => {
          const request: ApiRequest = { http, query, body, requestId, verdict: "queued" }
          call.read({
            request: isLogin ? hideSecrets(body.bytes) : body.bytes,
            recipient: endpoint.recipientOf?.(body),
            username: isLogin ? loginNameIn(body.bytes) : undefined
          })
          const { latency, spoiler } = book.afterBody(names, () => endpoint.recipientOf?.(body))
          spoilt = spoiler !== undefined
          const outcome = spoiler === undefined ? answer(endpoint, request) : spoil(spoiler, endpoint, request, end)
          return latency > 0 ? Effect.delay(outcome, latency) : outcome
        }),
        Effect.catch((refusal) => Effect.succeed(refused(refusal)))
      )
      yield* end(response.status, contentOf(response), isSubmission && (spoilt || response.status !== endpoint.success))
      return HttpServerResponse.setHeader(response, "x-request-id", requestId)
    })
  }
}

const bearerToken = ({ headers }: HttpServerRequest): string | undefined =>
  /^bearer +(\S+)$/i.exec(headers["authorization"] ?? "")?.[1]

const contentOf = ({ body }: ApiResponse): Uint8Array | string => (body._tag === "Uint8Array" ? body.body : "")

const refused = (refusal: Refusal): ApiResponse =>
  HttpServerResponse.jsonUnsafe(refusal.body, { status: refusal.status })

const withRetryAfter = (response: ApiResponse, seconds: number | undefined): ApiResponse =>
  seconds === undefined ? response : HttpServerResponse.setHeader(response, "retry-after", String(seconds))

const statusResponse = (fault: Extract<Spoiler, { readonly what: "status" }>, contract: Contract): ApiResponse => {
  const { body, status } = fault
  if (body === undefined) return refused(contract.failure(status, "Injected fault"))
  return typeof body === "string"
    ? HttpServerResponse.text(body, { status })
    : HttpServerResponse.jsonUnsafe(body, { status })
}

const garbage = (form: "invalid-json" | "wrong-schema" | "empty", status: number): ApiResponse => {
  switch (form) {
    case "invalid-json":
      return HttpServerResponse.text('{"status": queued', { status, contentType: "application/json" })
    case "wrong-schema":
      return HttpServerResponse.jsonUnsafe({ data: "nothing", message: 42 }, { status })
    case "empty":
      return HttpServerResponse.text("", { status, contentType: "application/json" })
  }
}

/** Sends a RST; the fiber is interrupted when the connection has closed. */
const resetConnection = (http: HttpServerRequest): Effect.Effect<never> =>
  Effect.suspend(() => {
    NodeHttpServerRequest.toIncomingMessage(http).socket.resetAndDestroy()
    return Effect.never
  })

/** Half of the genuine answer under a Content-Length for the whole of it, then the end of the connection. */
const truncated = (http: HttpServerRequest, status: number, genuine: ApiResponse | undefined): Effect.Effect<never> =>
  Effect.suspend(() => {
    const body = genuine?.body._tag === "Uint8Array" ? genuine.body.body : TRUNCATED_BODY
    const response = NodeHttpServerRequest.toServerResponse(http)
    const { socket } = NodeHttpServerRequest.toIncomingMessage(http)
    if (!(response instanceof ServerResponse)) return Effect.die("the sandbox serves HTTP/1.1 only")
    response.writeHead(status, { "content-type": "application/json", "content-length": body.byteLength })
    response.write(body.subarray(0, body.byteLength >> 1), () => socket.destroySoon())
    return Effect.never
  })

const TRUNCATED_BODY = new TextEncoder().encode(
  '{"object":"email","submitted":true,"data":{"id":"1","status":"queued"}}'
)
