import { Effect, Layer } from "effect"
import { MessageMalformed } from "../../domain/GatewayError.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { MailParser } from "../../services/MailParser.ts"
import { type MailParserLimits, readMessage } from "./readMessage.ts"

/**
 * Parsing is one synchronous computation in time linear in the size of the message: a session waits for it
 * no longer than for its own bytes.
 */
export const makeMailParser = (limits: MailParserLimits): MailParser["Service"] => ({
  parse: Effect.fn("MailParser.parse")(function* (raw: Uint8Array) {
    // Whatever a library throws over a message is that message's fault: it must not look like ours.
    const result = yield* Effect.try({
      try: () => readMessage(raw, limits),
      catch: (thrown) => new MessageMalformed({ cause: String(thrown).slice(0, 200) })
    })
    return yield* Effect.fromResult(result)
  })
})

export const MailParserLive: Layer.Layer<MailParser, never, GatewayConfig> = Layer.effect(
  MailParser,
  Effect.map(GatewayConfig, ({ smtp }) => makeMailParser({ attachmentSizeLimit: smtp.attachmentSizeLimit }))
)
