/** The policy of certificates on a file system and a clock that the test moves. */
import { assert, describe, it } from "@effect/vitest"
import {
  ByteSize,
  Duration,
  Effect,
  Fiber,
  FileSystem,
  Latch,
  Layer,
  Option,
  Redacted,
  type Scope,
  Stream
} from "effect"
import { PlatformError, SystemError } from "effect/PlatformError"
import { TestClock } from "effect/testing"
import { X509Certificate } from "node:crypto"
import { TlsContextLive } from "../../../src/layers/tls/TlsContextLive.ts"
import { TlsContext } from "../../../src/services/TlsContext.ts"
import { makeAuthority } from "../../kit/CertificateAuthority.ts"
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

const aFile = (size: number, type: FileSystem.File.Type = "File"): FileSystem.File.Info => {
  const unknown = Option.none()
  return {
    type,
    size: ByteSize.bytes(size),
    mode: 0o644,
    dev: 1n,
    mtime: unknown,
    atime: unknown,
    birthtime: unknown,
    ino: unknown,
    nlink: unknown,
    uid: unknown,
    gid: unknown,
    rdev: unknown,
    blksize: unknown,
    blocks: unknown
  }
}

/** Built in the scope, over `files`, looking every 5 s; `stat` stands in for what the file system would say. */
const start = Effect.fnUntraced(function* (files: Map<string, string>, stat?: FileSystem.FileSystem["stat"]) {
  const log = makeLogRecorder()
  const contentOf = (path: string) =>
    Effect.suspend(() => {
      const content = files.get(path)
      return content === undefined
        ? Effect.fail(new PlatformError(new SystemError({ _tag: "NotFound", module: "FileSystem", method: "access" })))
        : Effect.succeed(content)
    })
  const fileSystem = FileSystem.layerNoop({
    stat: stat ?? ((path) => Effect.map(contentOf(path), (content) => aFile(content.length))),
    readFileString: contentOf
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
      /** Until two looks have found the same. */
      settle: TestClock.adjust("10 seconds"),
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

  it.effect("are taken anew when two looks, TLS_RELOAD_INTERVAL apart, have found the same", () =>
    Effect.gen(function* () {
      const old = yield* pairFor({ to: 10 * DAY })
      const renewed = yield* pairFor({ to: 90 * DAY })
      const files = filesWith(old)
      const { days, lookAgain, reloads, served } = yield* start(files)
      for (const [path, content] of filesWith(renewed)) files.set(path, content)
      yield* TestClock.adjust("9999 millis")
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
      const { changes, settle } = yield* start(files)
      const told = yield* changes.pipe(
        Stream.map(({ certificate }) => certificate),
        Stream.take(3),
        Stream.runCollect,
        Effect.forkScoped({ startImmediately: true })
      )
      for (const pair of pairs.slice(1)) {
        for (const [path, content] of filesWith(pair)) files.set(path, content)
        yield* settle
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
      const { served, settle } = yield* start(files)
      files.set(CERTIFICATE, sameKey.certificate)
      yield* settle
      assert.strictEqual(yield* served, sameKey.certificate)
      for (const [path, content] of filesWith(newKey)) files.set(path, content)
      yield* settle
      assert.strictEqual(yield* served, newKey.certificate)
    })
  )

  it.effect("that are missing at start are waited for", () =>
    Effect.gen(function* () {
      const pair = yield* pairFor()
      const files = filesWith()
      const { changes, current, days, problems, served, settle } = yield* start(files)
      assert.isUndefined(yield* current)
      assert.isNaN(days())
      assert.deepStrictEqual(problems(), [`${CERTIFICATE}: cannot be read (NotFound)`])
      const first = yield* changes.pipe(Stream.runHead, Effect.forkScoped({ startImmediately: true }))
      for (const [path, content] of filesWith(pair)) files.set(path, content)
      yield* settle
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

describe("a chain that is written in pieces", () => {
  const written = Effect.fnUntraced(function* (before: "leaf" | "chain", after: "leaf" | "chain") {
    const { issue } = yield* makeAuthority()
    const old = yield* issue("old.example.com")
    const renewed = yield* issue("new.example.com")
    const files = new Map([
      [CERTIFICATE, old[before]],
      [KEY, old.key]
    ])
    const running = yield* start(files)
    const write = (certificate: string) => {
      files.set(KEY, renewed.key)
      files.set(CERTIFICATE, certificate)
    }
    write(renewed[after])
    return { ...running, old, renewed, write }
  })

  /** Now, for the certificates of the authority are of today. */
  const run = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
    it.effect(name, () => Effect.andThen(TestClock.setTime(Date.now()), test))

  run(
    "is not served without its end",
    Effect.gen(function* () {
      const { log, old, renewed, served, settle, write } = yield* written("chain", "leaf")
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual(yield* served, old.chain)
      // Cut at every other place it is unusable, or the leaf alone.
      for (let cut = renewed.leaf.length + 1; cut < renewed.chain.length; cut += 40) {
        write(renewed.chain.slice(0, cut))
        yield* settle
        assert.strictEqual(yield* served, old.chain, `${cut}`)
      }
      write(renewed.chain)
      yield* settle
      assert.strictEqual(yield* served, renewed.chain)
      assert.strictEqual(log.find(({ event }) => event === "certificate_unfinished")?.level, "Warn")
    })
  )

  run(
    "is served when nothing has followed for a minute, and that is said once",
    Effect.gen(function* () {
      const { log, old, renewed, served } = yield* written("chain", "leaf")
      yield* TestClock.adjust("64 seconds")
      assert.strictEqual(yield* served, old.chain)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* served, renewed.leaf)
      assert.deepStrictEqual(
        log.map(({ event }) => event),
        ["certificate_loaded", "certificate_unfinished", "certificate_loaded"]
      )
    })
  )

  run(
    "is served at once in place of one that has expired",
    Effect.gen(function* () {
      yield* TestClock.adjust("100 days")
      const { renewed, served, settle } = yield* written("chain", "leaf")
      yield* settle
      assert.strictEqual(yield* served, renewed.leaf)
    })
  )

  for (const [before, after] of [
    ["leaf", "leaf"],
    ["leaf", "chain"],
    ["chain", "chain"]
  ] as const) {
    run(
      `is served after two looks where there is nothing to wait for: ${before}, then ${after}`,
      Effect.gen(function* () {
        const { old, renewed, served, lookAgain } = yield* written(before, after)
        yield* lookAgain
        assert.strictEqual(yield* served, old[before])
        yield* lookAgain
        assert.strictEqual(yield* served, renewed[after])
      })
    )
  }

  it.effect("is not served as long as each look finds another", () =>
    Effect.gen(function* () {
      const good = yield* pairFor()
      const files = filesWith(good)
      const { lookAgain, served, settle } = yield* start(files)
      const others = yield* Effect.all([pairFor(), pairFor()])
      for (let look = 0; look < 6; look++) {
        for (const [path, content] of filesWith(others[look % 2])) files.set(path, content)
        yield* lookAgain
        assert.strictEqual(yield* served, good.certificate)
      }
      yield* settle
      assert.strictEqual(yield* served, others[1].certificate)
    })
  )

  it.effect("is forgotten when the old one comes back", () =>
    Effect.gen(function* () {
      const [good, other] = yield* Effect.all([pairFor(), pairFor()])
      const files = filesWith(good)
      const { lookAgain, served } = yield* start(files)
      for (const pair of [other, good, other]) {
        for (const [path, content] of filesWith(pair)) files.set(path, content)
        yield* lookAgain
        assert.strictEqual(yield* served, good.certificate)
      }
    })
  )
})

describe("what is no file, or does not answer", () => {
  for (const type of ["FIFO", "Directory", "CharacterDevice"] as const) {
    it.effect(`is never opened: ${type}`, () =>
      Effect.gen(function* () {
        const good = yield* pairFor()
        const files = filesWith(good)
        let now: FileSystem.File.Type = "File"
        const { problems, served, settle } = yield* start(files, () => Effect.sync(() => aFile(100, now)))
        now = type
        const other = yield* pairFor()
        for (const [path, content] of filesWith(other)) files.set(path, content)
        yield* settle
        assert.strictEqual(yield* served, good.certificate)
        assert.deepStrictEqual(problems(), [`${CERTIFICATE}: is no file`])
        now = "File"
        yield* settle
        assert.strictEqual(yield* served, other.certificate)
      })
    )
  }

  it.effect("is asked one question at a time, given up after 5 s, and found again when it answers", () =>
    Effect.gen(function* () {
      const good = yield* pairFor()
      const files = filesWith(good)
      const answers = yield* Latch.make(true)
      let asked = 0
      const { problems, served, settle } = yield* start(files, () =>
        Effect.andThen(
          Effect.sync(() => asked++),
          Effect.as(answers.await, aFile(100))
        )
      )
      yield* answers.close
      const before = asked
      const other = yield* pairFor()
      for (const [path, content] of filesWith(other)) files.set(path, content)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(asked, before + 1)
      assert.deepStrictEqual(problems(), [`${CERTIFICATE}: cannot be read in time`])
      assert.strictEqual(yield* served, good.certificate)
      yield* answers.open
      yield* settle
      yield* settle
      assert.strictEqual(yield* served, other.certificate)
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
    [
      "a certificate file that is far too large",
      (files) => files.set(CERTIFICATE, "x".repeat(1024 * 1024 + 1)),
      `${CERTIFICATE}: is too large`
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
      const { files, good, problems, served, settle } = yield* spoil((each) => each.set(KEY, other.key))
      assert.strictEqual(yield* served, good.certificate)
      files.set(CERTIFICATE, other.certificate)
      yield* settle
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
