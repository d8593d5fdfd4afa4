/** How a span ends for those who read traces: with what the client was told of a failure, without addresses and names of files. */
import { Cause, Exit, Option, type Tracer } from "effect"
import * as SmtpReply from "../../domain/SmtpReply.ts"
import { addressesHidden } from "./AddressMask.ts"

/** The parts of an error that are shown. */
export interface PublicFailure {
  /** The tag of an error of ours, the name of a bug. */
  readonly name: string
  readonly message: string
  /** What the failure is worth to the client, if that was foreseen. */
  readonly reply?: SmtpReply.SmtpReply
}

/** `undefined` when there is nothing to complain of. */
export const publicFailure = (exit: Exit.Exit<unknown, unknown>, kind: Tracer.SpanKind): PublicFailure | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  // A session ends in no other way; anything else is broken off against its will.
  if (Cause.hasInterruptsOnly(exit.cause)) return kind === "server" ? undefined : BROKEN_OFF
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (SmtpReply.isGatewayError(error)) {
    return {
      name: error._tag,
      message: addressesHidden.text(SmtpReply.loggedText(error)),
      reply: SmtpReply.fromError(error)
    }
  }
  // What nobody foresaw may hold anything; the log has it.
  const unforeseen = error ?? Cause.squash(exit.cause)
  return { name: unforeseen instanceof Error ? unforeseen.name : "Error", message: "internal error" }
}

const BROKEN_OFF: PublicFailure = { name: "Interrupted", message: "broken off" }
