/**
 * One HTTP exchange over an undici dispatcher, without its stream and promise layers: the dispatch handler tells
 * exactly how far a request got, which decides whether a failed call may have been accepted.
 */
import { Readable } from "node:stream"
import { Effect } from "effect"
import type { Dispatcher } from "undici"
import { atStage, callbackAtStage } from "../scheduling/atStage.ts"

export interface ExchangeRequest {
  readonly origin: string
  readonly method: "GET" | "POST"
  /** From the root of the host, query included. */
  readonly path: string
  /** Name, value, name, value ... */
  readonly headers: ReadonlyArray<string>
  readonly body: ReadonlyArray<Uint8Array>
  /** Milliseconds: until the headers of the answer, and between two pieces of its body. */
  readonly timeout: number
  /** Whether the exchange has lasted too long altogether; asked whenever a piece of the answer comes. */
  readonly isOver: () => boolean
  /** What is to be done when the exchange is interrupted; `begun` when some of the request had been handed to a connection. */
  readonly onAbandoned: (begun: boolean) => Effect.Effect<void>
}

/** An answer of any status. Its body may be cut short: by the connection, or at `MAX_ANSWER_BYTES`. */
export interface Answered {
  readonly _tag: "Answered"
  readonly status: number
  readonly retryAfter: string | undefined
  /** The `x-request-id` of the answer. */
  readonly requestId: string | undefined
  readonly body: string
}

/** `unreachable`: nothing of the request was handed to a connection. The others: it may have been processed. */
export interface Broken {
  readonly _tag: "Broken"
  readonly kind: "unreachable" | "timeout" | "reset"
  readonly cause: string
}

export type ExchangeOutcome = Answered | Broken

/** Exchanges that have begun and not ended. */
export interface Traffic {
  underWay: number
}

/** Never fails: that nothing came back is an outcome too. Interruption aborts the request. */
export const exchange = (
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  traffic: Traffic
): Effect.Effect<ExchangeOutcome> => Effect.andThen(atStage.call, dispatched(dispatcher, request, traffic))

const dispatched = (
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  traffic: Traffic
): Effect.Effect<ExchangeOutcome> =>
  callbackAtStage((resume) => {
    let isUnderWay = true
    const handler = new ExchangeHandler(request, (outcome) => {
      isUnderWay = false
      traffic.underWay--
      resume("answer", Effect.succeed(outcome))
    })
    dispatcher.dispatch(
      {
        origin: request.origin,
        method: request.method,
        path: request.path,
        headers:
          handler.contentLength > 0
            ? [...request.headers, "content-length", String(handler.contentLength)]
            : [...request.headers],
        body: handler.requestBody(),
        headersTimeout: request.timeout,
        bodyTimeout: request.timeout
      },
      handler
    )
    // Undici refuses a request that it cannot send with an error of its own: that one has not begun.
    traffic.underWay++
    // Also where the answer has come and waits for its stage: nobody has seen it, so the request may have been processed.
    return Effect.suspend(() => {
      if (isUnderWay) traffic.underWay--
      handler.cancel()
      return request.onAbandoned(handler.handedOver)
    })
  })

/** The API's answers have a few hundred bytes. */
const MAX_ANSWER_BYTES = 1024 * 1024

/** Up to here one copy into one buffer, written with the headers in one piece, is cheaper than a stream. */
const MAX_BUFFERED_REQUEST_BYTES = 64 * 1024

/** Small enough that a slow uplink makes progress, which restarts undici's timer, within any sensible timeout. */
const STREAMED_PIECE_BYTES = 256 * 1024

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly contentLength: number
  private body: ReadonlyArray<Uint8Array>
  private readonly isOver: () => boolean
  private readonly settle: (outcome: ExchangeOutcome) => void
  private controller: Dispatcher.DispatchController | undefined
  private cancelled = false
  private settled = false
  /** Some of the request is on its way. */
  handedOver = false
  private status = 0
  private retryAfter: string | undefined
  private requestId: string | undefined
  private received: Array<Buffer> = []
  private receivedBytes = 0

  constructor({ body, isOver }: Pick<ExchangeRequest, "body" | "isOver">, settle: (outcome: ExchangeOutcome) => void) {
    let length = 0
    for (const chunk of body) length += chunk.byteLength
    this.contentLength = length
    this.body = body
    this.isOver = isOver
    this.settle = settle
  }

  requestBody(): Uint8Array | Readable | null {
    if (this.contentLength === 0) return null
    if (this.contentLength > MAX_BUFFERED_REQUEST_BYTES) return Readable.from(this.pieces())
    const [first] = this.body
    return this.body.length === 1 && first !== undefined ? first : Buffer.concat(this.body, this.contentLength)
  }

  /** Ends the request wherever it is: waiting for a connection, going out, or being answered. */
  cancel(): void {
    this.cancelled = true
    this.settled = true
    this.body = []
    this.received = []
    this.controller?.abort(new Error("interrupted"))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, not aborted: undici then drops this request alone and the connection stays good for the next.
    if (this.cancelled) throw new Error("interrupted before it was sent")
    this.controller = controller
  }

  onBodySent(): void {
    this.handedOver = true
  }

  onRequestSent(): void {
    this.handedOver = true
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | Array<string> | undefined>
  ): void {
    if (status < 200) {
      // Each of them restarts undici's timer.
      if (this.isOver()) controller.abort(new AnswerTooSlow())
      return
    }
    this.status = status
    this.retryAfter = firstOf(headers["retry-after"])
    this.requestId = firstOf(headers["x-request-id"])
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = MAX_ANSWER_BYTES - this.receivedBytes
    this.received.push(chunk.byteLength > room ? chunk.subarray(0, room) : chunk)
    this.receivedBytes += chunk.byteLength
    if (this.receivedBytes > MAX_ANSWER_BYTES) {
      this.answer()
      controller.abort(new Error("answer too long"))
    } else if (this.isOver()) controller.abort(new AnswerTooSlow())
  }

  onResponseEnd(): void {
    this.answer()
  }

  onResponseError(_controller: Dispatcher.DispatchController | null | undefined, error: Error): void {
    // The status line is the API's decision, whatever became of the body after it.
    if (this.status !== 0) return this.answer()
    this.finish({
      _tag: "Broken",
      kind: !this.handedOver ? "unreachable" : TIMEOUT_CODES.has(codeOf(error)) ? "timeout" : "reset",
      cause: describe(error)
    })
  }

  private answer(): void {
    const [only] = this.received
    this.finish({
      _tag: "Answered",
      status: this.status,
      retryAfter: this.retryAfter,
      requestId: this.requestId,
      body:
        this.received.length === 1 && only !== undefined
          ? only.toString("utf8")
          : Buffer.concat(this.received).toString("utf8")
    })
  }

  private finish(outcome: ExchangeOutcome): void {
    if (this.settled) return
    this.settled = true
    this.settle(outcome)
  }

  private *pieces(): Generator<Uint8Array> {
    for (const chunk of this.body) {
      for (let start = 0; start < chunk.byteLength; start += STREAMED_PIECE_BYTES) {
        yield chunk.subarray(start, start + STREAMED_PIECE_BYTES)
      }
    }
  }
}

class AnswerTooSlow extends Error {
  override readonly name = "ANSWER_TOO_SLOW"
}

const TIMEOUT_CODES = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "ETIMEDOUT", "ANSWER_TOO_SLOW"])

const firstOf = (value: string | Array<string> | undefined): string | undefined =>
  typeof value === "string" ? value : value?.[0]

const codeOf = (error: Error): string => ("code" in error && typeof error.code === "string" ? error.code : error.name)

const describe = (error: Error): string => {
  const code = codeOf(error)
  return (error.message === "" ? code : `${code}: ${error.message}`).slice(0, 200)
}
