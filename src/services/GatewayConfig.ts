import { Context, type Duration, type Redacted } from "effect"

/** A port that listens for SMTP, and whether TLS starts with the connection. */
export interface SmtpPort {
  readonly port: number
  readonly implicitTls: boolean
}

/**
 * Every setting of the gateway, decoded. Names, ranges and defaults: `layers/config/settings.ts` and
 * docs/configuration.md. Sizes are bytes.
 */
export interface GatewaySettings {
  /** Processes that serve SMTP. */
  readonly workers: number
  readonly smtp: {
    readonly host: string
    /** SMTP_PORT and SMTP_EXTRA_PORTS with STARTTLS, SMTPS_PORT with implicit TLS. */
    readonly ports: ReadonlyArray<SmtpPort>
    /** Named in the greeting, in made Message-IDs and in Received headers. */
    readonly hostname: string
    readonly maxRecipients: number
    readonly messageSizeLimit: number
    readonly attachmentSizeLimit: number
    readonly maxConnections: number
    readonly connectionTimeout: Duration.Duration
    readonly dataTimeout: Duration.Duration
    /** Bytes a second; 0 when slowness alone is no reason to close. */
    readonly minDataRate: number
    readonly showReference: boolean
    /** Load balancers whose PROXY header is believed and waited for. */
    readonly proxyTrusted: ReadonlyArray<string>
  }
  readonly tls: {
    readonly certificatePath: string | undefined
    readonly keyPath: string | undefined
    readonly reloadInterval: Duration.Duration
  }
  readonly http: { readonly host: string; readonly port: number }
  readonly log: {
    readonly level: "DEBUG" | "INFO" | "WARN" | "ERROR"
    readonly format: "json" | "pretty" | "auto"
    /** How much of mail addresses is shown. */
    readonly addresses: "full" | "domain" | "hash"
    /** For `hash`; `undefined` when each process makes its own. */
    readonly addressKey: Redacted.Redacted | undefined
  }
  /** The standard OTEL_* variables, as far as they are of use here. */
  readonly tracing: {
    /** Where spans are sent; `undefined` when tracing is off. */
    readonly endpoint: string | undefined
    readonly protocol: "http/protobuf" | "grpc"
    readonly compression: "none" | "gzip"
    /** Sent with them. */
    readonly headers: Redacted.Redacted<Readonly<Record<string, string>>>
    readonly timeout: Duration.Duration
    readonly caPath: string | undefined
    /** By which the gateway shows who it is; both or none. */
    readonly clientCertificatePath: string | undefined
    readonly clientKeyPath: string | undefined
    readonly serviceName: string
    readonly resourceAttributes: Readonly<Record<string, string>>
    readonly sampler:
      | "always_on"
      | "always_off"
      | "traceidratio"
      | "parentbased_always_on"
      | "parentbased_always_off"
      | "parentbased_traceidratio"
    /** 0..1, for the samplers that want one. */
    readonly sampledShare: number
    /** Spans. */
    readonly queueSize: number
    readonly batchSize: number
    readonly batchDelay: Duration.Duration
    readonly batchTimeout: Duration.Duration
  }
  readonly api: {
    readonly contract: "email-api-v2" | "gateway-v1"
    /** Without a slash at the end. */
    readonly url: string
    readonly contentType: "transactional" | "marketing"
    readonly listId: number | undefined
    readonly createSenders: boolean
    readonly trackOpens: boolean
    readonly trackClicks: boolean
    readonly unsupportedAttachments: "reject" | "drop"
    readonly inlineImages: "attach" | "data"
    readonly receivedClientIp: boolean
    /** What headers of other services ask for and Cakemail cannot do. */
    readonly migrationUnsupported: "ignore" | "reject"
    /** What becomes of custom data in such headers. */
    readonly migrationMetadata: "headers" | "drop"
    readonly timeout: Duration.Duration
    readonly authTimeout: Duration.Duration
    readonly submitDeadline: Duration.Duration
    readonly maxRetries: number
    readonly poolSize: number
    /** Calls at a time for the recipients of one message. */
    readonly recipientConcurrency: number
    readonly caPath: string | undefined
    readonly httpsProxy: Redacted.Redacted | undefined
    readonly noProxy: string | undefined
  }
  readonly limits: {
    readonly maxConnectionsPerAddress: number
    /** Mails in 60 s. */
    readonly ratePerAddress: number
    /** Mails in 60 s; `undefined` when accounts are not limited. */
    readonly ratePerAccount: number | undefined
    /** Distinct wrong passwords within `authFailureWindow` that block an address and suspend a user name. */
    readonly authFailureLimit: number
    readonly authFailureWindow: Duration.Duration
    /** Of an address; a user name is suspended for `authFailureWindow`. */
    readonly authBlockDuration: Duration.Duration
    readonly messageBudget: number
  }
  readonly circuitBreaker: {
    /** 0..1 of the calls. */
    readonly threshold: number
    readonly window: Duration.Duration
    readonly minimumCalls: number
    readonly openDuration: Duration.Duration
  }
  readonly authCache: {
    readonly timeToLive: Duration.Duration
    readonly capacity: number
  }
  readonly recentSubmissions: {
    /** Shares what is remembered between processes; may hold a password. */
    readonly redisUrl: Redacted.Redacted | undefined
    readonly window: Duration.Duration
    /** Receipts in the memory of this process. */
    readonly capacity: number
  }
  readonly deadLetters: {
    /** Without it dead letters are only logged. */
    readonly directory: string | undefined
    readonly maxFiles: number
    readonly maxBytes: number
    readonly maxAge: Duration.Duration
  }
  readonly shutdown: {
    /** After SIGTERM readiness is 503 for this long while connections are still served. */
    readonly delay: Duration.Duration
    /** For messages under way, once the listeners are closed. */
    readonly timeout: Duration.Duration
  }
  /** The embedded Cakemail API, for `start` and `sandbox`. */
  readonly sandbox: {
    readonly host: string
    readonly port: number
    /** Names by which it may be called, beside its own. */
    readonly allowedHosts: ReadonlyArray<string>
    /** Whether any user name that starts with `inbox-` may log in. */
    readonly openInboxes: boolean
    readonly maxMessages: number
    readonly maxBytes: number
  }
  readonly partialFailure: "accept" | "defer"
  readonly trustedNetworks: ReadonlyArray<string>
}

export class GatewayConfig extends Context.Service<GatewayConfig, GatewaySettings>()(
  "gateway/services/GatewayConfig"
) {}
