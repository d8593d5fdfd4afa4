/**
 * A gateway to which something happens, and everything that it tells of it: log lines at DEBUG, metrics, replies, dead
 * letters. What its clients give it is marked, so that it is found again wherever it should not be.
 */
import { Duration, Effect, FileSystem, Redacted, type Scope } from "effect"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { SandboxAccount } from "../../src/services/Sandbox.ts"
import { type CollectedSpan, startCollector } from "./CollectorKit.ts"
import { startGateway } from "./GatewayKit.ts"
import { metricsText } from "./metricOf.ts"
import { testSettings } from "./SettingsKit.ts"
import { openSecureWire, openWire, type Wire, type WireOptions } from "./SmtpWire.ts"

/** Secrets and content, each to be recognised. */
export const MARKS = {
  password: "Quetzal-password-1",
  wrongPassword: "Quetzal-wrong-2",
  newPassword: "Quetzal-new-3",
  /** As SMTP password, and as user name too. */
  personalToken: `ck_pat_${"9e7a".repeat(10)}`,
  subject: "Quetzal-subject-4",
  text: "Quetzal-text-5",
  html: "Quetzal-html-6",
  attachment: "Quetzal-attachment-7",
  fileName: "Quetzal-file-8",
  defect: "Quetzal-defect-9",
  collectorKey: "Quetzal-collector-10"
} as const

export const USER = "demo@example.com"
export const SECOND_FACTOR_USER = "second.factor@example.com"

const ACCOUNTS: ReadonlyArray<SandboxAccount> = [
  {
    username: USER,
    password: Redacted.make(MARKS.password),
    accountIds: [1],
    personalAccessTokens: [Redacted.make(MARKS.personalToken)]
  },
  {
    username: SECOND_FACTOR_USER,
    password: Redacted.make(MARKS.password),
    accountIds: [2],
    secondFactor: 401
  }
]

/** What became known, in the order in which it did. */
export interface Evidence {
  readonly lines: Array<string>
  /** Texts of /metrics. */
  readonly scrapes: Array<string>
  /** All that a client was sent, a connection each. */
  readonly replies: Array<string>
  /** Dead letters without their messages: the JSON beside them. */
  readonly letters: Array<string>
  /** As a collector reads them, in JSON. */
  readonly spans: Array<string>
}

export const noEvidence = (): Evidence => ({ lines: [], scrapes: [], replies: [], letters: [], spans: [] })

type Options = NonNullable<Parameters<typeof startGateway>[0]>

export type Scene = Effect.Success<ReturnType<typeof openScene>>

/** In the scope. Limits are out of the way unless an incident sets them. */
export const openScene = Effect.fnUntraced(function* (evidence: Evidence, options: Options = {}) {
  const settings = options.settings ?? {}
  const collector = yield* startCollector
  // Runs when the gateway is gone and has sent its last spans.
  yield* Effect.addFinalizer(() => Effect.sync(() => void evidence.spans.push(...collector.spans.map(inJson))))
  const gateway = yield* startGateway({
    ...options,
    sandbox: { accounts: ACCOUNTS, ...options.sandbox },
    log: (chunk) => void evidence.lines.push(...chunk.split("\n").slice(0, -1)),
    settings: {
      ...settings,
      log: { ...testSettings.log, level: "DEBUG" },
      tracing: {
        ...testSettings.tracing,
        endpoint: `${collector.url}/v1/traces`,
        headers: Redacted.make({ "x-api-key": MARKS.collectorKey }),
        batchDelay: Duration.millis(1),
        ...settings.tracing
      },
      circuitBreaker: { ...testSettings.circuitBreaker, minimumCalls: 100_000, ...settings.circuitBreaker }
    }
  })

  const recorded = <E>(opening: Effect.Effect<Wire, E, Scope.Scope>) =>
    Effect.tap(opening, (wire) =>
      Effect.addFinalizer(() => Effect.map(wire.received, (text) => void evidence.replies.push(text)))
    )
  const secure = (wireOptions: WireOptions = {}) => recorded(openSecureWire(gateway.smtpPort, wireOptions))

  return {
    ...gateway,
    collector,
    /** Before TLS. */
    plain: (wireOptions: WireOptions = {}, port = gateway.smtpPort) => recorded(openWire(port, wireOptions)),
    secure,
    loggedIn: (wireOptions: WireOptions = {}) =>
      Effect.tap(secure(wireOptions), (wire) => wire.login(USER, MARKS.password)),
    /** One AUTH on a connection of its own. */
    tryLogin: (username: string, password: string, wireOptions: WireOptions = {}) =>
      Effect.scoped(
        Effect.flatMap(secure(wireOptions), (wire) => Effect.map(wire.login(username, password), ({ raw }) => raw))
      ),
    /** Looks at /metrics; nothing when nobody answers any more. */
    scrape: metricsText(gateway.httpUrl).pipe(
      Effect.map((text) => void evidence.scrapes.push(text)),
      Effect.catchDefect(() => Effect.void)
    ),
    /** Takes down the letters that lie there. */
    readLetters: (directory: string) =>
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        for (const name of yield* files.readDirectory(directory)) {
          if (!name.endsWith(".eml")) evidence.letters.push(yield* files.readFileString(`${directory}/${name}`))
        }
      }).pipe(Effect.provide(NodeFileSystem.layer))
  }
})

const inJson = (span: CollectedSpan): string =>
  JSON.stringify(span, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))

export interface MarkedMail {
  readonly to?: ReadonlyArray<string>
  readonly from?: string
  readonly headers?: ReadonlyArray<string>
  readonly fileType?: string
  /** Repeats the attachment. */
  readonly times?: number
}

/** A mail with marks in all its parts, to the dot that ends it. */
export const markedData = ({ fileType = "pdf", from = USER, headers = [], times = 1 }: MarkedMail = {}): string =>
  [
    `From: ${from}`,
    `Subject: ${MARKS.subject}`,
    ...headers,
    "MIME-Version: 1.0",
    "Content-Type: multipart/mixed; boundary=m",
    "",
    "--m",
    "Content-Type: multipart/alternative; boundary=a",
    "",
    "--a",
    "Content-Type: text/plain",
    "",
    MARKS.text,
    "--a",
    "Content-Type: text/html",
    "",
    `<p>${MARKS.html}</p>`,
    "--a--",
    "--m",
    `Content-Type: application/octet-stream; name="${MARKS.fileName}.${fileType}"`,
    "Content-Transfer-Encoding: base64",
    "",
    ...Array.from({ length: times }, () => Buffer.from(`${MARKS.attachment} `.repeat(3)).toString("base64")),
    "--m--",
    ".",
    ""
  ].join("\r\n")

/** From MAIL to the reply to the data. */
export const sendMarked = Effect.fnUntraced(function* (wire: Wire, mail: MarkedMail = {}) {
  yield* wire.ask(`MAIL FROM:<${mail.from ?? USER}>`)
  for (const recipient of mail.to ?? ["to@example.com"]) yield* wire.ask(`RCPT TO:<${recipient}>`)
  yield* wire.ask("DATA")
  yield* wire.send(markedData(mail))
  return (yield* wire.reply).raw
})
