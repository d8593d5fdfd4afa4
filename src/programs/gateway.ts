/** The gateway, put together. Swap a layer here, or provide your own in its place, as the tests do. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Layer } from "effect"
import { AuthCacheLive } from "../layers/cakemail/AuthCacheLive.ts"
import { AuthenticatorLive } from "../layers/cakemail/AuthenticatorLive.ts"
import { apiTransport, USER_AGENT } from "../layers/cakemail/ApiTransport.ts"
import { CakemailClientOverTransport } from "../layers/cakemail/CakemailClientLive.ts"
import { IdleHeapLive } from "../layers/heap/IdleHeapLive.ts"
import { HealthServerLive } from "../layers/http/HealthServerLive.ts"
import { ReadinessLive } from "../layers/http/ReadinessLive.ts"
import { MailParserLive } from "../layers/mime/MailParserLive.ts"
import { DeadLettersLive } from "../layers/protection/DeadLettersLive.ts"
import { isApiFailure } from "../layers/protection/apiFailures.ts"
import { CircuitBreakerLive } from "../layers/protection/CircuitBreakerLive.ts"
import { MessageBudgetLive } from "../layers/protection/MessageBudgetLive.ts"
import { RateLimiterOverStore } from "../layers/protection/RateLimiterLive.ts"
import { RateLimiterStoreMemory } from "../layers/protection/RateLimiterStoreMemory.ts"
import { ReceiptStoreMemory } from "../layers/protection/ReceiptStoreMemory.ts"
import { recentSubmissionsOver } from "../layers/protection/RecentSubmissionsRedis.ts"
import { StagedScheduler } from "../layers/scheduling/StagedScheduler.ts"
import { SmtpServerLive } from "../layers/smtp/SmtpServerLive.ts"
import { LogObserversLive } from "../layers/telemetry/LogObserversLive.ts"
import { LoggerLive } from "../layers/telemetry/LoggerLive.ts"
import { MetricsPrometheus } from "../layers/telemetry/MetricsPrometheus.ts"
import { TracingLive, TracingOff } from "../layers/telemetry/TracingLive.ts"
import { TlsContextLive } from "../layers/tls/TlsContextLive.ts"
import { CircuitBreaker } from "../services/CircuitBreaker.ts"
import { GatewayConfig } from "../services/GatewayConfig.ts"
import type { ReceiptStore } from "../services/ReceiptStore.ts"
import { ForwardSink } from "./forward.ts"
import { SmtpSessionLive } from "./session.ts"

/** One circuit for every call to the API: logins, sender look-ups and submissions (rulings 2). */
const ProtectedClient = CakemailClientOverTransport.pipe(
  Layer.provide(
    Layer.unwrap(
      Effect.map(CircuitBreaker, ({ protect }) =>
        // A login ends when its client goes; a submission is broken off by SUBMIT_DEADLINE alone (rulings 3).
        apiTransport((call, endpoint) => protect(call, isApiFailure, endpoint === "submit" ? "failure" : "nothing"))
      )
    )
  ),
  Layer.provide(CircuitBreakerLive)
)

/** What turns a submission into API calls; needs the settings, metrics and readiness of the process. */
export const forwardingOver = (receipts: Layer.Layer<ReceiptStore, never, GatewayConfig>) =>
  ForwardSink.pipe(
    Layer.provideMerge(AuthenticatorLive),
    Layer.provide(AuthCacheLive),
    Layer.provide(ProtectedClient),
    Layer.provide(recentSubmissionsOver(receipts)),
    Layer.provide(DeadLettersLive.pipe(Layer.provide(NodeFileSystem.layer))),
    Layer.provide(MailParserLive)
  )

export const ForwardingLive = forwardingOver(ReceiptStoreMemory)

/** SMTP in: listeners, sessions, certificates. What happens to a message is up to the `MessageSink` provided. */
export const SubmissionLive = SmtpServerLive.pipe(
  Layer.provideMerge(SmtpSessionLive),
  Layer.provide(MessageBudgetLive),
  Layer.provideMerge(TlsContextLive),
  Layer.provide(NodeFileSystem.layer)
)

const Starting = Layer.effectDiscard(
  Effect.flatMap(GatewayConfig, ({ api }) =>
    Effect.logInfo("gateway_starting", { software: USER_AGENT, api_contract: api.contract, api_url: api.url })
  )
)

const Ready = Layer.effectDiscard(Effect.logInfo("gateway_ready"))

/** Mail from SMTP to the API, over the stores that are given: those of this process, or those that it shares. */
export const mailOver = (receipts: Layer.Layer<ReceiptStore, never, GatewayConfig>) =>
  Ready.pipe(
    Layer.provideMerge(SubmissionLive),
    Layer.provide(forwardingOver(receipts)),
    Layer.provide(RateLimiterOverStore),
    Layer.merge(IdleHeapLive),
    // Outlives the sessions: their last spans are sent when the drain is over.
    Layer.provide(TracingLive),
    Layer.provide(StagedScheduler.layer)
  )

/** Logs and metrics of a process that serves mail. */
export const WatchLive = Starting.pipe(
  Layer.provideMerge(LogObserversLive),
  Layer.provideMerge(LoggerLive),
  Layer.provideMerge(MetricsPrometheus),
  // Nothing but mail is traced.
  Layer.provideMerge(TracingOff)
)

/** The whole gateway in one process; needs `GatewayConfig` only. Closing its scope drains it. */
export const GatewayLive = mailOver(ReceiptStoreMemory).pipe(
  Layer.provide(RateLimiterStoreMemory),
  // Outlives the listeners: /health/ready says 503 while the last messages are finished.
  Layer.provideMerge(HealthServerLive),
  Layer.provide(ReadinessLive),
  Layer.provide(WatchLive)
)
