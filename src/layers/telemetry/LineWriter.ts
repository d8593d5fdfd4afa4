/** Between the loggers, which must not wait, and a stdout that may be slow or gone. */
import { Effect, Latch, type Scope } from "effect"
import { Metrics } from "../../services/Metrics.ts"

export interface LineWriter {
  /** Never waits, never throws. `line` ends with its line break. */
  readonly write: (line: string) => void
}

/** Takes a chunk of lines and calls `done` once it can take the next; errors are its own affair. */
export type LineSink = (chunk: string, done: () => void) => void

/** Characters that wait for a slow sink; lines past it are dropped and counted. */
export const MAX_WAITING_LENGTH = 4_194_304

/**
 * Lines of one turn of the event loop go out as one chunk. What waits when the scope closes is written then; lines
 * that come later still go out, unbatched.
 */
export const makeLineWriter: (sink: LineSink) => Effect.Effect<LineWriter, never, Metrics | Scope.Scope> =
  Effect.fnUntraced(function* (sink) {
    const metrics = yield* Metrics
    const dropped = metrics.counter({
      name: "smtp_log_dropped_total",
      help: "Log lines dropped because stdout was too slow",
      labels: {}
    })
    const pending = Latch.makeUnsafe(false)
    let waiting = ""
    let open = true

    const flush = Effect.callback<void>((resume) => {
      const chunk = waiting
      waiting = ""
      if (chunk === "") return resume(Effect.void)
      hand(sink, chunk, () => resume(Effect.void))
    })

    // Added before the fiber below, so that it runs after that has ended.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        open = false
        return Effect.timeoutOption(Effect.interruptible(flush), LAST_FLUSH)
      })
    )
    yield* Effect.gen(function* () {
      yield* Latch.await(pending)
      Latch.closeUnsafe(pending)
      yield* Effect.yieldNow
      yield* flush
    }).pipe(Effect.forever, Effect.forkScoped)

    return {
      write: (line) => {
        if (!open) hand(sink, line, () => {})
        else if (waiting.length + line.length > MAX_WAITING_LENGTH) dropped.increment({})
        else {
          waiting += line
          Latch.openUnsafe(pending)
        }
      }
    }
  })

/** A writable of Node.js. Its errors, such as EPIPE when the reader has gone, end nothing: mail flows without logs. */
export const streamSink = (stream: NodeJS.WritableStream): LineSink => {
  // Stays for good: an error may still come when nothing of this is left.
  if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore)
  return (chunk, done) => {
    stream.write(chunk, () => done())
  }
}

const LAST_FLUSH = "1 second"

const ignore = (): void => {}

const hand = (sink: LineSink, chunk: string, done: () => void): void => {
  try {
    sink(chunk, done)
  } catch {
    done()
  }
}
