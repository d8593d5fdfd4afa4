/** The SMTP server on a real port, with fakes behind the session. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Layer, Logger } from "effect"
import type { Submission } from "../../src/domain/Submission.ts"
import { ReadinessLive } from "../../src/layers/http/ReadinessLive.ts"
import { SmtpServer, SmtpServerLive } from "../../src/layers/smtp/SmtpServerLive.ts"
import { TlsContextLive } from "../../src/layers/tls/TlsContextLive.ts"
import { SmtpSessionLive } from "../../src/programs/session.ts"
import type { Authenticator } from "../../src/services/Authenticator.ts"
import type { MessageBudget } from "../../src/services/MessageBudget.ts"
import type { MessageSink } from "../../src/services/MessageSink.ts"
import type { RateLimiter } from "../../src/services/RateLimiter.ts"
import {
  AuthenticatorFake,
  MessageBudgetUnlimited,
  MessageSinkFake,
  MetricsSilent,
  RateLimiterOpen
} from "./SessionKit.ts"
import { configWith } from "./SettingsKit.ts"

export const smtpServerWith = (
  options: {
    readonly settings?: Parameters<typeof configWith>[0]
    readonly submissions?: Array<Submission>
    readonly sink?: Layer.Layer<MessageSink>
    readonly authenticator?: Layer.Layer<Authenticator>
    readonly limiter?: Layer.Layer<RateLimiter>
    readonly budget?: Layer.Layer<MessageBudget>
  } = {}
) => {
  const config = configWith(options.settings)
  return SmtpServerLive.pipe(
    Layer.provideMerge(SmtpSessionLive),
    Layer.provideMerge(TlsContextLive),
    Layer.provideMerge(ReadinessLive),
    Layer.provide(Logger.layer([])),
    Layer.provide([
      config,
      MetricsSilent,
      NodeFileSystem.layer,
      options.authenticator ?? AuthenticatorFake(),
      options.limiter ?? RateLimiterOpen,
      options.budget ?? MessageBudgetUnlimited,
      options.sink ?? MessageSinkFake(options.submissions ?? [])
    ])
  )
}

/** The port of the first listener. */
export const smtpPort = Effect.map(SmtpServer, ({ ports }) => ports[0]?.port ?? 0)
