/** A worker process of the gateway: started by the supervisor, and by nobody else. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, ConfigProvider, Console, Effect, Exit, Layer, References } from "effect"
import { GatewayConfigLive } from "../layers/config/GatewayConfigLive.ts"
import { streamSink } from "../layers/telemetry/LineWriter.ts"
import { causeText } from "../layers/telemetry/causeText.ts"
import { LogOutput } from "../layers/telemetry/LoggerLive.ts"
import { TicketKeys } from "../layers/tls/TicketKeys.ts"
import type { Port } from "../layers/workers/Channel.ts"
import type { Begin } from "../layers/workers/messages.ts"
import { metricsOver, rateLimiterStoreOver, readinessOver, receiptStoreOver } from "../layers/workers/storesOverLink.ts"
import { makeSupervisorLink, type SupervisorLink } from "../layers/workers/SupervisorLink.ts"
import { GatewayConfig, type GatewaySettings } from "../services/GatewayConfig.ts"
import { mailOver, WatchLive } from "./gateway.ts"
import { endingAtUncaught } from "./uncaught.ts"

/** The IPC channel to the supervisor. When that ends, node:cluster ends this process. */
const parent: Port = {
  post: (batch) =>
    Effect.callback((resume) => {
      if (process.send === undefined || !process.connected) return resume(Effect.succeed(false))
      process.send(batch, undefined, undefined, (error) => resume(Effect.succeed(error === null)))
    }),
  listen: (listener) => void process.on("message", listener)
}

/** What the process may hold of what the machine may hold. Everything else is counted by the supervisor, or each worker's own. */
const shareOf = (settings: GatewaySettings, workers: number): GatewaySettings => ({
  ...settings,
  limits: { ...settings.limits, messageBudget: Math.floor(settings.limits.messageBudget / workers) },
  api: { ...settings.api, poolSize: Math.max(1, Math.floor(settings.api.poolSize / workers)) }
})

const workerLive = (link: SupervisorLink, begin: Begin) => {
  const provider = ConfigProvider.layer(Effect.succeed(ConfigProvider.fromEnvRecord({ ...begin.settings })))
  const config = Layer.effect(
    GatewayConfig,
    Effect.map(GatewayConfig, (settings) => shareOf(settings, begin.workers))
  ).pipe(Layer.provide(GatewayConfigLive), Layer.provide(provider))
  return mailOver(receiptStoreOver(link)).pipe(
    Layer.provide(rateLimiterStoreOver(link, begin)),
    Layer.provideMerge(metricsOver(link)),
    Layer.provide(readinessOver(link)),
    Layer.provide(WatchLive),
    Layer.provide(Layer.succeed(References.CurrentLogAnnotations, { worker: begin.worker })),
    Layer.provide(Layer.succeed(TicketKeys, { changes: link.ticketKeys })),
    Layer.provide(Layer.succeed(LogOutput, { sink: streamSink(process.stdout), isTerminal: begin.isTerminal })),
    Layer.provide(config)
  )
}

/** The supervisor tells the operator what went wrong; what nobody foresaw is told here, with its cause. */
const explain = (link: SupervisorLink, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  if (Cause.hasDies(cause)) return Console.error(causeText(cause))
  const error = Cause.squash(cause)
  const message = error instanceof Error && error.message !== "" ? error.message : causeText(cause)
  return Effect.sync(() => link.tell({ _tag: "Failed", message }))
}

Effect.gen(function* () {
  const link = yield* makeSupervisorLink(parent)
  const begin = yield* link.begin
  const serving = endingAtUncaught(Layer.launch(workerLive(link, begin)))
  return yield* Effect.raceFirst(serving, link.broken).pipe(Effect.tapCause((cause) => explain(link, cause)))
}).pipe(
  Effect.scoped,
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, done) => done(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })
)
