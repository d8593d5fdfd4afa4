/** Settings for tests: the defaults of the table on loopback and system-chosen ports; override what a test is about. */
import { ConfigProvider, Effect, FileSystem, Layer } from "effect"
import { readGatewaySettings } from "../../src/layers/config/GatewayConfigLive.ts"
import { GatewayConfig, type GatewaySettings } from "../../src/services/GatewayConfig.ts"

type Overrides = {
  readonly [Group in keyof GatewaySettings]?: Partial<GatewaySettings[Group]> | GatewaySettings[Group]
}

/** What differs from production, as the environment would say it. */
const ENVIRONMENT = {
  SMTP_HOST: "127.0.0.1",
  SMTP_PORT: "0",
  SMTP_HOSTNAME: "smtp.test",
  HTTP_HOST: "127.0.0.1",
  HTTP_PORT: "0",
  SANDBOX_PORT: "0",
  TLS_RELOAD_INTERVAL: "100 ms",
  LOG_LEVEL: "ERROR",
  LOG_FORMAT: "json",
  CAKEMAIL_API_URL: "http://127.0.0.1:1",
  CAKEMAIL_CREATE_SENDERS: "true",
  SHUTDOWN_TIMEOUT: "5",
  TRUSTED_NETWORKS: "127.0.0.0/8, ::1/128"
}

export const testSettings: GatewaySettings = Effect.runSync(
  readGatewaySettings.pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(ENVIRONMENT)),
    Effect.provide(FileSystem.layerNoop({}))
  )
)

/** `testSettings` with some fields of some groups replaced. */
export const settingsWith = (overrides: Overrides): GatewaySettings => {
  const merged: Record<string, unknown> = { ...testSettings }
  for (const [group, value] of Object.entries(overrides)) {
    const current = merged[group]
    merged[group] = isRecord(current) && isRecord(value) ? { ...current, ...value } : value
  }
  return merged as unknown as GatewaySettings
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const configWith = (overrides: Overrides = {}): Layer.Layer<GatewayConfig> =>
  Layer.succeed(GatewayConfig, settingsWith(overrides))
