/** A gateway whose spans go to a collector of its own. */
import { Duration, Effect } from "effect"
import { type CollectedSpan, type CollectorKit, startCollector } from "./CollectorKit.ts"
import { startGateway } from "./GatewayKit.ts"
import { eventually } from "./SandboxKit.ts"
import { openLoggedInWire, type Wire } from "./SmtpWire.ts"

type Options = NonNullable<Parameters<typeof startGateway>[0]>

/** `settings` are as in `startGateway`; spans leave at once unless they say otherwise. */
export const startTracedGateway = Effect.fnUntraced(function* (options: Options = {}) {
  const collector = yield* startCollector
  const settings = options.settings ?? {}
  const gateway = yield* startGateway({
    ...options,
    settings: {
      ...settings,
      tracing: { endpoint: `${collector.url}/v1/traces`, batchDelay: Duration.millis(1), ...settings.tracing }
    }
  })
  return { ...gateway, collector, wire: yield* openLoggedInWire(gateway.smtpPort) }
})

export interface WireMail {
  readonly recipients?: ReadonlyArray<string>
  /** Beside From and Subject. */
  readonly headers?: ReadonlyArray<string>
}

/** Sends a mail over a wire that is logged in, and gives the last reply as it came. */
export const sendMail = Effect.fnUntraced(function* (
  wire: Wire,
  { headers = [], recipients = ["you@example.com"] }: WireMail = {}
) {
  yield* wire.ask("MAIL FROM:<demo@example.com>")
  for (const recipient of recipients) yield* wire.ask(`RCPT TO:<${recipient}>`)
  yield* wire.ask("DATA")
  const mail = ["From: demo@example.com", "Subject: A secret subject", ...headers, "", "A secret text.", "."]
  return (yield* wire.ask(mail.join("\r\n"))).raw
})

/** Waits until the session has ended and the collector knows of it; gives all spans. */
export const spansAfterSession = Effect.fnUntraced(function* (wire: Wire, collector: CollectorKit) {
  yield* wire.ask("QUIT")
  yield* spanCollected(collector, "SMTP session")
  return collector.spans
})

/** Waits until the collector has a span of that name. */
export const spanCollected = (collector: CollectorKit, name: string) =>
  eventually(Effect.sync(() => collector.spans.some((span) => span.name === name)))

/** Those of that name, in the order in which they began. */
export const spansNamed = (spans: ReadonlyArray<CollectedSpan>, name: string): ReadonlyArray<CollectedSpan> =>
  spans.filter((span) => span.name === name).toSorted((one, other) => (one.start < other.start ? -1 : 1))

/** The one of that name. */
export const spanNamed = (spans: ReadonlyArray<CollectedSpan>, name: string): CollectedSpan => {
  const [span, ...others] = spansNamed(spans, name)
  if (span === undefined || others.length > 0) {
    throw new Error(`${name} should be there once: ${spans.map((each) => each.name).join(", ")}`)
  }
  return span
}
