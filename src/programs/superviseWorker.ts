/** One worker, from its start to its end. */
import { Clock, Deferred, Duration, Effect, Option, Schedule, Stream } from "effect"
import { TicketKeys } from "../layers/tls/TicketKeys.ts"
import { makeChannel } from "../layers/workers/Channel.ts"
import { Fleet } from "../layers/workers/Fleet.ts"
import { type Begin, ToSupervisor, type ToWorker } from "../layers/workers/messages.ts"
import { makeStoreAnswers } from "../layers/workers/storeAnswers.ts"
import type { MetricFamily } from "../services/MetricFamilies.ts"
import { WorkerProcesses } from "../services/WorkerProcesses.ts"

/** How a worker ended that nobody told to. */
export interface WorkerEnd {
  /** In words: its exit code, the signal, or what it said before it ended. */
  readonly cause: string
  readonly wasReady: boolean
  /** From the start of the process, milliseconds. */
  readonly lived: number
}

/** Numbers for /metrics are waited for no longer; then those last known stand. */
const METRICS_TIMEOUT = Duration.seconds(1)

/** A worker says something so often, if it says nothing else: what it has counted is kept when it is killed. */
const PULSE = Duration.seconds(10)

/** An event loop that hangs for so long has mails in it whose clients have given up. Kubernetes waits as long. */
const MAX_SILENCE = Duration.seconds(30)

/** For the end of a worker whose drain is over. */
const LAST_MOMENTS = Duration.seconds(2)

/** Ends when the process does. Interrupted, it drains the worker first, for `drainTime` at most. */
export const superviseWorker = Effect.fnUntraced(function* (begin: Begin, drainTime: Duration.Duration) {
  const startedAt = yield* Clock.currentTimeMillis
  const process = yield* (yield* WorkerProcesses).start
  const channel = yield* makeChannel<ToSupervisor, ToWorker>(process.port, ToSupervisor)
  const answer = yield* makeStoreAnswers((id, given) => channel.tell({ _tag: "Answered", id, answer: given }))
  const questions = new Map<number, Deferred.Deferred<ReadonlyArray<MetricFamily>>>()
  const greeted = Deferred.makeUnsafe<void>()
  let lastQuestion = 0
  let wasReady = false
  let complaint: string | undefined

  const askFamilies = Effect.suspend(() => {
    const id = ++lastQuestion
    const question = Deferred.makeUnsafe<ReadonlyArray<MetricFamily>>()
    questions.set(id, question)
    channel.tell({ _tag: "FamiliesWanted", id })
    return Effect.ensuring(
      Deferred.await(question),
      Effect.sync(() => questions.delete(id))
    )
  })
  const member = yield* (yield* Fleet).join(Effect.asVoid(Effect.timeoutOption(askFamilies, METRICS_TIMEOUT)))

  const take = (message: ToSupervisor): Effect.Effect<void> => {
    switch (message._tag) {
      case "Hello":
        return Effect.andThen(
          Effect.sync(() => channel.tell(begin)),
          Deferred.succeed(greeted, undefined)
        )
      case "Readiness":
        return Effect.sync(() => {
          member.setReasons(message.reasons)
          wasReady ||= message.reasons.length === 0
        })
      case "Families":
        return Effect.sync(() => {
          member.remember(message.families)
          const question = questions.get(message.id)
          if (question !== undefined) Deferred.doneUnsafe(question, Effect.succeed(message.families))
        })
      case "Failed":
        return Effect.sync(() => void (complaint = message.message))
      default:
        return answer(message)
    }
  }
  const about = { worker: begin.worker, pid: process.pid }
  yield* channel.next.pipe(
    Effect.flatMap((messages) => Effect.forEach(messages, take, { discard: true })),
    Effect.forever,
    Effect.tapCause((cause) =>
      Effect.andThen(Effect.logError("worker_not_understood", about, cause), process.signal("SIGKILL"))
    ),
    Effect.forkScoped
  )
  yield* Effect.timeoutOption(askFamilies, MAX_SILENCE).pipe(
    Effect.flatMap((families) =>
      Option.isSome(families)
        ? Effect.void
        : Effect.andThen(
            Effect.logError("worker_hangs", { ...about, silent_ms: Duration.toMillis(MAX_SILENCE) }),
            process.signal("SIGKILL")
          )
    ),
    Effect.repeat(Schedule.spaced(PULSE)),
    Effect.tapCause((cause) => Effect.logError("worker_pulse_ended", about, cause)),
    Effect.forkScoped
  )
  const { changes } = yield* TicketKeys
  yield* Deferred.await(greeted).pipe(
    Effect.andThen(
      Stream.runForEach(changes, (keys) =>
        Effect.sync(() => channel.tell({ _tag: "TicketKeys", keys: Buffer.from(keys).toString("base64") }))
      )
    ),
    Effect.tapCause((cause) => Effect.logError("ticket_keys_not_rotated", cause)),
    Effect.forkScoped
  )
  // Added last, so that the worker is still answered while it drains.
  yield* Effect.addFinalizer(() =>
    process
      .signal("SIGTERM")
      .pipe(
        Effect.andThen(process.exited),
        Effect.interruptible,
        Effect.timeoutOption(Duration.sum(drainTime, LAST_MOMENTS))
      )
  )
  const how = yield* process.exited
  const end: WorkerEnd = { cause: complaint ?? how, wasReady, lived: (yield* Clock.currentTimeMillis) - startedAt }
  return end
}, Effect.scoped)
