import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Context, Duration, Effect, Exit, Fiber, FileSystem, Layer, PlatformError, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import { ApiFailed, SubmissionRejected } from "../../../src/domain/GatewayError.ts"
import { DeadLettersLive, MAX_WAITING_BYTES } from "../../../src/layers/protection/DeadLettersLive.ts"
import { decodeLetter } from "../../../src/layers/protection/deadLetterFiles.ts"
import { type DeadLetter, DeadLetters } from "../../../src/services/DeadLetters.ts"
import type { GatewaySettings } from "../../../src/services/GatewayConfig.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { eventually } from "../../kit/SandboxKit.ts"
import { configWith, testSettings } from "../../kit/SettingsKit.ts"

const RAW = "Subject: A secret subject\r\nMessage-ID: <1@example.com>\r\n\r\nA secret body\r\n"

const submission = (raw = RAW): DeadLetter["submission"] => ({
  envelope: { sender: "me@example.com", recipients: ["a@example.com", "b@example.com"], smtpUtf8: false },
  identity: { username: "user@example.com", accountId: 7, token: Redacted.make("a-token"), expiresAt: undefined },
  raw: Buffer.from(raw),
  reference: "ref1",
  transit: { clientAddress: "192.0.2.1", clientName: "client.example.com", protocol: "ESMTPSA", receivedAt: 1_000 }
})

const letter = (overrides: Partial<DeadLetter> = {}): DeadLetter => ({
  submission: submission(),
  messageId: "<1@example.com>",
  failures: [
    {
      recipient: "a@example.com",
      error: new SubmissionRejected({ subject: "recipient", reason: "no such mailbox", status: 422 })
    }
  ],
  hidden: true,
  ...overrides
})

/** The service over a directory of its own, and the ways to look at what it does. */
const start = (
  bounds: Partial<GatewaySettings["deadLetters"]> = {},
  fileSystemOf: (real: FileSystem.FileSystem) => FileSystem.FileSystem = (real) => real
) =>
  Effect.gen(function* () {
    const real = yield* FileSystem.FileSystem
    const directory = `${yield* real.makeTempDirectoryScoped()}/letters`
    const logs = makeLogRecorder()
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const context = yield* Layer.buildWithScope(
      Layer.fresh(DeadLettersLive).pipe(
        Layer.provideMerge(layerMetricsRecorder),
        Layer.provide([
          configWith({ deadLetters: { ...testSettings.deadLetters, directory, ...bounds } }),
          Layer.succeed(FileSystem.FileSystem, fileSystemOf(real)),
          logs.layer
        ])
      ),
      scope
    )
    const service = Context.get(context, DeadLetters)
    const metrics = Context.get(context, MetricsRecorder)
    return {
      real,
      directory,
      close: Scope.close(scope, Exit.void),
      /** What was logged under that name. */
      named: (name: string) => logs.events.filter(({ event }) => event === name),
      record: (letter: DeadLetter) => Effect.provide(service.record(letter), logs.layer),
      stored: (how: "yes" | "no" | "failed") => metrics.value("smtp_dead_letters_total", { stored: how }),
      files: Effect.map(real.readDirectory(directory), (names) => names.toSorted())
    }
  }).pipe(Effect.provide(NodeFileSystem.layer))

const diskFull = PlatformError.systemError({
  _tag: "Unknown",
  module: "FileSystem",
  method: "write",
  description: "ENOSPC"
})

/** A file system on which writing into files goes as `writeAll` has it. */
const writing =
  (writeAll: (content: Uint8Array) => Effect.Effect<void, PlatformError.PlatformError>) =>
  (real: FileSystem.FileSystem): FileSystem.FileSystem => ({
    ...real,
    open: (path, options) =>
      Effect.map(real.open(path, options), (file) =>
        options?.flag === "wx" ? Object.assign(Object.create(file), { writeAll }) : file
      )
  })

describe("DeadLettersLive", () => {
  it.effect("logs everything but the content, and keeps nothing of what the client was told", () =>
    Effect.gen(function* () {
      const { files, named, record, stored } = yield* start()
      yield* record(letter({ hidden: false }))
      assert.deepStrictEqual(named("dead_letter"), [
        {
          level: "Error",
          event: "dead_letter",
          fields: {
            reference: "ref1",
            account_id: 7,
            authenticated_user: "user@example.com",
            from_address: "me@example.com",
            recipient: "a@example.com",
            message_id: "<1@example.com>",
            message_size_bytes: RAW.length,
            error_type: "SubmissionRejected",
            reply: "550 5.1.3 Message rejected: no such mailbox",
            reason: "no such mailbox",
            received_at: "1970-01-01T00:00:01.000Z",
            hidden: false,
            letter: undefined
          }
        }
      ])
      assert.notMatch(JSON.stringify(named("dead_letter")), /secret|a-token/)
      assert.strictEqual(stored("no"), 1)
      yield* eventually(Effect.isSuccess(files))
      assert.deepStrictEqual(yield* files, [])
    })
  )

  it.effect("without a directory hidden failures are logged too", () =>
    Effect.gen(function* () {
      const { named, record, stored } = yield* start({ directory: undefined })
      yield* record(letter())
      assert.strictEqual(named("dead_letter").length, 1)
      assert.strictEqual(stored("no"), 1)
    })
  )

  it.effect("keeps one raw message, and a file for each of its hidden recipients", () =>
    Effect.gen(function* () {
      const { directory, files, named, real, record, stored } = yield* start()
      yield* TestClock.setTime(Date.UTC(2025, 10, 21, 8, 9, 10, 11))
      const [first] = letter().failures
      yield* record(
        letter({ failures: [first, { recipient: "b@example.com", error: new ApiFailed({ status: 500 }) }] })
      )
      const names = yield* files
      const id = names[0]?.split(".")[0] ?? ""
      assert.match(id, /^20251121T080910011Z-[0-9a-f]{16}$/)
      assert.deepStrictEqual(names, [`${id}.1.json`, `${id}.2.json`, `${id}.eml`])
      assert.strictEqual(yield* real.readFileString(`${directory}/${id}.eml`), RAW)
      assert.deepStrictEqual(yield* decodeLetter(yield* real.readFileString(`${directory}/${id}.2.json`)), {
        reference: "ref1",
        username: "user@example.com",
        account_id: 7,
        sender: "me@example.com",
        smtp_utf8: false,
        recipient: "b@example.com",
        message_id: "<1@example.com>",
        size: RAW.length,
        error_type: "ApiFailed",
        reply: "451 4.3.0 Temporary failure, try again later",
        reason: null,
        client_address: "192.0.2.1",
        client_name: "client.example.com",
        protocol: "ESMTPSA",
        received_at: 1_000
      })
      for (const name of names) {
        const info = yield* real.stat(`${directory}/${name}`)
        assert.strictEqual(info.mode & 0o777, 0o600, name)
        assert.notMatch(
          name.endsWith("eml") ? "" : yield* real.readFileString(`${directory}/${name}`),
          /secret|a-token/
        )
      }
      assert.strictEqual((yield* real.stat(directory)).mode & 0o777, 0o700)
      assert.deepStrictEqual(
        named("dead_letter").map(({ fields }) => [fields.recipient, fields.letter]),
        [
          ["a@example.com", id],
          ["b@example.com", id]
        ]
      )
      assert.strictEqual(stored("yes"), 2)
    })
  )

  it.effect("a directory that cannot be written is said, and costs nothing else", () =>
    Effect.gen(function* () {
      const real = yield* FileSystem.FileSystem
      const file = yield* real.makeTempFileScoped()
      const { named, record, stored } = yield* start({ directory: `${file}/letters` })
      yield* record(letter())
      yield* record(letter())
      assert.strictEqual(stored("failed"), 2)
      assert.strictEqual(stored("yes"), 0)
      assert.strictEqual(named("dead_letter_not_stored").length, 2)
      yield* TestClock.adjust("10 minutes")
      yield* eventually(Effect.sync(() => named("dead_letter_directory_unusable").length === 1))
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect("a disk that is full in the middle leaves no half letter behind", () =>
    Effect.gen(function* () {
      let writes = 0
      const { files, named, record, stored } = yield* start(
        {},
        writing(() => (++writes < 2 ? Effect.void : Effect.fail(diskFull)))
      )
      yield* record(letter())
      assert.strictEqual(writes, 2)
      assert.deepStrictEqual(yield* files, [])
      assert.strictEqual(stored("failed"), 1)
      assert.match(String(named("dead_letter_not_stored")[0]?.fields.cause), /ENOSPC/)
    })
  )

  it.effect("a disk that hangs is waited for two seconds, and does not fill the memory", () =>
    Effect.gen(function* () {
      const { close, record, stored } = yield* start(
        {},
        writing(() => Effect.never)
      )
      const large = letter({ submission: submission("x".repeat(MAX_WAITING_BYTES / 2)) })
      for (let turn = 0; turn < 2; turn++) {
        const fiber = yield* Effect.forkChild(record(large), { startImmediately: true })
        yield* TestClock.adjust("1999 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(fiber)
      }
      assert.strictEqual(stored("failed"), 0)
      yield* record(letter())
      assert.strictEqual(stored("failed"), 1)
      // The end of the process waits as long.
      const closing = yield* Effect.forkChild(close, { startImmediately: true })
      yield* TestClock.adjust("1999 millis")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(closing)
    })
  )

  it.effect("past the number of files the oldest go, which is logged", () =>
    Effect.gen(function* () {
      const { files, named, record } = yield* start({ maxFiles: 6 })
      for (let turn = 0; turn < 4; turn++) {
        yield* record(letter())
        assert.isAtMost((yield* files).length, 6)
        yield* TestClock.adjust("1 second")
      }
      const ids = new Set((yield* files).map((name) => name.split(".")[0]))
      const recorded = named("dead_letter").map(({ fields }) => fields.letter)
      assert.deepStrictEqual([...ids], recorded.slice(2))
      assert.deepStrictEqual(
        named("dead_letter_removed").map(({ fields }) => fields),
        [
          { letter: recorded[0], reason: "room", unsent_recipients: 1 },
          { letter: recorded[1], reason: "room", unsent_recipients: 1 }
        ]
      )
    })
  )

  it.effect("past the bytes the oldest go; what alone is more is not stored", () =>
    Effect.gen(function* () {
      const { files, record, stored } = yield* start({ maxBytes: 4_000 })
      const two = letter({ submission: submission("x".repeat(2_000)) })
      yield* record(two)
      yield* record(two)
      assert.strictEqual((yield* files).length, 2)
      assert.strictEqual(stored("yes"), 2)
      yield* record(letter({ submission: submission("x".repeat(5_000)) }))
      assert.strictEqual(stored("failed"), 1)
      assert.strictEqual((yield* files).length, 2)
    })
  )

  it.effect("what was sent again goes before what was not", () =>
    Effect.gen(function* () {
      const { directory, files, named, real, record } = yield* start({ maxFiles: 20 })
      for (let turn = 0; turn < 10; turn++) {
        yield* record(letter())
        yield* TestClock.adjust("1 second")
      }
      const recorded = named("dead_letter").map(({ fields }) => String(fields.letter))
      const sent = recorded.slice(6, 8)
      for (const id of sent) yield* real.rename(`${directory}/${id}.1.json`, `${directory}/${id}.1.sent`)
      yield* record(letter())
      const left = new Set((yield* files).map((name) => name.split(".")[0] ?? ""))
      assert.deepStrictEqual(
        recorded.filter((id) => !left.has(id)),
        sent
      )
    })
  )

  it.effect("letters grow too old, and other files are nobody's business", () =>
    Effect.gen(function* () {
      const { directory, files, named, real, record } = yield* start({ maxAge: Duration.hours(1), maxFiles: 2 })
      yield* record(letter())
      yield* real.writeFileString(`${directory}/notes.txt`, "mine")
      yield* real.writeFileString(`${directory}/report.1.json`, "mine")
      yield* TestClock.adjust("59 minutes")
      yield* record(
        letter({ failures: [{ recipient: "a@example.com", error: new ApiFailed({ status: 500 }) }], hidden: false })
      )
      assert.strictEqual((yield* files).length, 4)
      yield* TestClock.adjust("2 minutes")
      yield* eventually(Effect.sync(() => named("dead_letter_removed").length === 1))
      assert.deepStrictEqual(yield* files, ["notes.txt", "report.1.json"])
      assert.strictEqual(named("dead_letter_removed")[0]?.fields.reason, "age")
    })
  )
})
