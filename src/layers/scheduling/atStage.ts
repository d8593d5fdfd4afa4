import { Effect, type Fiber, Record } from "effect"
import { StagedScheduler } from "./StagedScheduler.ts"

/**
 * The stages of one turn of the event loop, in their order: first what somebody waits for, then what takes long. What mails
 * and sessions do alike is done one after another, and finds the caches of the processor as the one before has left them
 * (docs/decisions/0035). A mail that comes to a later stage gets there within the same turn.
 */
const STAGES = {
  /** An answer of the API has come. Whatever yields without a stage is here, too. */
  answer: 0,
  /** What became of a message is known. */
  reply: 1,
  /** Commands without a stage of their own. */
  command: 2,
  mailFrom: 3,
  rcptTo: 4,
  data: 5,
  /** A message has come as a whole. */
  parse: 6,
  prepare: 7,
  /** The request is put together and can go out. */
  call: 8
} as const

export type Stage = keyof typeof STAGES

/** Without a `StagedScheduler` there are no stages, and nothing is waited for. */
const hasStages = (fiber: Fiber.Fiber<unknown, unknown>): boolean => fiber.cache.scheduler instanceof StagedScheduler

/** Waits until all that is to be done at an earlier stage is done, for every mail and session of the process. */
export const atStage: { readonly [Name in Stage]: Effect.Effect<void> } = Record.map(STAGES, (priority) => {
  const turn = Effect.yieldNowWith(priority)
  return Effect.withFiber((fiber) => (hasStages(fiber) ? turn : Effect.void))
})

/** `Effect.callback` for what goes on at a stage: the fiber is resumed when that comes, and not before. */
export const callbackAtStage = <A, E = never>(
  register: (resume: (stage: Stage, effect: Effect.Effect<A, E>) => void) => Effect.Effect<void> | void
): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) =>
    Effect.callback((resume) =>
      register(
        hasStages(fiber)
          ? (stage, effect) => fiber.currentDispatcher.scheduleTask(() => resume(effect), STAGES[stage])
          : (_stage, effect) => resume(effect)
      )
    )
  )
