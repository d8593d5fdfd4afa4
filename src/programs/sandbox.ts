/** The sandbox as a program: an embedded Cakemail API that sends nothing and shows what it was given. */
import { Console, Context, Effect, Layer } from "effect"
import { Command } from "effect/cli"
import * as HttpServer from "effect/http/HttpServer"
import { readGatewaySettings } from "../layers/config/GatewayConfigLive.ts"
import { layerSandbox, type SandboxOptions } from "../layers/sandbox/SandboxServer.ts"
import { Sandbox } from "../services/Sandbox.ts"

export interface RunningSandbox {
  /** Without a slash at the end: the base URL for CAKEMAIL_API_URL. */
  readonly url: string
  readonly sandbox: Sandbox["Service"]
}

/** Serves until its scope closes. */
export const sandbox = Effect.fn("sandbox")(function* (options: SandboxOptions = {}) {
  const context = yield* Layer.build(layerSandbox(options))
  const running: RunningSandbox = {
    url: HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address),
    sandbox: Context.get(context, Sandbox)
  }
  return running
})

/** For the command line. */
export const sandboxCommand = Command.make("sandbox", {}, () =>
  Effect.scoped(
    Effect.gen(function* () {
      const settings = yield* readGatewaySettings
      const { url } = yield* sandbox(settings.sandbox)
      yield* Console.log(`The sandbox answers as the Cakemail API at ${url} and sends no mail.`)
      return yield* Effect.never
    })
  )
).pipe(Command.withDescription("Run the embedded Cakemail API alone, for gateways and tests elsewhere on this machine"))
