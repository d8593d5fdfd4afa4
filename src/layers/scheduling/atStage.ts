import { Effect, Scheduler } from "effect"
import { StagedScheduler } from "./StagedScheduler.ts"

/** Without a `StagedScheduler` there are no stages, and nothing is waited for. */
const stage = (priority: number): Effect.Effect<void> => {
  const turn = Effect.yieldNowWith(priority)
  return Effect.withFiber((fiber) =>
    fiber.getRef(Scheduler.Scheduler) instanceof StagedScheduler ? turn : Effect.void
  )
}

/**
 * Waits until all that is to be done at an earlier stage is done, for every mail and session of the process: what they do
 * alike is done one after another, and finds the caches of the processor as the one before has left them
 * (docs/decisions/0035).
 *
 * The stages of one turn of the event loop, in their order: first what somebody waits for, then what takes long. A mail that
 * comes to a later stage gets there within the same turn.
 */
export const atStage = {
  /** An answer of the API has come. Whatever yields without a stage is here, too. */
  answer: stage(0),
  /** What became of a message is known. */
  reply: stage(1),
  /** Commands without a stage of their own. */
  command: stage(2),
  mailFrom: stage(3),
  rcptTo: stage(4),
  data: stage(5),
  /** A message has come as a whole. */
  parse: stage(6),
  prepare: stage(7),
  /** The request is put together and can go out. */
  call: stage(8)
} as const
