/** Messages between two processes. Those of one turn of the event loop travel together: a system call costs more than they. */
import { Effect, Latch, Queue, Schema, type Scope } from "effect"

/** An IPC channel of Node.js, or what stands in for one. */
export interface Port {
  /** Hands the batch to the system; false when the other end is gone. */
  readonly post: (batch: ReadonlyArray<unknown>) => Effect.Effect<boolean>
  /** What the other end posts, in order. The listener stays for as long as the port. */
  readonly listen: (listener: (batch: unknown) => void) => void
}

export interface Channel<In, Out> {
  /** Never waits. What is told to an end that is gone is lost with it. */
  readonly tell: (message: Out) => void
  /** Fails with a defect at a message that cannot be read. */
  readonly next: Effect.Effect<ReadonlyArray<In>>
}

/** What was told before the scope closes is posted. */
export const makeChannel: <In, Out>(
  port: Port,
  incoming: Schema.ConstraintDecoder<In>
) => Effect.Effect<Channel<In, Out>, never, Scope.Scope> = Effect.fnUntraced(function* <In, Out>(
  port: Port,
  incoming: Schema.ConstraintDecoder<In>
) {
  const decode = Schema.decodeUnknownEffect(Schema.Array(incoming))
  // Short: nobody asks again before the answer is there, and nobody answers what was not asked.
  const batches = yield* Queue.unbounded<unknown>()
  port.listen((batch) => void Queue.offerUnsafe(batches, batch))

  const pending = Latch.makeUnsafe(false)
  let waiting: Array<Out> = []
  const flush = Effect.suspend(() => {
    const batch = waiting
    waiting = []
    return batch.length === 0 ? Effect.succeed(true) : port.post(batch)
  })
  yield* Effect.addFinalizer(() => flush)
  yield* Effect.gen(function* () {
    yield* Latch.await(pending)
    Latch.closeUnsafe(pending)
    yield* Effect.yieldNow
    yield* flush
  }).pipe(Effect.forever, Effect.forkScoped)

  const channel: Channel<In, Out> = {
    tell: (message) => {
      waiting.push(message)
      Latch.openUnsafe(pending)
    },
    next: Effect.orDie(Effect.flatMap(Queue.take(batches), decode))
  }
  return channel
})
