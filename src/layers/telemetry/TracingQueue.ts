/** Between spans that end and the collector. Mail never waits for it: what finds no room is dropped, counted and told of. */
import type { ReadableSpan, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-base"
import { type Duration, Effect, Fiber, Latch, type Scope } from "effect"
import type { GatewaySettings } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { errorText } from "./causeText.ts"

/** For what is left when the process ends; less if SHUTDOWN_TIMEOUT is. */
export const LAST_FLUSH = "2 seconds"

/** A collector that is away is one line of the log a minute. */
const TELL_AGAIN_AFTER = "1 minute"

type QueueSettings = Pick<GatewaySettings["tracing"], "batchDelay" | "batchSize" | "batchTimeout" | "queueSize"> & {
  readonly lastFlush: Duration.Input
}

/** Spans are sent in batches, one after the other. When the scope closes, what is left is sent within `lastFlush`. */
export const makeTracingQueue = (
  exporter: SpanExporter,
  { batchDelay, batchSize, batchTimeout, lastFlush, queueSize }: QueueSettings
): Effect.Effect<SpanProcessor, never, Metrics | Scope.Scope> =>
  Effect.gen(function* () {
    const metrics = yield* Metrics
    const spans = metrics.counter({
      name: "smtp_spans_total",
      help: "Spans of traces that are kept, by what became of them",
      labels: { result: ["exported", "failed", "dropped"] }
    })
    metrics.gauge({
      name: "smtp_spans_waiting",
      help: "Spans that are not with the collector yet",
      labels: {},
      collect: () => waiting.length + underWay
    })
    const waiting: Array<ReadableSpan> = []
    let underWay = 0
    let closing = false
    const some = Latch.makeUnsafe(false)
    const enough = Latch.makeUnsafe(false)
    const losses = makeLosses()

    const send = Effect.suspend(() => {
      const batch = waiting.splice(0, batchSize)
      underWay = batch.length
      if (waiting.length === 0 && !closing) Latch.closeUnsafe(some)
      if (waiting.length < batchSize && !closing) Latch.closeUnsafe(enough)
      return Effect.map(exported(exporter, batch, batchTimeout), (failure) => {
        underWay = 0
        spans.increment({ result: failure === undefined ? "exported" : "failed" }, batch.length)
        if (failure !== undefined) losses.add(batch.length, failure)
      })
    })

    const sending = yield* Latch.await(some).pipe(
      Effect.andThen(Effect.timeoutOption(Latch.await(enough), batchDelay)),
      // A latch lets go of this fiber within the call that opens it, which is a mail's.
      Effect.andThen(Effect.yieldNow),
      Effect.andThen(send),
      Effect.repeat({ until: () => closing && waiting.length === 0 }),
      Effect.tapCause((cause) => Effect.logError("span_export_ended", cause)),
      Effect.forkScoped
    )
    yield* losses.some.pipe(
      Effect.andThen(Effect.yieldNow),
      Effect.andThen(losses.tell),
      Effect.andThen(Effect.sleep(TELL_AGAIN_AFTER)),
      Effect.forever,
      Effect.tapCause((cause) => Effect.logError("span_export_ended", cause)),
      Effect.forkScoped
    )
    // Runs before the fibers are interrupted: the batch that is under way is waited for, too.
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        closing = true
        Latch.openUnsafe(some)
        Latch.openUnsafe(enough)
        yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(sending)), lastFlush)
        const left = waiting.length + underWay
        if (left === 0) return
        spans.increment({ result: "dropped" }, left)
        losses.add(left, "the process ended")
        yield* losses.tell
      })
    )

    return {
      onStart: () => {},
      onEnd: (span) => {
        if (waiting.length + underWay >= queueSize) {
          spans.increment({ result: "dropped" })
          losses.add(1, "the collector is too slow")
          return
        }
        waiting.push(span)
        Latch.openUnsafe(some)
        if (waiting.length >= batchSize) Latch.openUnsafe(enough)
      },
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve()
    }
  })

/** The reason why the batch did not arrive, if it did not. */
const exported = (
  exporter: SpanExporter,
  batch: Array<ReadableSpan>,
  timeout: Duration.Duration
): Effect.Effect<string | undefined> =>
  Effect.callback<string | undefined>((resume) => {
    if (batch.length === 0) return resume(Effect.undefined)
    exporter.export(batch, ({ error }) =>
      resume(error === undefined ? Effect.undefined : Effect.succeed(describe(error)))
    )
  }).pipe(
    Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.succeed("no answer in time") }),
    Effect.catchDefect((defect) =>
      Effect.succeed(`not exported: ${defect instanceof Error ? errorText(defect) : typeof defect}`)
    )
  )

/** Of a collector's answer the status alone: its body may repeat what it was sent. */
const describe = (error: Error): string => {
  if ("details" in error) return describeGrpc(error)
  const code = "code" in error && (typeof error.code === "string" || typeof error.code === "number") ? error.code : ""
  const text = typeof code === "number" || error.message === "" ? `${code} ${error.message}`.trim() : error.message
  return text.slice(0, MAX_CAUSE_LENGTH)
}

/** `7 PERMISSION_DENIED`; the words behind the status only where no collector has spoken yet. */
const describeGrpc = ({ message }: Error): string =>
  (NOT_REACHED.test(message) ? message : message.replace(/:.*/s, "")).slice(0, MAX_CAUSE_LENGTH)

const NOT_REACHED = /^14 UNAVAILABLE: (?:No connection established|Name resolution failed)/

const MAX_CAUSE_LENGTH = 200

/** Counts what was lost since it was last told of. */
const makeLosses = () => {
  const some = Latch.makeUnsafe(false)
  let spans = 0
  let cause = ""
  return {
    add: (count: number, why: string): void => {
      spans += count
      cause = why
      Latch.openUnsafe(some)
    },
    /** Waits for a loss. */
    some: Latch.await(some),
    tell: Effect.suspend(() => {
      Latch.closeUnsafe(some)
      if (spans === 0) return Effect.void
      const told = { spans, cause }
      spans = 0
      return Effect.logWarning("spans_lost", told)
    })
  }
}
