/** The gateway in production, in as many processes as WORKERS says. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Layer } from "effect"
import { givenSettings, readGatewaySettings } from "../layers/config/GatewayConfigLive.ts"
import { GatewayConfig } from "../services/GatewayConfig.ts"
import { GatewayLive } from "./gateway.ts"

/** Runs until interrupted. */
export const gateway = Effect.gen(function* () {
  const settings = yield* readGatewaySettings
  if (settings.workers === 1) {
    return yield* Layer.launch(GatewayLive.pipe(Layer.provide(Layer.succeed(GatewayConfig, settings))))
  }
  const given = yield* givenSettings
  // Loaded here: one process alone has no use for it.
  const { supervisor } = yield* Effect.promise(() => import("./supervisor.ts"))
  return yield* supervisor(settings, given)
}).pipe(Effect.provide(NodeFileSystem.layer))
