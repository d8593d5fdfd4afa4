import { availableParallelism, hostname, networkInterfaces } from "node:os"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Layer, Option } from "effect"
import { GatewayConfig, type GatewaySettings } from "../../services/GatewayConfig.ts"
import { type ConfigProblem, ConfigProblems, shown } from "./ConfigProblems.ts"
import { contradictions } from "./contradictions.ts"
import type { Setting } from "./Setting.ts"
import { allSettings, settings } from "./settings.ts"
import { readSetting } from "./source.ts"
import { tracingSettings } from "./tracingSettings.ts"

/** What the defaults of some settings depend on. */
interface Machine {
  readonly hostName: string
  readonly hasIpv6: boolean
  /** CPUs that this process may use. */
  readonly cpus: number
}

/** The settings that are given, by name, as a process of its own can read them, secrets and all. */
export const givenSettings: Effect.Effect<
  Readonly<Record<string, string>>,
  ConfigProblems,
  FileSystem.FileSystem
> = Effect.suspend(() => readTexts).pipe(
  Effect.flatMap(({ problems, texts }) =>
    problems.length === 0 ? Effect.succeed(Object.fromEntries(texts)) : Effect.fail(new ConfigProblems({ problems }))
  )
)

const readTexts = Effect.gen(function* () {
  const problems: Array<ConfigProblem> = []
  const texts = new Map<string, string>()
  for (const { name } of allSettings) {
    const text = yield* readSetting(name).pipe(
      Effect.catch((error) => {
        problems.push(...error.problems)
        return Effect.undefined
      })
    )
    if (text !== undefined) texts.set(name, text)
  }
  return { problems, texts }
})

/** Every setting from the current ConfigProvider. Fails with every mistake at once. */
export const readGatewaySettings: Effect.Effect<GatewaySettings, ConfigProblems, FileSystem.FileSystem> = Effect.gen(
  function* () {
    const { problems, texts } = yield* readTexts
    const machine = yield* Effect.sync(thisMachine)
    const gateway = decodeSettings(texts, problems, machine)
    // Unlike a certificate, which may come later, these files are needed from the first call on.
    const neededFiles = [
      [settings.apiCaPath.name, gateway.api.caPath],
      [settings.otlpCertificate.name, gateway.tracing.caPath],
      [settings.otlpClientCertificate.name, gateway.tracing.clientCertificatePath],
      [settings.otlpClientKey.name, gateway.tracing.clientKeyPath]
    ] as const
    for (const [name, path] of neededFiles) {
      if (path === undefined || (yield* isReadable(path))) continue
      problems.push({ name, given: shown(path, false), expected: "the path of a PEM file that can be read" })
    }
    return problems.length === 0 ? gateway : yield* new ConfigProblems({ problems })
  }
)

const isReadable = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fileSystem) =>
    Effect.match(fileSystem.readFileString(path), { onFailure: () => false, onSuccess: () => true })
  )

/** Reads the current ConfigProvider; see `environment` in `source.ts` for the usual one. */
export const GatewayConfigLive: Layer.Layer<GatewayConfig, ConfigProblems> = Layer.effect(
  GatewayConfig,
  readGatewaySettings
).pipe(Layer.provide(NodeFileSystem.layer))

/**
 * Decodes what was given and adds what is wrong to `problems`. A mistaken setting counts as unset from there on, so
 * that the others are still looked at; the result is of use only when `problems` stayed empty.
 */
const decodeSettings = (
  texts: ReadonlyMap<string, string>,
  problems: Array<ConfigProblem>,
  machine: Machine
): GatewaySettings => {
  const take = <A>(setting: Setting<A>): A => {
    const text = texts.get(setting.name)
    if (text === undefined) return setting.defaultValue
    const decoded = setting.decode(text)
    if (Option.isSome(decoded)) return decoded.value
    problems.push({ name: setting.name, given: shown(text, setting.secret), expected: setting.expected })
    return setting.defaultValue
  }
  const starHost = machine.hasIpv6 ? "::" : "0.0.0.0"
  const takeHost = (setting: Setting<string>): string => {
    const host = take(setting)
    return host === "*" ? starHost : host
  }

  const contract = take(settings.apiContract)
  const smtpsPort = take(settings.smtpsPort)
  const ports = [
    { name: settings.smtpPort.name, port: take(settings.smtpPort), implicitTls: false },
    ...take(settings.smtpExtraPorts).map((port) => ({ name: settings.smtpExtraPorts.name, port, implicitTls: false })),
    ...(smtpsPort === undefined ? [] : [{ name: settings.smtpsPort.name, port: smtpsPort, implicitTls: true }])
  ]
  const workers = take(settings.workers)
  const gateway: GatewaySettings = {
    workers: workers === "auto" ? machine.cpus : workers,
    smtp: {
      host: takeHost(settings.smtpHost),
      ports: ports.map(({ implicitTls, port }) => ({ implicitTls, port })),
      hostname: take(settings.smtpHostname) ?? machine.hostName,
      maxRecipients: take(settings.maxRecipients),
      messageSizeLimit: take(settings.messageSizeLimit),
      attachmentSizeLimit: take(settings.attachmentSizeLimit),
      maxConnections: take(settings.maxConnections),
      connectionTimeout: take(settings.connectionTimeout),
      dataTimeout: take(settings.dataTimeout),
      minDataRate: take(settings.minDataRate),
      showReference: take(settings.replyReference),
      proxyTrusted: take(settings.proxyTrusted)
    },
    tls: {
      certificatePath: take(settings.tlsCertPath),
      keyPath: take(settings.tlsKeyPath),
      reloadInterval: take(settings.tlsReloadInterval)
    },
    http: { host: takeHost(settings.httpHost), port: take(settings.httpPort) },
    log: {
      level: take(settings.logLevel),
      format: take(settings.logFormat),
      addresses: take(settings.logAddresses),
      addressKey: take(settings.logAddressesKey)
    },
    tracing: tracingSettings(take),
    api: {
      contract,
      url: take(settings.apiUrl) ?? API_URL[contract],
      contentType: take(settings.contentType),
      listId: take(settings.listId),
      createSenders: take(settings.createSenders),
      trackOpens: take(settings.trackOpens),
      trackClicks: take(settings.trackClicks),
      unsupportedAttachments: take(settings.unsupportedAttachments),
      inlineImages: take(settings.inlineImages),
      receivedClientIp: take(settings.receivedClientIp),
      migrationUnsupported: take(settings.migrationUnsupported),
      migrationMetadata: take(settings.migrationMetadata),
      timeout: take(settings.apiTimeout),
      authTimeout: take(settings.authTimeout),
      submitDeadline: take(settings.submitDeadline),
      maxRetries: take(settings.apiMaxRetries),
      poolSize: take(settings.apiPoolSize),
      recipientConcurrency: take(settings.recipientConcurrency),
      caPath: take(settings.apiCaPath),
      httpsProxy: take(settings.httpsProxy),
      noProxy: take(settings.noProxy)
    },
    limits: {
      maxConnectionsPerAddress: take(settings.maxConnectionsPerIp),
      ratePerAddress: take(settings.rateLimitPerIp),
      ratePerAccount: take(settings.rateLimitPerAccount),
      authFailureLimit: take(settings.authFailureLimit),
      authFailureWindow: take(settings.authFailureWindow),
      authBlockDuration: take(settings.authBlockDuration),
      messageBudget: take(settings.messageBudget)
    },
    circuitBreaker: {
      threshold: take(settings.circuitBreakerThreshold),
      window: take(settings.circuitBreakerWindow),
      minimumCalls: take(settings.circuitBreakerMinCalls),
      openDuration: take(settings.circuitBreakerOpen)
    },
    authCache: { timeToLive: take(settings.authCacheTtl), capacity: take(settings.authCacheSize) },
    recentSubmissions: {
      redisUrl: take(settings.redisUrl),
      window: take(settings.duplicateWindow),
      capacity: take(settings.duplicateCapacity)
    },
    deadLetters: {
      directory: take(settings.deadLetterDir),
      maxFiles: take(settings.deadLetterMaxFiles),
      maxBytes: take(settings.deadLetterMaxBytes),
      maxAge: take(settings.deadLetterMaxAge)
    },
    shutdown: { delay: take(settings.shutdownDelay), timeout: take(settings.shutdownTimeout) },
    sandbox: {
      host: takeHost(settings.sandboxHost),
      port: take(settings.sandboxPort),
      allowedHosts: take(settings.sandboxAllowedHosts),
      openInboxes: take(settings.sandboxOpenInboxes),
      maxMessages: take(settings.sandboxMaxMessages),
      maxBytes: take(settings.sandboxMaxBytes)
    },
    partialFailure: take(settings.partialFailure),
    trustedNetworks: take(settings.trustedNetworks)
  }
  // A mistake reported above makes others here that vanish with it.
  const mistaken = new Set(problems.map(({ name }) => name.replace(/_FILE$/, "")))
  for (const { between, problem } of contradictions(gateway, ports)) {
    if (!between.some((name) => mistaken.has(name))) problems.push(problem)
  }
  return gateway
}

const API_URL = {
  "email-api-v2": "https://api.cakemail.dev",
  "gateway-v1": "https://api.cakemail.com"
} as const

/** What WORKERS may be at most. */
const MOST_WORKERS = 128

const thisMachine = (): Machine => ({
  hostName: hostname() || "localhost",
  cpus: Math.min(availableParallelism(), MOST_WORKERS),
  hasIpv6: Object.values(networkInterfaces()).some(
    (addresses) => addresses?.some((address) => address.family === "IPv6") ?? false
  )
})
