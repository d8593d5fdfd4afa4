/**
 * The one table of all settings. Docs, `--help`, decoding and problem reports are made from it: a new setting is an
 * entry here, its use in `GatewayConfigLive.ts`, its row in docs/configuration.md, and `npm run chart:settings`.
 */
import * as Formats from "./formats.ts"
import { optional, required, type Setting } from "./Setting.ts"
import * as TracingFormats from "./tracingFormats.ts"

const SMTP = "SMTP"
const LIMITS = "Limits"
const TLS = "TLS"
const HTTP = "Health and metrics"
const LOGS = "Logs"
const TRACES = "Traces"
const API = "Cakemail API"
const MAPPING = "From mail to API"
const LOGIN = "Login"
const DUPLICATES = "Duplicates"
const DEAD_LETTERS = "Dead letters"
const NETWORK = "Network"
const SHUTDOWN = "Shutdown"
const PROCESSES = "Processes"
const SANDBOX = "Sandbox"

export const settings = {
  smtpHost: required(
    SMTP,
    "SMTP_HOST",
    Formats.listenHost,
    "*",
    "Where SMTP listens. * serves IPv4 and, where the machine has it, IPv6."
  ),
  smtpPort: required(SMTP, "SMTP_PORT", Formats.port, "587", "Port for submission; clients must use STARTTLS."),
  smtpHostname: optional(
    SMTP,
    "SMTP_HOSTNAME",
    Formats.hostName,
    "the machine's host name",
    "Name in the greeting, in Received headers and in Message-IDs made for mails that have none."
  ),
  smtpsPort: optional(
    SMTP,
    "SMTPS_PORT",
    Formats.port,
    "off",
    "Port where TLS starts with the connection, usually 465."
  ),
  smtpExtraPorts: required(
    SMTP,
    "SMTP_EXTRA_PORTS",
    Formats.list(Formats.port, "ports"),
    "",
    "More ports that behave like SMTP_PORT, for example 25, 2525."
  ),
  replyReference: required(
    SMTP,
    "REPLY_REFERENCE",
    Formats.boolean,
    "true",
    "Ends the 250 reply with ref= and the short id under which the logs tell of the message."
  ),
  partialFailure: required(
    SMTP,
    "PARTIAL_FAILURE",
    Formats.choice(["accept", "defer"]),
    "accept",
    "Reply when some recipients were accepted and others may succeed later: accept says 250 and logs the others, defer says 451 so that the client tries again. defer loses no recipient and is recommended where clients keep the Message-ID, come back within DUPLICATE_WINDOW, and several processes share REDIS_URL: otherwise those who have the mail get it again."
  ),

  maxRecipients: required(
    LIMITS,
    "MAX_RECIPIENTS",
    Formats.wholeNumber(1, 10_000),
    "100",
    "Recipients of one message; the next one is refused with 452 4.5.3."
  ),
  messageSizeLimit: required(
    LIMITS,
    "MESSAGE_SIZE_LIMIT",
    Formats.size("1 KiB", "128 MiB"),
    "26214400",
    "Largest message as sent, attachments encoded; above it 552 5.3.4."
  ),
  attachmentSizeLimit: required(
    LIMITS,
    "ATTACHMENT_SIZE_LIMIT",
    Formats.size("1 KiB", "128 MiB"),
    "10485760",
    "Largest single attachment, decoded; above it 552 5.3.4. Values near MESSAGE_SIZE_LIMIT or above leave that limit alone to decide."
  ),
  maxConnections: required(
    LIMITS,
    "MAX_CONNECTIONS_PER_POD",
    Formats.wholeNumber(1, 100_000),
    "1000",
    "SMTP connections of this process at a time; one more is told 421 4.7.0."
  ),
  connectionTimeout: required(
    LIMITS,
    "CONNECTION_TIMEOUT",
    Formats.duration("1 second", "1 hour"),
    "300",
    "A connection without a command for so long is closed with 421 4.4.2."
  ),
  dataTimeout: required(
    LIMITS,
    "DATA_TIMEOUT",
    Formats.duration("1 second", "1 hour"),
    "600",
    "Time for the data of one message to arrive."
  ),
  minDataRate: required(
    LIMITS,
    "MIN_DATA_RATE",
    Formats.wholeNumber(0, 1_000_000),
    "500",
    "Bytes a second, over 30 seconds, below which the data of a message is given up with 421 4.4.2. 0 turns it off."
  ),
  maxConnectionsPerIp: required(
    LIMITS,
    "MAX_CONNECTIONS_PER_IP",
    Formats.wholeNumber(1, 100_000),
    "10",
    "Connections of one address at a time, IPv6 counted by /64; one more is told 421 4.7.0."
  ),
  rateLimitPerIp: required(
    LIMITS,
    "RATE_LIMIT_PER_IP",
    Formats.wholeNumber(1, 100_000),
    "100",
    "Mails from one address, IPv6 counted by /64, in any 60 seconds; the next one is told 451 4.7.1 and when to come back."
  ),
  rateLimitPerAccount: optional(
    LIMITS,
    "RATE_LIMIT_PER_ACCOUNT",
    Formats.wholeNumber(1, 100_000),
    "off",
    "Mails by one login in any 60 seconds, wherever they come from; the next one is told 451 4.7.1 and when to come back."
  ),
  authFailureLimit: required(
    LIMITS,
    "AUTH_FAILURE_LIMIT",
    Formats.wholeNumber(1, 100),
    "5",
    "Failed logins within AUTH_FAILURE_WINDOW that block an address, and that suspend a user name with 454 4.7.0 for AUTH_FAILURE_WINDOW. The same wrong password counts once."
  ),
  authFailureWindow: required(
    LIMITS,
    "AUTH_FAILURE_WINDOW",
    Formats.duration("1 second", "1 day"),
    "300",
    "How long a failed login counts."
  ),
  authBlockDuration: required(
    LIMITS,
    "AUTH_BLOCK_DURATION",
    Formats.duration("1 second", "7 days"),
    "3600",
    "How long a blocked address is told 421 4.7.0 when it connects."
  ),
  messageBudget: required(
    LIMITS,
    "MESSAGE_BUDGET",
    Formats.size("1 MiB", "64 GiB"),
    "384 MiB",
    "Bytes of all messages that this process holds, as they came and as they go to the API. Above 80 % of it new messages are told 452 4.3.1; allow at least three times MESSAGE_SIZE_LIMIT."
  ),

  tlsCertPath: optional(
    TLS,
    "TLS_CERT_PATH",
    Formats.path,
    "a self-signed certificate made at start",
    "PEM file with the certificate and its chain. Needs TLS_KEY_PATH."
  ),
  tlsKeyPath: optional(TLS, "TLS_KEY_PATH", Formats.path, "none", "PEM file with the private key of TLS_CERT_PATH."),
  tlsReloadInterval: required(
    TLS,
    "TLS_RELOAD_INTERVAL",
    Formats.duration("100 ms", "1 day"),
    "5",
    "How often the two files are looked at for a change."
  ),

  httpHost: required(
    HTTP,
    "HTTP_HOST",
    Formats.listenHost,
    "*",
    "Where the HTTP side with /health and /metrics listens; see SMTP_HOST."
  ),
  httpPort: required(HTTP, "HTTP_PORT", Formats.port, "8080", "Port for /health/live, /health/ready and /metrics."),

  logLevel: required(
    LOGS,
    "LOG_LEVEL",
    Formats.choice(["DEBUG", "INFO", "WARN", "ERROR"], { warning: "WARN" }),
    "INFO",
    "The least severe events that are logged. WARNING is understood as WARN."
  ),
  logFormat: required(
    LOGS,
    "LOG_FORMAT",
    Formats.choice(["json", "pretty", "auto"]),
    "auto",
    "json writes one JSON object a line, pretty is for people; auto takes pretty on a terminal and json elsewhere."
  ),
  logAddresses: required(
    LOGS,
    "LOG_ADDRESSES",
    Formats.choice(["full", "domain", "hash"]),
    "full",
    "How much of mail addresses and user names the log shows: all, ***@example.com, or a keyed hash such as addr_0f1e2d3c4b5a6978 that is the same for the same address."
  ),
  logAddressesKey: optional(
    LOGS,
    "LOG_ADDRESSES_KEY",
    Formats.key,
    "each process makes its own at start",
    "Key of the hashes of LOG_ADDRESSES=hash. Processes with the same key write the same hash for an address, also after a restart."
  ),

  otelSdkDisabled: required(
    TRACES,
    "OTEL_SDK_DISABLED",
    Formats.boolean,
    "false",
    "true turns tracing off, whatever else is set."
  ),
  otelTracesExporter: optional(
    TRACES,
    "OTEL_TRACES_EXPORTER",
    Formats.choice(["otlp", "none"]),
    "otlp if an endpoint is set",
    "none turns tracing off; otlp turns it on, without an endpoint to http://localhost:4318, or 4317 for gRPC."
  ),
  otlpEndpoint: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    TracingFormats.collectorUrl,
    "none",
    "Base address of the collector; spans go to /v1/traces below it, unless it is gRPC. Setting it turns tracing on."
  ),
  otlpTracesEndpoint: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    TracingFormats.collectorUrl,
    "none",
    "Whole address that spans go to, in place of the one above. Setting it turns tracing on."
  ),
  otlpProtocol: required(
    TRACES,
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    TracingFormats.otlpProtocol,
    "http/protobuf",
    "How the collector is spoken to; collectors usually listen for gRPC on port 4317, and for HTTP on 4318."
  ),
  otlpTracesProtocol: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    TracingFormats.otlpProtocol,
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "The same, for spans alone."
  ),
  otlpCompression: required(
    TRACES,
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    TracingFormats.compression,
    "none",
    "Whether spans are compressed on their way: less to send, more CPU."
  ),
  otlpTracesCompression: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    TracingFormats.compression,
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "The same, for spans alone."
  ),
  otlpHeaders: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_HEADERS",
    TracingFormats.headerValues,
    "none",
    "Headers of each call to the collector, such as its API key; values may be percent-encoded."
  ),
  otlpTracesHeaders: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    TracingFormats.headerValues,
    "none",
    "More of them, which win over those of the same name above."
  ),
  otlpTimeout: required(
    TRACES,
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    Formats.duration("1 ms", "5 minutes", "milliseconds"),
    "10000",
    "Time for one batch of spans to reach the collector, attempts after a failure included."
  ),
  otlpTracesTimeout: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    Formats.duration("1 ms", "5 minutes", "milliseconds"),
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "The same, for spans alone."
  ),
  otlpCertificate: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    Formats.path,
    "the authorities that Node.js trusts",
    "PEM file with the certificate authorities that the collector is checked by."
  ),
  otlpClientCertificate: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    Formats.path,
    "none",
    "PEM file with the certificate that the gateway shows to a collector that asks for one."
  ),
  otlpClientKey: optional(
    TRACES,
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    Formats.path,
    "none",
    "PEM file with the private key of that certificate."
  ),
  otelServiceName: optional(
    TRACES,
    "OTEL_SERVICE_NAME",
    TracingFormats.serviceName,
    "service.name of OTEL_RESOURCE_ATTRIBUTES, or cakemail-smtp-gateway",
    "Name that the spans go by."
  ),
  otelResourceAttributes: optional(
    TRACES,
    "OTEL_RESOURCE_ATTRIBUTES",
    TracingFormats.keyValues,
    "none",
    "What else is said of this process with its spans, such as deployment.environment.name=production; values may be percent-encoded."
  ),
  otelTracesSampler: required(
    TRACES,
    "OTEL_TRACES_SAMPLER",
    TracingFormats.sampler,
    "parentbased_always_on",
    "Which traces are kept. Those called parentbased keep the traces of mails whose sender keeps them, too; the others decide by themselves."
  ),
  otelTracesSamplerArg: required(
    TRACES,
    "OTEL_TRACES_SAMPLER_ARG",
    TracingFormats.ratio,
    "1",
    "Share of the traces that the samplers called traceidratio keep."
  ),
  otelBatchDelay: required(
    TRACES,
    "OTEL_BSP_SCHEDULE_DELAY",
    Formats.duration("1 ms", "1 hour", "milliseconds"),
    "5000",
    "How long spans wait for others to be sent with."
  ),
  otelBatchTimeout: required(
    TRACES,
    "OTEL_BSP_EXPORT_TIMEOUT",
    Formats.duration("1 ms", "5 minutes", "milliseconds"),
    "30000",
    "Time after which a batch is given up, should OTEL_EXPORTER_OTLP_TIMEOUT not have done so."
  ),
  otelQueueSize: required(
    TRACES,
    "OTEL_BSP_MAX_QUEUE_SIZE",
    Formats.wholeNumber(1, 1_000_000),
    "2048",
    "Spans that wait at most, about 2 KiB each; more are dropped and counted."
  ),
  otelBatchSize: required(
    TRACES,
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    Formats.wholeNumber(1, 100_000),
    "512",
    "Spans that are sent at a time, at most OTEL_BSP_MAX_QUEUE_SIZE."
  ),

  apiContract: required(
    API,
    "CAKEMAIL_API_CONTRACT",
    Formats.choice(["email-api-v2", "gateway-v1"]),
    "email-api-v2",
    "The HTTP contract that is spoken. email-api-v2 is the public Cakemail API."
  ),
  apiUrl: optional(
    API,
    "CAKEMAIL_API_URL",
    Formats.apiUrl,
    "https://api.cakemail.dev, with gateway-v1 https://api.cakemail.com",
    "Base address of the API. http:// is accepted for a loopback host only."
  ),
  apiTimeout: required(
    API,
    "API_TIMEOUT",
    Formats.duration("100 ms", "5 minutes"),
    "10",
    "Time for one call that submits a mail."
  ),
  submitDeadline: required(
    API,
    "SUBMIT_DEADLINE",
    Formats.duration("1 second", "9 minutes"),
    "30",
    "Time for all calls of one message, retries included; then 451 4.4.1. Clients wait ten minutes for the reply (RFC 5321 section 4.5.3.2.6)."
  ),
  apiMaxRetries: required(
    API,
    "API_MAX_RETRIES",
    Formats.wholeNumber(0, 10),
    "2",
    "Further calls after one that failed for a passing reason."
  ),
  apiPoolSize: required(
    API,
    "API_CONNECTION_POOL_SIZE",
    Formats.wholeNumber(1, 10_000),
    "100",
    "Connections to the API that are kept open at most."
  ),
  recipientConcurrency: required(
    API,
    "RECIPIENT_CONCURRENCY",
    Formats.wholeNumber(1, 1_000),
    "10",
    "Recipients of one message that are submitted at a time."
  ),
  apiCaPath: optional(
    API,
    "CAKEMAIL_CA_PATH",
    Formats.path,
    "the authorities that Node.js trusts",
    "PEM file with further certificate authorities to trust for the API and the proxy."
  ),
  circuitBreakerThreshold: required(
    API,
    "CIRCUIT_BREAKER_THRESHOLD",
    Formats.fraction,
    "0.5",
    "Share of failed calls within CIRCUIT_BREAKER_WINDOW at which the API is left alone: no calls, 451 4.3.2 at once. Answers below 500 are no failures."
  ),
  circuitBreakerWindow: required(
    API,
    "CIRCUIT_BREAKER_WINDOW",
    Formats.duration("1 second", "1 hour"),
    "60",
    "How far back calls count for CIRCUIT_BREAKER_THRESHOLD."
  ),
  circuitBreakerMinCalls: required(
    API,
    "CIRCUIT_BREAKER_MIN_CALLS",
    Formats.wholeNumber(1, 100_000),
    "10",
    "Calls within CIRCUIT_BREAKER_WINDOW below which CIRCUIT_BREAKER_THRESHOLD is not looked at."
  ),
  circuitBreakerOpen: required(
    API,
    "CIRCUIT_BREAKER_OPEN",
    Formats.duration("100 ms", "1 hour"),
    "300",
    "How long the API is left alone; then 3 calls at a time try it, and 3 successes end it."
  ),

  contentType: required(
    MAPPING,
    "CAKEMAIL_CONTENT_TYPE",
    Formats.choice(["transactional", "marketing"]),
    "transactional",
    "Kind of mail when no header of the message says it."
  ),
  listId: optional(
    MAPPING,
    "CAKEMAIL_LIST_ID",
    Formats.wholeNumber(1, 999_999_999_999),
    "none",
    "List that mails belong to when no header says it; many accounts need one."
  ),
  createSenders: required(
    MAPPING,
    "CAKEMAIL_CREATE_SENDERS",
    Formats.boolean,
    "false",
    "Creates a sender for a From address that the account does not know, at most 5 an account and day."
  ),
  trackOpens: required(
    MAPPING,
    "CAKEMAIL_TRACK_OPENS",
    Formats.boolean,
    "true",
    "Tracks opens when no header says otherwise."
  ),
  trackClicks: required(
    MAPPING,
    "CAKEMAIL_TRACK_CLICKS",
    Formats.boolean,
    "true",
    "Tracks clicks when no header says otherwise."
  ),
  unsupportedAttachments: required(
    MAPPING,
    "UNSUPPORTED_ATTACHMENTS",
    Formats.choice(["reject", "drop"]),
    "reject",
    "Attachments of a type that the API does not take: reject refuses the mail with 550 5.6.1, drop leaves them out with a warning in the log."
  ),
  inlineImages: required(
    MAPPING,
    "INLINE_IMAGES",
    Formats.choice(["attach", "data"]),
    "attach",
    "Inline images: attach makes attachments of PNG and JPEG, data puts images of up to 8 KiB into the HTML, which many mail readers strip."
  ),
  receivedClientIp: required(
    MAPPING,
    "RECEIVED_CLIENT_IP",
    Formats.boolean,
    "false",
    "Names the client's address in the Received header."
  ),
  migrationUnsupported: required(
    MAPPING,
    "MIGRATION_UNSUPPORTED",
    Formats.choice(["ignore", "reject"]),
    "ignore",
    "What headers of other services, such as X-SMTPAPI, ask for and Cakemail cannot do: ignore sends the mail without it and with a warning in the log, reject refuses the mail with 550 5.6.0 and names it."
  ),
  migrationMetadata: required(
    MAPPING,
    "MIGRATION_METADATA",
    Formats.choice(["headers", "drop"]),
    "headers",
    "Custom data in headers of other services, such as unique_args: headers makes X-Metadata headers of it, which recipients can see, drop leaves it out."
  ),

  authTimeout: required(
    LOGIN,
    "AUTH_TIMEOUT",
    Formats.duration("100 ms", "5 minutes"),
    "5",
    "Time for one call that checks a login."
  ),
  authCacheTtl: required(
    LOGIN,
    "AUTH_CACHE_TTL",
    Formats.duration("1 second", "1 day"),
    "900",
    "How long a good login is remembered, never past the life of its token."
  ),
  authCacheSize: required(
    LOGIN,
    "AUTH_CACHE_SIZE",
    Formats.wholeNumber(1, 1_000_000),
    "10000",
    "Logins that are remembered at most."
  ),

  duplicateWindow: required(
    DUPLICATES,
    "DUPLICATE_WINDOW",
    Formats.duration("1 second", "1 day"),
    "600",
    "A message that was accepted for a recipient is not sent again for so long: the same data with the same Message-ID, or the same idempotency key, from the same account gets the first 250 once more."
  ),
  duplicateCapacity: required(
    DUPLICATES,
    "DUPLICATE_CAPACITY",
    Formats.wholeNumber(1, 10_000_000),
    "100000",
    "Accepted recipients that one process remembers at most, about 350 bytes each; the oldest are forgotten first."
  ),
  redisUrl: optional(
    DUPLICATES,
    "REDIS_URL",
    Formats.redisUrl,
    "each process remembers for itself",
    "Redis, 6 or newer, through which processes share what they remember. It is told hashes and the ids that the API gave, nothing of a message."
  ),

  deadLetterDir: optional(
    DEAD_LETTERS,
    "DEAD_LETTER_DIR",
    Formats.directory,
    "dead letters are only logged",
    "Where messages are kept for recipients that failed behind a 250, for the command replay. They hold mail as it was sent."
  ),
  deadLetterMaxFiles: required(
    DEAD_LETTERS,
    "DEAD_LETTER_MAX_FILES",
    Formats.wholeNumber(2, 1_000_000),
    "10000",
    "Files kept at most, one for a message and one for each of its recipients; the oldest are removed first."
  ),
  deadLetterMaxBytes: required(
    DEAD_LETTERS,
    "DEAD_LETTER_MAX_BYTES",
    Formats.size("1 MiB", "1024 GiB"),
    "1073741824",
    "Bytes kept at most; the oldest files are removed first."
  ),
  deadLetterMaxAge: required(
    DEAD_LETTERS,
    "DEAD_LETTER_MAX_AGE",
    Formats.duration("1 minute", "3650 days"),
    "2592000",
    "Older files are removed."
  ),

  trustedNetworks: required(
    NETWORK,
    "TRUSTED_NETWORKS",
    Formats.list(Formats.network, "networks"),
    "",
    "Clients for which limits and blocks per address do not hold; those of the process do."
  ),
  proxyTrusted: required(
    NETWORK,
    "PROXY_TRUSTED",
    Formats.list(Formats.network, "networks"),
    "",
    "Load balancers that begin each SMTP connection with a PROXY protocol header, version 1 or 2; one that does not within 5 seconds is cut."
  ),
  httpsProxy: optional(
    NETWORK,
    "HTTPS_PROXY",
    Formats.proxyUrl,
    "none",
    "Proxy through which the API is called. May hold a user name and a password."
  ),
  noProxy: optional(
    NETWORK,
    "NO_PROXY",
    Formats.proxyExceptions,
    "none",
    "Hosts that are called without the proxy, in the usual notation."
  ),

  shutdownDelay: required(
    SHUTDOWN,
    "SHUTDOWN_DELAY",
    Formats.duration("0 seconds", "10 minutes"),
    "0",
    "After SIGTERM readiness is 503 for so long while connections are still served, so that load balancers look elsewhere."
  ),
  shutdownTimeout: required(
    SHUTDOWN,
    "SHUTDOWN_TIMEOUT",
    Formats.duration("0 seconds", "10 minutes"),
    "30",
    "Time for messages under way once the listeners are closed."
  ),

  workers: required(
    PROCESSES,
    "WORKERS",
    Formats.wholeNumberOrAuto(1, 128),
    "1",
    "Processes that share the SMTP ports, under one that listens and answers on HTTP_PORT; auto takes one for each CPU that the process may use. 1 is a single process that does it all."
  ),

  sandboxHost: required(
    SANDBOX,
    "SANDBOX_HOST",
    Formats.listenHost,
    "127.0.0.1",
    "Where the embedded Cakemail API of start and sandbox listens. It asks nobody for a password: keep it on loopback."
  ),
  sandboxPort: required(
    SANDBOX,
    "SANDBOX_PORT",
    Formats.port,
    "8025",
    "Port of the embedded Cakemail API, and of the inbox: the page and its REST API."
  ),
  sandboxAllowedHosts: required(
    SANDBOX,
    "SANDBOX_ALLOWED_HOSTS",
    Formats.list(Formats.hostName, "host names"),
    "",
    "Names by which the sandbox may be called, beside localhost, SANDBOX_HOST and addresses. By any other name requests are refused: a page from elsewhere could have made it point here."
  ),
  sandboxOpenInboxes: required(
    SANDBOX,
    "SANDBOX_OPEN_INBOXES",
    Formats.boolean,
    "true",
    "Any user name that starts with inbox- logs in, with any password, and has an inbox of its own."
  ),
  sandboxMaxMessages: required(
    SANDBOX,
    "SANDBOX_MAX_MESSAGES",
    Formats.wholeNumber(1, 1_000_000),
    "10000",
    "Captured mails that are kept at most; the oldest go first."
  ),
  sandboxMaxBytes: required(
    SANDBOX,
    "SANDBOX_MAX_BYTES",
    Formats.size("1 MiB", "64 GiB"),
    "256 MiB",
    "Bytes of captured mails that are kept at most; the oldest go first. A mail that is larger by itself is not kept."
  )
}

export const allSettings: ReadonlyArray<Setting<unknown>> = Object.values(settings)
