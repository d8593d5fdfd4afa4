/** Between the loggers, which must not wait, and a stdout that may be slow or gone. */
import { Effect, Latch, type Scope } from "effect"
import { Metrics } from "../../services/Metrics.ts"

export interface LineWriter {
  /** Never waits, never throws. `line` ends with its line break. */
  readonly write: (line: string) => void
}

/** Takes a chunk of lines and calls `done` once it can take the next, with whether the chunk got through. */
export type LineSink = (chunk: string, done: (written: boolean) => void) => void

/** Characters that wait for a slow sink; lines past it are dropped and counted. */
export const MAX_WAITING_LENGTH = 4_194_304

/**
 * Lines of one turn of the event loop go out as one chunk. What waits when the scope closes is written then; lines
 * that come later still go out, unbatched. Once a sink that was too slow, or refused a chunk, takes one again,
 * `droppedNotice` is written behind what had waited: it gets the number of lines that were lost.
 */
export const makeLineWriter: (
  sink: LineSink,
  droppedNotice: (lines: number) => string
) => Effect.Effect<LineWriter, never, Metrics | Scope.Scope> = Effect.fnUntraced(function* (sink, droppedNotice) {
  const metrics = yield* Metrics
  const dropped = metrics.counter({
    name: "smtp_log_dropped_total",
    help: "Log lines dropped because stdout was too slow or gone",
    labels: {}
  })
  const pending = Latch.makeUnsafe(false)
  let waiting = ""
  let waitingLines = 0
  let untold = 0
  let open = true

  const lose = (lines: number): void => {
    untold += lines
    dropped.increment({}, lines)
  }

  const flush = Effect.callback<void>((resume) => {
    const chunk = waiting
    const lines = waitingLines
    waiting = ""
    waitingLines = 0
    if (chunk === "") return resume(Effect.void)
    hand(sink, chunk, (written) => {
      if (!written) lose(lines)
      else if (untold > 0) {
        waiting += droppedNotice(untold)
        waitingLines++
        untold = 0
        Latch.openUnsafe(pending)
      }
      resume(Effect.void)
    })
  })

  // Added before the fiber below, so that it runs after that has ended.
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      open = false
      // Twice: the first may leave a notice behind.
      return Effect.timeoutOption(Effect.interruptible(Effect.andThen(flush, flush)), LAST_FLUSH)
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
      else if (waiting.length + line.length > MAX_WAITING_LENGTH) lose(1)
      else {
        waiting += line
        waitingLines++
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
    stream.write(chunk, (error) => done(error === undefined || error === null))
  }
}

const LAST_FLUSH = "1 second"

const ignore = (): void => {}

const hand = (sink: LineSink, chunk: string, done: (written: boolean) => void): void => {
  try {
    sink(chunk, done)
  } catch {
    done(false)
  }
}
