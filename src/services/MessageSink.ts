import { Context, type Effect } from "effect"
import type { SubmissionError } from "../domain/GatewayError.ts"
import type { Accepted, Submission } from "../domain/Submission.ts"

/** What happens to a received message. The one seam between gateway (forward now) and relay (queue). */
export class MessageSink extends Context.Service<
  MessageSink,
  {
    /**
     * Succeeds only when the message is out of the client's hands: a 250 follows. `raw` of the submission is given back
     * then: a sink that wants it for longer takes a copy.
     */
    readonly accept: (submission: Submission) => Effect.Effect<Accepted, SubmissionError>
  }
>()("gateway/services/MessageSink") {}
