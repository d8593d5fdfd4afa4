/** The body of a request that changes something: bounded, for whoever may send one may send a large one. */
import { ByteSize, Effect } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { MaxBodySize } from "effect/http/HttpIncomingMessage"

/** Room for the ids of more messages than are kept. */
const MAX_BODY_SIZE = ByteSize.mebibytes(1)

/** Answers for the caller when the body is too large; a client that goes away in the middle needs no answer. */
export const withBody = <E, R>(
  respond: (text: string) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | HttpServerRequest> =>
  HttpServerRequest.pipe(
    Effect.flatMap(({ text }) => text),
    Effect.provideService(MaxBodySize, MAX_BODY_SIZE),
    Effect.matchEffect({ onFailure: () => Effect.succeed(TOO_LARGE), onSuccess: respond })
  )

const TOO_LARGE = HttpServerResponse.text(`the body may have ${MAX_BODY_SIZE} bytes`, { status: 413 })
