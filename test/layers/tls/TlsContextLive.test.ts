/** The policy of certificates on a file system and a clock that the test moves. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, FileSystem, Layer, Option, Redacted, Stream } from "effect"
import { PlatformError, SystemError } from "effect/PlatformError"
import { TestClock } from "effect/testing"
import { X509Certificate } from "node:crypto"
import { TlsContextLive } from "../../../src/layers/tls/TlsContextLive.ts"
import { TlsContext } from "../../../src/services/TlsContext.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { configWith } from "../../kit/SettingsKit.ts"
import { makePair, type PairOptions } from "../../programs/certificatePair.ts"

const DAY = 86_400_000

const CERTIFICATE = "/tls/tls.crt"
const KEY = "/tls/tls.key"

const pairFor = (options: Partial<PairOptions> = {}) => makePair({ from: -DAY, to: 60 * DAY, ...options })

type Pair = Effect.Success<ReturnType<typeof pairFor>>

/** The files, by path; what is not there is not found. */
const filesWith = (pair?: Pair): Map<string, string> =>
  new Map(
    pair === undefined
      ? []
      : [
          [CERTIFICATE, pair.certificate],
          [KEY, pair.key]
        ]
  )

/** Built in the scope, over `files`, looking every 5 s. */
const start = Effect.fnUntraced(function* (files: Map<string, string>) {
  const log = makeLogRecorder()
  const fileSystem = FileSystem.layerNoop({
    readFileString: (path) =>
      Effect.suspend(() => {
        const content = files.get(path)
        return content === undefined
          ? Effect.fail(
              new PlatformError(new SystemError({ _tag: "NotFound", module: "FileSystem", method: "readFile" }))
            )
          : Effect.succeed(content)
      })
  })
  const tls = { certificatePath: CERTIFICATE, keyPath: KEY, reloadInterval: Duration.seconds(5) }
  return yield* Effect.gen(function* () {
    const { changes, current } = yield* TlsContext
    const { value } = yield* MetricsRecorder
    return {
      current,
      changes,
      served: Effect.map(current, (certificate) => certificate?.certificate),
      /** Until the files have been looked at once more. */
      lookAgain: TestClock.adjust("5 seconds"),
      log: log.events,
      problems: () => log.events.filter(({ level }) => level === "Error").map(({ fields }) => fields["problem"]),
      days: () => value("tls_cert_expiry_days"),
      reloads: (result: string) => value("tls_cert_reloads_total", { result })
    }
  }).pipe(
    Effect.provide(
      yield* Layer.build(
        TlsContextLive.pipe(
          Layer.provideMerge(layerMetricsRecorder),
          Layer.provide([fileSystem, configWith({ tls }), log.layer])
        )
      )
    )
  )
})

describe("without certificate files", () => {
  const selfSigned = Effect.fnUntraced(function* () {
    const log = makeLogRecorder()
    const context = yield* Layer.build(
      TlsContextLive.pipe(
        Layer.provideMerge(layerMetricsRecorder),
        Layer.provide([FileSystem.layerNoop({}), configWith({ smtp: { hostname: "mail.example.com" } }), log.layer])
      )
    )
    return yield* Effect.gen(function* () {
      const certificate = yield* (yield* TlsContext).current
      assert.isDefined(certificate)
      return { certificate, log: log.events, days: (yield* MetricsRecorder).value("tls_cert_expiry_days") }
    }).pipe(Effect.provide(context))
  })

  it.effect("one is made for SMTP_HOSTNAME and this machine, and the operator is warned", () =>
    Effect.gen(function* () {
      const { certificate, days, log } = yield* selfSigned()
      const x509 = new X509Certificate(certificate.certificate)
      assert.strictEqual(certificate.source, "self-signed")
      assert.strictEqual(x509.checkHost("mail.example.com"), "mail.example.com")
      assert.strictEqual(x509.checkIP("127.0.0.1"), "127.0.0.1")
      assert.isTrue(x509.verify(x509.publicKey))
      assert.strictEqual(Math.round(days), 30)
      assert.deepStrictEqual(
        log.map(({ event, level }) => `${level} ${event}`),
        ["Warn certificate_self_signed"]
      )
    })
  )

  it.effect("each start makes another one, with a serial number of its own", () =>
    Effect.gen(function* () {
      const [one, other] = yield* Effect.all([selfSigned(), selfSigned()])
      assert.notStrictEqual(
        new X509Certificate(one.certificate.certificate).serialNumber,
        new X509Certificate(other.certificate.certificate).serialNumber
      )
    })
  )
})

describe("certificate files", () => {
  it.effect("are loaded at start, with the chain as it stands there", () =>
    Effect.gen(function* () {
      const pair = yield* pairFor()
      const issuer = yield* pairFor({ name: "issuer.example" })
      const files = filesWith(pair)
      files.set(CERTIFICATE, `${pair.certificate}\n${issuer.certificate}`)
      const { current, days, log, reloads } = yield* start(files)
      const certificate = yield* current
      assert.strictEqual(certificate?.certificate, `${pair.certificate}\n${issuer.certificate}`)
      assert.strictEqual(certificate?.source, CERTIFICATE)
      assert.strictEqual(certificate === undefined ? "" : Redacted.value(certificate.privateKey), pair.key)
      assert.strictEqual(days(), 60)
      assert.strictEqual(reloads("success"), 1)
      assert.deepStrictEqual(
        log.map(({ event, fields }) => [event, fields]),
        [["certificate_loaded", { source: CERTIFICATE, expires_at: new Date(60 * DAY).toISOString() }]]
      )
    })
  )

  it.effect("are taken anew when they change, no sooner than TLS_RELOAD_INTERVAL", () =>
    Effect.gen(function* () {
      const old = yield* pairFor({ to: 10 * DAY })
      const renewed = yield* pairFor({ to: 90 * DAY })
      const files = filesWith(old)
      const { days, lookAgain, reloads, served } = yield* start(files)
      for (const [path, content] of filesWith(renewed)) files.set(path, content)
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual(yield* served, old.certificate)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* served, renewed.certificate)
      assert.closeTo(days(), 90, 0.001)
      yield* lookAgain
      yield* lookAgain
      assert.strictEqual(reloads("success"), 2)
      assert.strictEqual(reloads("failure"), 0)
    })
  )

  it.effect("whoever listens is told of the certificate that is there and of each later one", () =>
    Effect.gen(function* () {
      const pairs = [yield* pairFor(), yield* pairFor(), yield* pairFor()]
      const files = filesWith(pairs[0])
      const { changes, lookAgain } = yield* start(files)
      const told = yield* changes.pipe(
        Stream.map(({ certificate }) => certificate),
        Stream.take(3),
        Stream.runCollect,
        Effect.forkScoped({ startImmediately: true })
      )
      for (const pair of pairs.slice(1)) {
        for (const [path, content] of filesWith(pair)) files.set(path, content)
        yield* lookAgain
      }
      assert.deepStrictEqual(
        [...(yield* Fiber.join(told))],
        pairs.map(({ certificate }) => certificate)
      )
    })
  )

  it.effect("may bring a new certificate for the same key, or a new key for the same name", () =>
    Effect.gen(function* () {
      const first = yield* pairFor()
      const sameKey = yield* pairFor({ keys: first.keys, to: 90 * DAY })
      const newKey = yield* pairFor({ to: 90 * DAY })
      assert.strictEqual(sameKey.key, first.key)
      const files = filesWith(first)
      const { lookAgain, served } = yield* start(files)
      files.set(CERTIFICATE, sameKey.certificate)
      yield* lookAgain
      assert.strictEqual(yield* served, sameKey.certificate)
      for (const [path, content] of filesWith(newKey)) files.set(path, content)
      yield* lookAgain
      assert.strictEqual(yield* served, newKey.certificate)
    })
  )

  it.effect("that are missing at start are waited for", () =>
    Effect.gen(function* () {
      const pair = yield* pairFor()
      const files = filesWith()
      const { changes, current, days, lookAgain, problems, served } = yield* start(files)
      assert.isUndefined(yield* current)
      assert.isNaN(days())
      assert.deepStrictEqual(problems(), [`${CERTIFICATE}: cannot be read (NotFound)`])
      const first = yield* changes.pipe(Stream.runHead, Effect.forkScoped({ startImmediately: true }))
      for (const [path, content] of filesWith(pair)) files.set(path, content)
      yield* lookAgain
      assert.strictEqual(yield* served, pair.certificate)
      assert.strictEqual(Option.getOrUndefined(yield* Fiber.join(first))?.certificate, pair.certificate)
    })
  )

  it.effect("that have expired are served all the same, and the metric says since when", () =>
    Effect.gen(function* () {
      const pair = yield* pairFor({ from: -30 * DAY, to: -2 * DAY })
      const { days, served } = yield* start(filesWith(pair))
      assert.strictEqual(yield* served, pair.certificate)
      assert.strictEqual(days(), -2)
      yield* TestClock.adjust("2 minutes")
      assert.closeTo(days(), -2 - 2 / 1_440, 1e-9)
    })
  )
})

describe("a pair of no use", () => {
  /** Starts with a good pair, spoils the files, and tells what is served and logged then. */
  const spoil = Effect.fnUntraced(function* (change: (files: Map<string, string>, other: Pair) => void) {
    const good = yield* pairFor()
    const files = filesWith(good)
    const running = yield* start(files)
    change(files, yield* pairFor())
    yield* running.lookAgain
    return { ...running, good, files }
  })

  const spoilt: ReadonlyArray<
    readonly [name: string, change: (files: Map<string, string>, other: Pair) => void, problem: string]
  > = [
    [
      "half written: the certificate is new, the key still old",
      (files, other) => files.set(CERTIFICATE, other.certificate),
      `${KEY}: is not the key of ${CERTIFICATE}`
    ],
    [
      "half written: the key is new, the certificate still old",
      (files, other) => files.set(KEY, other.key),
      `${KEY}: is not the key of ${CERTIFICATE}`
    ],
    [
      "a certificate that is cut off",
      (files, other) => files.set(CERTIFICATE, other.certificate.slice(0, 200)),
      `${CERTIFICATE}: is no PEM certificate`
    ],
    ["an empty certificate", (files) => files.set(CERTIFICATE, ""), `${CERTIFICATE}: is no PEM certificate`],
    [
      "a key that is cut off",
      (files) => files.set(KEY, (files.get(KEY) ?? "").slice(0, 90)),
      `${KEY}: is no PEM private key without a passphrase`
    ],
    [
      "a key that is garbage",
      (files) => files.set(KEY, "garbage"),
      `${KEY}: is no PEM private key without a passphrase`
    ],
    ["files that are gone", (files) => files.clear(), `${CERTIFICATE}: cannot be read (NotFound)`],
    ["a key that is gone", (files) => files.delete(KEY), `${KEY}: cannot be read (NotFound)`]
  ]
  for (const [name, change, problem] of spoilt) {
    it.effect(`${name}: the old pair stays, and it is said once`, () =>
      Effect.gen(function* () {
        const { good, lookAgain, problems, reloads, served } = yield* spoil(change)
        assert.strictEqual(yield* served, good.certificate)
        assert.deepStrictEqual(problems(), [problem])
        yield* lookAgain
        yield* lookAgain
        assert.deepStrictEqual(problems(), [problem])
        assert.strictEqual(reloads("failure"), 1)
        assert.strictEqual(reloads("success"), 1)
      })
    )
  }

  it.effect("is replaced as soon as both halves are there", () =>
    Effect.gen(function* () {
      const running = yield* start(filesWith())
      assert.isUndefined(yield* running.served)
      const other = yield* pairFor()
      const { files, good, lookAgain, problems, served } = yield* spoil((each) => each.set(KEY, other.key))
      assert.strictEqual(yield* served, good.certificate)
      files.set(CERTIFICATE, other.certificate)
      yield* lookAgain
      assert.strictEqual(yield* served, other.certificate)
      assert.strictEqual(problems().length, 1)
    })
  )

  it.effect("is told anew when the problem is another one, or comes back after a good pair", () =>
    Effect.gen(function* () {
      const { files, good, lookAgain, problems, reloads } = yield* spoil((each) => each.set(KEY, "garbage"))
      files.delete(KEY)
      yield* lookAgain
      files.set(KEY, good.key)
      yield* lookAgain
      files.set(KEY, "garbage")
      yield* lookAgain
      assert.deepStrictEqual(problems(), [
        `${KEY}: is no PEM private key without a passphrase`,
        `${KEY}: cannot be read (NotFound)`,
        `${KEY}: is no PEM private key without a passphrase`
      ])
      assert.strictEqual(reloads("failure"), 3)
    })
  )

  it.effect("never shows anything of a key", () =>
    Effect.gen(function* () {
      const { current, files, good, lookAgain, log } = yield* spoil((each) => each.delete(CERTIFICATE))
      const lines = good.key.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"))
      assert.isAbove(lines.length, 0)
      files.set(CERTIFICATE, good.key)
      yield* lookAgain
      files.set(KEY, good.key.slice(0, 100))
      yield* lookAgain
      const said = JSON.stringify([log, yield* current])
      for (const line of lines) assert.notInclude(said, line)
    })
  )
})
