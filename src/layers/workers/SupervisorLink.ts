/** The supervisor as a worker sees it. */
import { Deferred, Effect, Fiber, Option, Schema, type Scope, Stream, SubscriptionRef } from "effect"
import { type Channel, makeChannel, type Port } from "./Channel.ts"
import { type Ask, type Begin, type ToSupervisor, ToWorker } from "./messages.ts"

export interface SupervisorLink {
  readonly tell: (message: ToSupervisor) => void
  /** What the worker has to know before it starts. */
  readonly begin: Effect.Effect<Begin>
  readonly ask: <A>(ask: Ask, answer: Schema.ConstraintDecoder<A>) => Effect.Effect<A>
  /** What the answer counts is counted until the scope closes. */
  readonly askScoped: <A>(ask: Ask, answer: Schema.ConstraintDecoder<A>) => Effect.Effect<A, never, Scope.Scope>
  /** Set once; answers whoever looks at the metrics of all. What was asked before is answered now. */
  readonly onFamiliesWanted: (answer: (id: number) => Effect.Effect<void>) => Effect.Effect<void>
  /** Of all workers together: those to use, then each later ones. */
  readonly ticketKeys: Stream.Stream<Uint8Array>
  /** Ends with a defect when the supervisor says what cannot be understood. */
  readonly broken: Effect.Effect<never>
}

/** Answers are waited for without a limit: the supervisor does nothing that takes long, and without it the worker ends. */
export const makeSupervisorLink: (port: Port) => Effect.Effect<SupervisorLink, never, Scope.Scope> = Effect.fnUntraced(
  function* (port) {
    const channel: Channel<ToWorker, ToSupervisor> = yield* makeChannel(port, ToWorker)
    const begin = Deferred.makeUnsafe<Begin>()
    const asked = new Map<number, (answer: unknown) => void>()
    const ticketKeys = yield* SubscriptionRef.make(Option.none<Uint8Array>())
    let lastId = 0
    // The supervisor asks from the start on, and takes a worker that never answers for one that hangs.
    const early: Array<number> = []
    let familiesWanted = (id: number): Effect.Effect<void> => Effect.sync(() => void early.push(id))

    const take = (message: ToWorker): Effect.Effect<void> => {
      switch (message._tag) {
        case "Begin":
          return Effect.asVoid(Deferred.succeed(begin, message))
        case "Answered":
          return Effect.sync(() => asked.get(message.id)?.(message.answer))
        case "FamiliesWanted":
          return familiesWanted(message.id)
        case "TicketKeys":
          return SubscriptionRef.set(ticketKeys, Option.some(Buffer.from(message.keys, "base64")))
      }
    }
    const taking = yield* channel.next.pipe(
      Effect.flatMap((messages) => Effect.forEach(messages, take, { discard: true })),
      Effect.forever,
      Effect.forkScoped
    )

    const answerTo = <A>(id: number, ask: Ask, answer: Schema.ConstraintDecoder<A>): Effect.Effect<A> =>
      Effect.callback<unknown>((resume) => {
        asked.set(id, (given) => {
          asked.delete(id)
          resume(Effect.succeed(given))
        })
        channel.tell({ _tag: "Asked", id, ask })
        return Effect.sync(() => void asked.delete(id))
      }).pipe(Effect.flatMap(Schema.decodeUnknownEffect(answer)), Effect.orDie)

    channel.tell({ _tag: "Hello" })
    const link: SupervisorLink = {
      tell: channel.tell,
      begin: Deferred.await(begin),
      ask: (ask, answer) => Effect.suspend(() => answerTo(++lastId, ask, answer)),
      askScoped: (ask, answer) =>
        Effect.suspend(() => {
          const id = ++lastId
          return Effect.acquireRelease(answerTo(id, ask, answer), () =>
            Effect.sync(() => channel.tell({ _tag: "Ended", id }))
          )
        }),
      onFamiliesWanted: (answer) =>
        Effect.suspend(() => {
          familiesWanted = answer
          return Effect.forEach(early.splice(0), answer, { discard: true })
        }),
      ticketKeys: SubscriptionRef.changes(ticketKeys).pipe(
        Stream.filter(Option.isSome),
        Stream.map(({ value }) => value)
      ),
      broken: Fiber.join(taking)
    }
    return link
  }
)
