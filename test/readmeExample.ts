import { Effect, Layer, Redacted } from "effect"
import { AuthCacheLive } from "../src/layers/cakemail/AuthCacheLive.ts"
import { AuthenticatorLive } from "../src/layers/cakemail/AuthenticatorLive.ts"
import { MailParserLive } from "../src/layers/mime/MailParserLive.ts"
import { ForwardSink } from "../src/programs/forward.ts"
import { SmtpSessionLive } from "../src/programs/session.ts"
import { CakemailClient } from "../src/services/CakemailClient.ts"
import { DeadLetters } from "../src/services/DeadLetters.ts"
import { layerReadiness } from "./kit/ReadinessKit.ts"
import * as SessionKit from "./kit/SessionKit.ts"
import { configWith } from "./kit/SettingsKit.ts"

/** Knows everybody, accepts everything. */
const CakemailFake = Layer.succeed(CakemailClient, {
  login: ({ username }) =>
    Effect.succeed({ username, accountId: 1, token: Redacted.make("token"), expiresAt: undefined }),
  prepare: (_identity, { email }) =>
    Effect.succeed({ bodyFor: () => [Buffer.from(email.subject)], sharedBytes: 0, query: "" }),
  submit: (_identity, prepared, recipient) =>
    Effect.succeed({ recipient, messageId: `${prepared.bodyFor(recipient).join("")}-for-${recipient}` }),
  ping: Effect.void
})

export const Session = SmtpSessionLive.pipe(
  Layer.provide(ForwardSink),
  Layer.provide(AuthenticatorLive.pipe(Layer.provideMerge(AuthCacheLive))),
  Layer.provide([CakemailFake, MailParserLive, Layer.succeed(DeadLetters, { record: () => Effect.void })]),
  Layer.provide([SessionKit.RateLimiterOpen, SessionKit.MessageBudgetUnlimited, SessionKit.RecentSubmissionsForgetful]),
  Layer.provide([SessionKit.MetricsSilent, layerReadiness(), configWith()])
)

/** What the client reads after the final dot. */
export const sendOneMail = Effect.gen(function* () {
  const client = yield* SessionKit.openSession()
  yield* client.connect
  yield* client.login()
  yield* client.mail
  yield* client.rcpt("you@example.com")
  return yield* client.data(Effect.succeed(Buffer.from("Subject: Hello\r\n\r\nIt works.\r\n")), ["you@example.com"])
}).pipe(Effect.provide(Session))
