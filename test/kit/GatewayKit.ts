/** The whole gateway on free ports of 127.0.0.1, in front of a sandbox of its own. */
import { Context, Effect, Layer, Logger } from "effect"
import * as HttpServer from "effect/http/HttpServer"
import type { SandboxOptions } from "../../src/layers/sandbox/SandboxServer.ts"
import { SmtpServer } from "../../src/layers/smtp/SmtpServerLive.ts"
import { LogOutput } from "../../src/layers/telemetry/LoggerLive.ts"
import { GatewayLive } from "../../src/programs/gateway.ts"
import { GatewayConfig, type GatewaySettings } from "../../src/services/GatewayConfig.ts"
import { LogObservers } from "../../src/services/LogObservers.ts"
import { startSandbox } from "./SandboxKit.ts"
import { type configWith, settingsWith } from "./SettingsKit.ts"

const logTo = (log: (chunk: string) => void) =>
  Layer.succeed(LogOutput, {
    sink: (chunk, done) => {
      log(chunk)
      done(true)
    },
    isTerminal: false
  })

export const startGateway = Effect.fnUntraced(function* (
  options: {
    readonly settings?: NonNullable<Parameters<typeof configWith>[0]>
    readonly sandbox?: SandboxOptions
    /** In place of the sandbox, for an API that is not there. */
    readonly apiUrl?: string
    /** As with `npm start`: the sandbox shows what the gateway logs of a session, and says where to send to. */
    readonly shown?: boolean
    /** Gets what would go to stdout. */
    readonly log?: (chunk: string) => void
    /** Has the last word on the settings. */
    readonly spoil?: (settings: GatewaySettings) => GatewaySettings
  } = {}
) {
  const sandbox = yield* startSandbox(options.sandbox)
  const settings = options.settings ?? {}
  const config = settingsWith({ ...settings, api: { url: options.apiUrl ?? sandbox.url, ...settings.api } })
  const { log, spoil } = options
  const context = yield* Layer.build(
    GatewayLive.pipe(
      Layer.provide(Layer.succeed(GatewayConfig, spoil === undefined ? config : spoil(config))),
      Layer.provide(Logger.layer([])),
      Layer.provide(Layer.succeed(LogObservers, options.shown === true ? [sandbox.sandbox.logger] : [])),
      Layer.provide(log === undefined ? Layer.empty : logTo(log))
    )
  )
  const smtpPort = Context.get(context, SmtpServer).ports[0]?.port ?? 0
  if (options.shown === true) {
    const login = { username: "demo@example.com", password: "demo" }
    yield* sandbox.sandbox.announceSmtp({ host: "127.0.0.1", port: smtpPort, ...login })
  }
  return {
    sandbox,
    smtpPort,
    smtpPorts: Context.get(context, SmtpServer).ports,
    /** Of /health and /metrics, without a slash at the end. */
    httpUrl: HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
  }
})
