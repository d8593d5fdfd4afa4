/** The one way to the API: every call of every client goes through here, is measured, logged and protected alike. */
import { randomUUID } from "node:crypto"
import { Clock, Context, type Duration, Effect, Layer, Redacted } from "effect"
import {
  type ApiAnswerUnreadable,
  ApiOutcomeUnknown,
  ApiUnreachable,
  type CircuitOpen
} from "../../domain/GatewayError.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { type CaCertificateUnusable, makeApiDispatcher } from "./ApiDispatcher.ts"
import { exchange, type ExchangeOutcome, type Traffic } from "./ApiExchange.ts"
import { makeCallSpans } from "./callSpans.ts"

/** What a call is for; a metric label. */
export type ApiEndpoint = (typeof API_ENDPOINTS)[number]

export interface ApiRequest {
  readonly endpoint: ApiEndpoint
  readonly method: "GET" | "POST"
  /** Below the base URL, query included. */
  readonly path: string
  /** Sent as the bearer token. */
  readonly token?: Redacted.Redacted
  readonly contentType?: "application/json" | "application/x-www-form-urlencoded"
  readonly body?: ReadonlyArray<Uint8Array>
  /** Milliseconds until the headers of the answer; connecting counts apart. Up to a second more may pass. */
  readonly timeout: number
  /** For the call as a whole, connecting and reading included; to the millisecond, at the price of a timer. */
  readonly within?: Duration.Duration
}

export interface ApiResponse {
  readonly status: number
  /** The Retry-After header as it came. */
  readonly retryAfter: string | undefined
  /** At most 1 MiB; cut short when the connection broke in the middle of it. */
  readonly body: string
  /** Milliseconds of the epoch. */
  readonly receivedAt: number
}

/** Wraps a whole call, the reading of its answer included, so that a circuit breaker sees the errors it counts. */
export type Protect = <A, E>(call: Effect.Effect<A, E>, endpoint: ApiEndpoint) => Effect.Effect<A, E | CircuitOpen>

export class ApiTransport extends Context.Service<
  ApiTransport,
  {
    /** One attempt. `read` gets answers of any status and decides what they mean. */
    readonly call: <A, E extends { readonly _tag: string }>(
      request: ApiRequest,
      read: (response: ApiResponse) => Effect.Effect<A, E>
    ) => Effect.Effect<A, E | ApiUnreachable | ApiOutcomeUnknown | CircuitOpen>
  }
>()("gateway/layers/cakemail/ApiTransport") {}

/** The transport, every call of it inside `protect`. */
export const apiTransport = (
  protect: Protect
): Layer.Layer<ApiTransport, CaCertificateUnusable, GatewayConfig | Metrics> =>
  Layer.effect(
    ApiTransport,
    Effect.gen(function* () {
      const { api } = yield* GatewayConfig
      const traffic: Traffic = { underWay: 0 }
      const measures = declareMeasures(yield* Metrics, traffic, api.poolSize)
      const dispatcher = yield* makeApiDispatcher(api)
      const { origin, pathname } = new URL(api.url)
      const spans = makeCallSpans(origin)
      const basePath = pathname === "/" ? "" : pathname

      const call = <A, E extends { readonly _tag: string }>(
        request: ApiRequest,
        read: (response: ApiResponse) => Effect.Effect<A, E>
      ): Effect.Effect<A, E | ApiUnreachable | ApiOutcomeUnknown> =>
        Effect.withFiber((fiber) => {
          const clock = fiber.getRef(Clock.Clock)
          const startedAt = clock.monotonicTimeNanosUnsafe()
          const requestId = randomUUID()
          const path = basePath + request.path
          const { endpoint, method, timeout } = request
          const headers = [...headersFor(request, requestId), ...spans.begun(fiber, method, path)]
          const seconds = () => Number(clock.monotonicTimeNanosUnsafe() - startedAt) / 1e9
          const onAbandoned = (begun: boolean): Effect.Effect<void> => {
            measures.latency.observe({ endpoint, status_code: "abandoned" }, seconds())
            measures.errors.increment({ error_type: "abandoned", status_code: "abandoned" })
            const fields = { endpoint, latency_ms: Math.round(seconds() * 1000), request_id: requestId }
            const log = Effect.logDebug("api_request_abandoned", fields)
            // The API may still accept it (rulings 1).
            return endpoint === "submit" && begun
              ? Effect.andThen(
                  log,
                  Effect.logWarning("possible_duplicate", { ...fields, error_type: "SubmitDeadlineExceeded" })
                )
              : log
          }
          const exchanged = exchange(
            dispatcher,
            {
              origin,
              method,
              path,
              headers,
              body: request.body ?? NO_BODY,
              timeout,
              isOver: () => seconds() * 1000 > timeout,
              onAbandoned
            },
            traffic
          )
          const started = Effect.logDebug("api_request_start", { endpoint, request_id: requestId })
          return Effect.flatMap(
            Effect.andThen(started, request.within === undefined ? exchanged : endingWithin(exchanged, request.within)),
            (outcome): Effect.Effect<A, E | ApiUnreachable | ApiOutcomeUnknown> => {
              const took = seconds()
              const answered = outcome._tag === "Answered"
              const statusCode = answered ? statusCodeOf(outcome.status) : outcome.kind
              if (answered) spans.answered(fiber, outcome.status)
              measures.latency.observe({ endpoint, status_code: statusCode }, took)
              const errorType = answered ? errorTypeOf(outcome.status) : outcome.kind
              if (errorType !== undefined) measures.errors.increment({ error_type: errorType, status_code: statusCode })
              const fields = {
                endpoint,
                status_code: answered ? outcome.status : undefined,
                error_type: errorType,
                latency_ms: Math.round(took * 1000),
                request_id: requestId,
                api_request_id: answered ? outcome.requestId : undefined,
                cause: answered ? undefined : outcome.cause
              }
              const log =
                answered && outcome.status < 500
                  ? Effect.logDebug("api_request_complete", fields)
                  : Effect.logWarning("api_request_failed", fields)
              if (!answered) return Effect.andThen(log, Effect.fail(errorFor(outcome.kind, outcome.cause)))
              const { retryAfter, status } = outcome
              const body = status < 300 ? outcome.body : withoutToken(request, outcome.body)
              const response = { status, retryAfter, body, receivedAt: clock.currentTimeMillisUnsafe() }
              return Effect.andThen(
                log,
                Effect.tapError(read(response), (error) =>
                  error._tag === UNREADABLE
                    ? Effect.sync(() =>
                        measures.errors.increment({ error_type: "unreadable", status_code: statusCode })
                      )
                    : Effect.void
                )
              )
            }
          )
        })

      return ApiTransport.of({ call: (request, read) => protect(call(request, read), request.endpoint) })
    })
  )

export const ApiTransportLive: Layer.Layer<ApiTransport, CaCertificateUnusable, GatewayConfig | Metrics> = apiTransport(
  (call) => call
)

/** Kept equal to package.json by a test. */
export const USER_AGENT = "cakemail-smtp-gateway/0.1.0"

/** Not by interruption from outside: to the circuit breaker that would be a call that nobody wanted any more. */
const endingWithin = (exchanged: Effect.Effect<ExchangeOutcome>, within: Duration.Duration) =>
  Effect.timeoutOrElse(exchanged, { duration: within, orElse: () => Effect.succeed(OUT_OF_TIME) })

const OUT_OF_TIME: ExchangeOutcome = { _tag: "Broken", kind: "timeout", cause: "no answer in time" }

const NO_BODY: ReadonlyArray<Uint8Array> = []

const UNREADABLE: ApiAnswerUnreadable["_tag"] = "ApiAnswerUnreadable"

/** A refusal is told to the client and logged in the API's own words: an API that quotes what it was sent must not leak it. */
const withoutToken = ({ token }: ApiRequest, body: string): string =>
  token === undefined ? body : body.replaceAll(Redacted.value(token), "<redacted>")

const headersFor = (request: ApiRequest, requestId: string): ReadonlyArray<string> => {
  const headers = ["accept", "application/json", "user-agent", USER_AGENT, "x-request-id", requestId]
  if (request.token !== undefined) headers.push("authorization", `Bearer ${Redacted.value(request.token)}`)
  if (request.contentType !== undefined) headers.push("content-type", request.contentType)
  return headers
}

const declareMeasures = (metrics: Metrics["Service"], traffic: Traffic, poolSize: number) => ({
  underWay: metrics.gauge({
    name: "smtp_api_calls_in_flight",
    help: "Calls to the Cakemail API that are under way, those that wait for a connection included",
    labels: {},
    collect: () => traffic.underWay
  }),
  connectionLimit: metrics.gauge({
    name: "smtp_api_connection_limit",
    help: "Connections to the Cakemail API that may be open, as API_CONNECTION_POOL_SIZE says",
    labels: {},
    collect: () => poolSize
  }),
  latency: metrics.histogram({
    name: "smtp_api_latency_seconds",
    help: "Time of one call to the Cakemail API, from its start to the end of the answer",
    labels: { endpoint: API_ENDPOINTS, status_code: STATUS_CODES },
    buckets: [0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
  }),
  errors: metrics.counter({
    name: "smtp_api_errors_total",
    help: "Calls to the Cakemail API that did not give what was asked for",
    labels: {
      error_type: [
        "unreachable",
        "timeout",
        "reset",
        "failed",
        "rate_limited",
        "unauthorized",
        "rejected",
        "redirected",
        "unreadable",
        "abandoned"
      ],
      status_code: STATUS_CODES
    }
  })
})

const API_ENDPOINTS = ["login", "senders", "create_sender", "submit", "ping"] as const

/** The label `status_code`: the statuses that an API is likely to answer, the class of any other, and calls without an answer. */
const STATUS_CODES = [
  "200",
  "201",
  "202",
  "204",
  "2xx",
  "301",
  "302",
  "303",
  "307",
  "308",
  "3xx",
  "400",
  "401",
  "402",
  "403",
  "404",
  "405",
  "408",
  "409",
  "413",
  "415",
  "422",
  "425",
  "429",
  "4xx",
  "500",
  "501",
  "502",
  "503",
  "504",
  "5xx",
  "unreachable",
  "timeout",
  "reset",
  "abandoned"
] as const

type StatusCode = (typeof STATUS_CODES)[number]

const BY_STATUS: ReadonlyMap<string, StatusCode> = new Map(STATUS_CODES.map((code) => [code, code]))

const statusCodeOf = (status: number): StatusCode => {
  const known = BY_STATUS.get(String(status))
  if (known !== undefined) return known
  if (status < 300) return "2xx"
  if (status < 400) return "3xx"
  return status < 500 ? "4xx" : "5xx"
}

/** The label `error_type`; besides these there are `unreadable` and the kinds of a call without an answer. */
const errorTypeOf = (status: number) => {
  if (status < 300) return undefined
  if (status < 400) return "redirected"
  if (status === 401) return "unauthorized"
  if (status === 429) return "rate_limited"
  return status < 500 ? "rejected" : "failed"
}

const errorFor = (kind: "unreachable" | "timeout" | "reset", cause: string): ApiUnreachable | ApiOutcomeUnknown =>
  kind === "unreachable" ? new ApiUnreachable({ cause }) : new ApiOutcomeUnknown({ kind, cause })
