/** Reads server-sent events, for as long as the scope lasts. */
import { Data, Effect, Queue, Schema } from "effect"
import { request } from "undici"

export interface SentEvent {
  readonly name: string
  readonly data: ReturnType<typeof JSON.parse>
}

class NoStream extends Data.TaggedError("NoStream")<{ readonly status: number }> {}

const isAborted = Schema.is(Schema.Struct({ name: Schema.Literal("AbortError") }))

/** `next` is the next event each time it is run. */
export const openEvents = Effect.fnUntraced(function* (url: string, headers: Record<string, string> = {}) {
  const controller = yield* Effect.acquireRelease(
    Effect.sync(() => new AbortController()),
    (opened) => Effect.sync(() => opened.abort())
  )
  const { body, statusCode } = yield* Effect.promise(() => request(url, { headers, signal: controller.signal }))
  if (statusCode !== 200) {
    yield* Effect.promise(() => body.dump())
    return yield* new NoStream({ status: statusCode })
  }
  const events = yield* Queue.unbounded<SentEvent>()
  let rest = ""
  body.setEncoding("utf8").on("data", (text: string) => {
    const blocks = `${rest}${text}`.split("\n\n")
    rest = blocks.pop() ?? ""
    for (const block of blocks) {
      const [, name, data] = /^(?:id: \d+\n)?event: (.+)\ndata: (.+)$/.exec(block) ?? []
      if (name !== undefined && data !== undefined) Queue.offerUnsafe(events, { name, data: JSON.parse(data) })
    }
  })
  body.on("error", (error: unknown) => {
    if (!isAborted(error)) throw error
  })
  return { next: Queue.take(events) }
})
