/**
 * One mail by the whole gateway through the real Cakemail API: one login and one submission, and nothing is tried again.
 * Takes LIVE_USERNAME, LIVE_PASSWORD, LIVE_FROM (a confirmed sender) and LIVE_TO from the environment, and the API from
 * CAKEMAIL_API_URL, CAKEMAIL_API_CONTRACT and CAKEMAIL_LIST_ID where they are set.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Logger } from "effect"
import { createTransport } from "nodemailer"
import { readGatewaySettings } from "../../src/layers/config/GatewayConfigLive.ts"
import { SmtpServer } from "../../src/layers/smtp/SmtpServerLive.ts"
import { GatewayLive } from "../../src/programs/gateway.ts"
import { GatewayConfig } from "../../src/services/GatewayConfig.ts"

const required = (name: string): string => {
  const value = process.env[name]
  assert.isOk(value, `the live test needs LIVE_USERNAME, LIVE_PASSWORD, LIVE_FROM and LIVE_TO; ${name} is not set`)
  return value ?? ""
}

const FORCED = {
  SMTP_HOST: "127.0.0.1",
  SMTP_PORT: "0",
  HTTP_HOST: "127.0.0.1",
  HTTP_PORT: "0",
  LOG_LEVEL: "WARN",
  LOG_FORMAT: "pretty",
  API_MAX_RETRIES: "0",
  CAKEMAIL_CREATE_SENDERS: "false"
}

const environment = (): Readonly<Record<string, string>> => {
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) given[name] = value
  return { ...given, ...FORCED }
}

it.live("a mail is accepted by the real API", () =>
  Effect.scoped(
    Effect.gen(function* () {
      assert.isUndefined(process.env["CI"], "the live test never runs in CI: it sends a mail")
      const [user, pass] = [required("LIVE_USERNAME"), required("LIVE_PASSWORD")]
      const [from, to] = [required("LIVE_FROM"), required("LIVE_TO")]
      const settings = yield* readGatewaySettings.pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(environment())),
        Effect.provide(NodeFileSystem.layer)
      )
      const context = yield* Layer.build(
        GatewayLive.pipe(Layer.provide([Layer.succeed(GatewayConfig, settings), Logger.layer([])]))
      )
      const [smtp] = Context.get(context, SmtpServer).ports
      const subject = `Live check ${new Date().toISOString()}`
      const { response } = yield* Effect.promise(async () => {
        const transport = createTransport({
          host: "127.0.0.1",
          port: smtp?.port ?? 0,
          requireTLS: true,
          tls: { rejectUnauthorized: false },
          auth: { user, pass }
        })
        try {
          return await transport.sendMail({ from, to, subject, text: "Sent by the live test of the SMTP gateway." })
        } finally {
          transport.close()
        }
      })
      console.log(
        [
          `API       ${settings.api.url} (contract ${settings.api.contract})`,
          `Login     ${user}`,
          `Mail      from ${from} to ${to}, subject "${subject}"`,
          `Answer    ${response}`
        ].join("\n")
      )
      assert.match(response, /^250 2\.0\.0 Message accepted for delivery: \S+/)
    })
  )
)
