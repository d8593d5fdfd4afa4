/** When a failed call to the API is made again (rulings 1). */
import { Duration, Effect, Schedule } from "effect"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { Readiness } from "../../services/Readiness.ts"
import { sampledSpan, spanEvent } from "../telemetry/spans.ts"

/** What is repeated as a whole; a metric label. */
export type RetriedOperation = "login" | "prepare" | "submit"

/** As much of an error as the policy looks at. */
export interface CallFailure {
  readonly _tag: string
  /** HTTP status, where the error knows it. */
  readonly status?: number
}

/**
 * Passes the call through until it fails; what follows is decided by the operation's policy. No call is begun again at or
 * after `endsAt`, in milliseconds of the epoch.
 */
export type Retry = <A, E extends CallFailure, R>(
  operation: RetriedOperation,
  call: Effect.Effect<A, E, R>,
  endsAt?: number
) => Effect.Effect<A, E, R>

/**
 * API_MAX_RETRIES more calls when the API was not reached or answered 5xx, after 1 s and 2 s (login: 0.2 s and
 * 0.4 s), 20 % more or less; none while draining. A submission whose outcome is unknown is repeated once at most,
 * as the last call of all, and logged: the mail may go out twice. Other operations do no harm when repeated.
 */
export const makeRetries: Effect.Effect<Retry, never, GatewayConfig | Metrics | Readiness> = Effect.gen(function* () {
  const { api } = yield* GatewayConfig
  const readiness = yield* Readiness
  const retries = (yield* Metrics).counter({
    name: "smtp_retries_total",
    help: "Calls to the Cakemail API made again after a failure",
    labels: { operation: ["login", "prepare", "submit"] }
  })

  const draining = Effect.map(readiness.reasons, (reasons) => reasons.includes("draining"))

  const repeat = <A, E extends CallFailure, R>(
    operation: RetriedOperation,
    call: Effect.Effect<A, E, R>,
    endsAt: number,
    first: E
  ): Effect.Effect<A, E, R> => {
    let failure: E | undefined
    let lastCall = false
    let resent = 0
    const failed = (error: E): Effect.Effect<void> => {
      failure = error
      return operation === "submit" ? warnOfDuplicate(error) : Effect.void
    }
    const callAfter = (before: E) =>
      Effect.suspend(() => {
        retries.increment({ operation })
        resent++
        return Effect.andThen(tellSpan(before, resent), Effect.tapError(call, failed))
      })
    const attempt = Effect.suspend((): Effect.Effect<A, E, R> => {
      const before = failure
      // The first call has been made: its failure starts the schedule.
      if (before === undefined) return Effect.andThen(failed(first), Effect.fail(first))
      // The process may have begun to drain during the pause.
      return Effect.flatMap(draining, (isDraining) => (isDraining ? Effect.fail(before) : callAfter(before)))
    })
    return Effect.retry(
      attempt,
      Schedule.exponential(FIRST_DELAY[operation]).pipe(
        Schedule.jittered,
        Schedule.upTo({ times: api.maxRetries }),
        Schedule.setInputType<E>(),
        Schedule.while(({ duration, input, now }) => {
          if (lastCall || !isRepeatable(input) || now + Duration.toMillis(duration) >= endsAt) return NO
          lastCall = operation === "submit" && input._tag === "ApiOutcomeUnknown"
          return Effect.map(draining, (isDraining) => !isDraining)
        })
      )
    )
  }

  // Nothing of the schedule is built for a call that succeeds.
  return (operation, call, endsAt = Number.POSITIVE_INFINITY) =>
    Effect.catchIf(call, isOfInterest, (failure) => repeat(operation, call, endsAt, failure))
})

const FIRST_DELAY: { readonly [Operation in RetriedOperation]: Duration.Input } = {
  login: "200 millis",
  prepare: "1 second",
  submit: "1 second"
}

const NO = Effect.succeed(false)

const tellSpan = ({ _tag, status }: CallFailure, resent: number): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const span = sampledSpan(fiber)
    // `prepare` has the calls below it, and is none.
    if (span?.kind === "client") span.attribute("http.request.resend_count", resent)
    return spanEvent("retry", () => ({
      "error.type": _tag,
      ...(status !== undefined && { "http.response.status_code": status })
    }))
  })

/** ApiFailed also stands for answers below 500, which would be the same again. */
const isRepeatable = ({ _tag, status }: CallFailure): boolean =>
  _tag === "ApiUnreachable" || _tag === "ApiOutcomeUnknown" || (_tag === "ApiFailed" && (status ?? 500) >= 500)

const mayHaveBeenAccepted = ({ _tag }: CallFailure): boolean =>
  _tag === "ApiOutcomeUnknown" || _tag === "ApiAnswerUnreadable"

const isOfInterest = (failure: CallFailure): boolean => isRepeatable(failure) || mayHaveBeenAccepted(failure)

const warnOfDuplicate = (failure: CallFailure): Effect.Effect<void> =>
  mayHaveBeenAccepted(failure) ? Effect.logWarning("possible_duplicate", { error_type: failure._tag }) : Effect.void
