import { Effect, Layer } from "effect"
import { MessageMalformed } from "../../domain/GatewayError.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { MailParser } from "../../services/MailParser.ts"
import { errorText } from "../telemetry/causeText.ts"
import { inSpan } from "../telemetry/spans.ts"
import { type MailParserLimits, readMessage } from "./readMessage.ts"

/**
 * Parsing is one synchronous computation in time linear in the size of the message: a session waits for it
 * no longer than for its own bytes.
 */
export const makeMailParser = (limits: MailParserLimits): MailParser["Service"] => ({
  parse: (raw) =>
    inSpan(
      "parse",
      "internal",
      // Whatever a library throws over a message is that message's fault: it must not look like ours.
      Effect.try({
        try: () => readMessage(raw, limits),
        catch: (thrown) => new MessageMalformed({ cause: thrown instanceof Error ? errorText(thrown) : typeof thrown })
      }).pipe(Effect.flatMap(Effect.fromResult))
    )
})

export const MailParserLive: Layer.Layer<MailParser, never, GatewayConfig> = Layer.effect(
  MailParser,
  Effect.map(GatewayConfig, ({ smtp }) => makeMailParser({ attachmentSizeLimit: smtp.attachmentSizeLimit }))
)
