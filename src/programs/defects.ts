/** Failures that nobody foresaw: each takes down as little as possible, is logged with its cause, and is counted. */
import { Cause, Effect, Option } from "effect"
import { type GatewayError, InternalError } from "../domain/GatewayError.ts"
import { Metrics } from "../services/Metrics.ts"

export const makeDefects = Effect.gen(function* () {
  const defects = (yield* Metrics).counter({
    name: "smtp_defects_total",
    help: "Commands and submissions that failed for a reason nobody foresaw; each is logged with its cause",
    labels: {}
  })

  return {
    /**
     * The error that the client is answered with. A defect becomes an `InternalError`: one session's bug is no other
     * session's business. Interruption stays interruption.
     */
    errorOf: <E extends GatewayError>(cause: Cause.Cause<E>): Effect.Effect<E | InternalError> => {
      const error = Cause.findErrorOption(cause)
      if (Option.isSome(error)) return Effect.succeed(error.value)
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      defects.increment({})
      return Effect.as(Effect.logError("defect", cause), new InternalError())
    }
  }
})
