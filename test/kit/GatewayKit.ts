/** The whole gateway on free ports of 127.0.0.1, in front of a sandbox of its own. */
import { Context, Effect, Layer, Logger } from "effect"
import * as HttpServer from "effect/http/HttpServer"
import type { SandboxOptions } from "../../src/layers/sandbox/SandboxServer.ts"
import { SmtpServer } from "../../src/layers/smtp/SmtpServerLive.ts"
import { GatewayLive } from "../../src/programs/gateway.ts"
import { startSandbox } from "./SandboxKit.ts"
import { configWith } from "./SettingsKit.ts"

export const startGateway = Effect.fnUntraced(function* (
  options: {
    readonly settings?: NonNullable<Parameters<typeof configWith>[0]>
    readonly sandbox?: SandboxOptions
    /** In place of the sandbox, for an API that is not there. */
    readonly apiUrl?: string
  } = {}
) {
  const sandbox = yield* startSandbox(options.sandbox)
  const settings = options.settings ?? {}
  const context = yield* Layer.build(
    GatewayLive.pipe(
      Layer.provide(configWith({ ...settings, api: { url: options.apiUrl ?? sandbox.url, ...settings.api } })),
      Layer.provide(Logger.layer([]))
    )
  )
  return {
    sandbox,
    smtpPort: Context.get(context, SmtpServer).ports[0]?.port ?? 0,
    smtpPorts: Context.get(context, SmtpServer).ports,
    /** Of /health and /metrics, without a slash at the end. */
    httpUrl: HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
  }
})
