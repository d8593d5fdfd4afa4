/** What TLS session tickets are encrypted with. A client that comes back with one is spared the long handshake. */
import { randomBytes } from "node:crypto"
import { Context, Duration, Effect, Layer, Schedule, Stream, SubscriptionRef } from "effect"

/** A stolen key opens what was recorded under it: none is used for longer. */
const LIFETIME = Duration.days(1)

/** Octets, as Node.js wants them. */
const LENGTH = 48

const newKeys = Effect.sync((): Uint8Array => randomBytes(LENGTH))

/**
 * The keys to use, then each later ones. Processes that share a port have to have the same: a ticket of one means nothing
 * to another. Unless others are provided, each server makes its own.
 */
export const TicketKeys = Context.Reference<{ readonly changes: Stream.Stream<Uint8Array> }>(
  "gateway/layers/TicketKeys",
  { defaultValue: () => ({ changes: Stream.fromEffectSchedule(newKeys, Schedule.spaced(LIFETIME)) }) }
)

/** The same for all who ask, whenever they do. */
export const SharedTicketKeys: Layer.Layer<never> = Layer.effect(
  TicketKeys,
  Effect.gen(function* () {
    const current = yield* SubscriptionRef.make(yield* newKeys)
    yield* Effect.flatMap(newKeys, (keys) => SubscriptionRef.set(current, keys)).pipe(
      Effect.schedule(Schedule.spaced(LIFETIME)),
      Effect.tapCause((cause) => Effect.logError("ticket_keys_not_rotated", cause)),
      Effect.forkScoped
    )
    return { changes: SubscriptionRef.changes(current) }
  })
)
