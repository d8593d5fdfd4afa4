/** Settings for tests: loopback, system-chosen ports, short times; override what a test is about. */
import { Duration, Layer } from "effect"
import { GatewayConfig, type GatewaySettings } from "../../src/services/GatewayConfig.ts"

type Overrides = {
  readonly [Group in keyof GatewaySettings]?: Partial<GatewaySettings[Group]> | GatewaySettings[Group]
}

export const testSettings: GatewaySettings = {
  smtp: {
    host: "127.0.0.1",
    ports: [{ port: 0, implicitTls: false }],
    hostname: "smtp.test",
    maxRecipients: 100,
    messageSizeLimit: 26_214_400,
    attachmentSizeLimit: 10_485_760,
    maxConnections: 1_000,
    connectionTimeout: Duration.minutes(5),
    dataTimeout: Duration.minutes(10),
    showReference: true,
    proxyTrusted: []
  },
  tls: { certificatePath: undefined, keyPath: undefined, reloadInterval: Duration.millis(100) },
  http: { host: "127.0.0.1", port: 0 },
  log: { level: "ERROR", format: "json" },
  api: {
    contract: "email-api-v2",
    url: "http://127.0.0.1:1",
    contentType: "transactional",
    listId: undefined,
    createSenders: true,
    trackOpens: true,
    trackClicks: true,
    unsupportedAttachments: "reject",
    inlineImages: "attach",
    receivedClientIp: false,
    timeout: Duration.seconds(10),
    authTimeout: Duration.seconds(5),
    submitDeadline: Duration.seconds(30),
    maxRetries: 2,
    poolSize: 100,
    recipientConcurrency: 10,
    caPath: undefined,
    httpsProxy: undefined,
    noProxy: undefined
  },
  limits: {
    maxConnectionsPerAddress: 10,
    ratePerAddress: 100,
    ratePerAccount: undefined,
    authFailureLimit: 5,
    authFailureWindow: Duration.minutes(5),
    authBlockDuration: Duration.hours(1),
    messageBudget: 402_653_184
  },
  circuitBreaker: {
    threshold: 0.5,
    window: Duration.minutes(1),
    minimumCalls: 10,
    openDuration: Duration.minutes(5)
  },
  authCache: { timeToLive: Duration.minutes(15), capacity: 10_000 },
  recentSubmissions: { redisUrl: undefined, window: Duration.minutes(10), capacity: 100_000 },
  deadLetters: { directory: undefined, maxFiles: 10_000, maxBytes: 1_073_741_824, maxAge: Duration.days(30) },
  shutdown: { delay: Duration.zero, timeout: Duration.seconds(5) },
  sandbox: { host: "127.0.0.1", port: 0 },
  partialFailure: "accept",
  trustedNetworks: ["127.0.0.0/8", "::1/128"]
}

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
