import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ConfigProvider, Console, Effect, Exit, Fiber, FileSystem, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import {
  ApiOutcomeUnknown,
  ApiRateLimited,
  AuthenticationFailed,
  SubmissionRejected,
  type SubmitError,
  TokenRejected
} from "../../src/domain/GatewayError.ts"
import type { Identity } from "../../src/domain/Identity.ts"
import { makeMailParser } from "../../src/layers/mime/MailParserLive.ts"
import {
  encodeLetter,
  makeLetterId,
  type StoredLetter,
  writeLetters
} from "../../src/layers/protection/deadLetterFiles.ts"
import { replay, type ReplayOptions } from "../../src/programs/replay.ts"
import { CakemailClient, type MessageToPrepare } from "../../src/services/CakemailClient.ts"
import { MailParser } from "../../src/services/MailParser.ts"

const USER = "user@example.com"
const RAW = Buffer.from("From: me@example.com\r\nSubject: Hello\r\n\r\nHello\r\n")

const storedLetter = (recipient: string, overrides: Partial<StoredLetter> = {}): StoredLetter => ({
  reference: "ref1",
  username: USER,
  account_id: 7,
  sender: "me@example.com",
  smtp_utf8: false,
  recipient,
  message_id: null,
  size: RAW.byteLength,
  error_type: "ApiFailed",
  reply: "451 4.3.0 Temporary failure, try again later",
  reason: null,
  client_address: "192.0.2.1",
  client_name: "client.example.com",
  protocol: "ESMTPSA",
  received_at: 1_000,
  ...overrides
})

type Submit = (recipient: string, token: string) => Effect.Effect<void, SubmitError>

/** A directory, an API that takes what `submit` lets through, and what both were told. */
const setUp = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const directory = yield* fileSystem.makeTempDirectoryScoped()
  const called: Array<string> = []
  const prepared: Array<MessageToPrepare> = []
  let logins = 0
  let time = 0

  const client = (submit: Submit) =>
    Layer.mock(CakemailClient, {
      login: ({ password, username }) =>
        Redacted.value(password) === "hunter2"
          ? Effect.sync((): Identity => ({
              username: username === "apikey" ? "token-0123456789abcdef" : username,
              accountId: 7,
              token: Redacted.make(`token-${++logins}`),
              expiresAt: undefined
            }))
          : Effect.fail(new AuthenticationFailed({ reason: "credentials" })),
      prepare: (_identity, message) =>
        Effect.sync(() => {
          prepared.push(message)
          return { bodyFor: () => [], sharedBytes: 0, query: "" }
        }),
      submit: ({ token }, _prepared, recipient) =>
        Effect.suspend(() => {
          called.push(recipient)
          return Effect.as(submit(recipient, Redacted.value(token)), { recipient, messageId: `api-${called.length}` })
        })
    })

  const run = (options: Partial<ReplayOptions> = {}, submit: Submit = () => Effect.void, password = "hunter2") =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const print = (line: unknown) => void lines.push(String(line))
      const exit = yield* replay({ directory, user: USER, file: undefined, retryUnknown: false, ...options }).pipe(
        Effect.provide([
          client(submit),
          Layer.succeed(MailParser, makeMailParser({ attachmentSizeLimit: 1_000_000 })),
          ConfigProvider.layer(ConfigProvider.fromEnvRecord({ REPLAY_PASSWORD: password }))
        ]),
        Effect.provideService(Console.Console, { ...globalThis.console, log: print, error: print }),
        Effect.exit
      )
      return { lines, succeeded: Exit.isSuccess(exit) }
    })

  return {
    directory,
    called,
    prepared,
    logins: () => logins,
    run,
    /** One message; ids sort in the order of the calls. */
    store: (...letters: ReadonlyArray<StoredLetter>) =>
      Effect.gen(function* () {
        const id = makeLetterId(time++)
        yield* writeLetters(fileSystem, directory, id, { raw: RAW, letters: letters.map(encodeLetter) })
        return id
      }).pipe(Effect.orDie),
    files: Effect.map(fileSystem.readDirectory(directory), (names) => names.toSorted()),
    fileSystem
  }
})

const withFiles = <A, E, R>(effect: Effect.Effect<A, E, R | FileSystem.FileSystem>) =>
  Effect.provide(effect, NodeFileSystem.layer)

describe("replay", () => {
  it.effect("sends each letter once, marks it, and says so", () =>
    Effect.gen(function* () {
      const { called, files, prepared, run, store } = yield* setUp
      const one = yield* store(storedLetter("a@example.com"), storedLetter("b@example.com"))
      const two = yield* store(storedLetter("c@example.com", { sender: "", smtp_utf8: true }))
      const { lines, succeeded } = yield* run()
      assert.isTrue(succeeded)
      assert.deepStrictEqual(lines, [
        `sent     ${one}.1  a@example.com: api-1`,
        `sent     ${one}.2  b@example.com: api-2`,
        `sent     ${two}.1  c@example.com: api-3`,
        "3 sent, 0 failed, 0 of unknown outcome, 0 skipped"
      ])
      assert.deepStrictEqual(yield* files, [
        `${one}.1.sent`,
        `${one}.2.sent`,
        `${one}.eml`,
        `${two}.1.sent`,
        `${two}.eml`
      ])
      assert.deepStrictEqual(prepared[2]?.envelope, { sender: "", recipients: ["c@example.com"], smtpUtf8: true })
      assert.isTrue(prepared[2]?.isReplay)
      assert.strictEqual(prepared[2]?.email.subject, "Hello")
      assert.deepStrictEqual(prepared[2]?.transit, {
        clientAddress: "192.0.2.1",
        clientName: "client.example.com",
        protocol: "ESMTPSA",
        receivedAt: 1_000
      })
      assert.deepStrictEqual((yield* run()).lines, ["0 sent, 0 failed, 0 of unknown outcome, 0 skipped"])
      assert.strictEqual(called.length, 3)
    }).pipe(withFiles)
  )

  it.effect("what was refused stays for another time, and the command fails", () =>
    Effect.gen(function* () {
      const { called, files, run, store } = yield* setUp
      const id = yield* store(storedLetter("a@example.com"), storedLetter("b@example.com"))
      const error = new SubmissionRejected({ subject: "recipient", reason: "no such\r\n\x1b[2Jmailbox", status: 422 })
      const refused = yield* run({}, (recipient) => (recipient === "a@example.com" ? Effect.fail(error) : Effect.void))
      assert.isFalse(refused.succeeded)
      assert.deepStrictEqual(refused.lines, [
        `failed   ${id}.1  a@example.com: 550 5.1.3 Message rejected: no such [2Jmailbox`,
        `sent     ${id}.2  b@example.com: api-2`,
        "1 sent, 1 failed, 0 of unknown outcome, 0 skipped"
      ])
      assert.deepStrictEqual(yield* files, [`${id}.1.json`, `${id}.2.sent`, `${id}.eml`])
      assert.isTrue((yield* run()).succeeded)
      assert.deepStrictEqual(called, ["a@example.com", "b@example.com", "a@example.com"])
    }).pipe(withFiles)
  )

  it.effect("a replay that is cut sends nothing twice, unless it is told to", () =>
    Effect.gen(function* () {
      const { called, files, run, store } = yield* setUp
      const id = yield* store(storedLetter("a@example.com"), storedLetter("b@example.com"))
      const cut = yield* Effect.forkChild(
        run({}, (recipient) => (recipient === "b@example.com" ? Effect.never : Effect.void))
      )
      while (called.length < 2) yield* turn
      assert.deepStrictEqual(yield* files, [`${id}.1.sent`, `${id}.2.sending`, `${id}.eml`])
      yield* Fiber.interrupt(cut)

      const again = yield* run()
      assert.isTrue(again.succeeded)
      assert.match(again.lines[0] ?? "", /^unknown {2}.*\.2 {2}.*--retry-unknown/)
      assert.strictEqual(again.lines[1], "0 sent, 0 failed, 1 of unknown outcome, 0 skipped")
      assert.strictEqual(called.length, 2)

      assert.isTrue((yield* run({ retryUnknown: true })).succeeded)
      assert.deepStrictEqual(called, ["a@example.com", "b@example.com", "b@example.com"])
      assert.deepStrictEqual(yield* files, [`${id}.1.sent`, `${id}.2.sent`, `${id}.eml`])
    }).pipe(withFiles)
  )

  it.effect("a call of unknown outcome is neither repeated nor forgotten", () =>
    Effect.gen(function* () {
      const { called, files, run, store } = yield* setUp
      const id = yield* store(storedLetter("a@example.com"))
      const failed = yield* run({}, () => Effect.fail(new ApiOutcomeUnknown({ kind: "timeout", cause: "10 s" })))
      assert.isFalse(failed.succeeded)
      assert.deepStrictEqual(yield* files, [`${id}.1.sending`, `${id}.eml`])
      assert.isTrue((yield* run()).succeeded)
      assert.deepStrictEqual(called, ["a@example.com"])
    }).pipe(withFiles)
  )

  it.effect("of two replays at the same time one sends each letter", () =>
    Effect.gen(function* () {
      const { called, run, store } = yield* setUp
      const recipients = ["a", "b", "c", "d", "e", "f"].map((name) => `${name}@example.com`)
      for (const recipient of recipients) yield* store(storedLetter(recipient))
      const both = yield* Effect.all([run({}, () => turn), run({}, () => turn)], { concurrency: 2 })
      assert.deepStrictEqual(called.toSorted(), recipients)
      for (const { succeeded } of both) assert.isTrue(succeeded, both.flatMap(({ lines }) => lines).join("\n"))
    }).pipe(withFiles)
  )

  it.effect("letters of others are left alone", () =>
    Effect.gen(function* () {
      const { called, files, run, store } = yield* setUp
      const one = yield* store(storedLetter("a@example.com", { username: "other@example.com" }))
      const two = yield* store(storedLetter("b@example.com", { account_id: 8 }))
      const { lines, succeeded } = yield* run()
      assert.isTrue(succeeded)
      assert.deepStrictEqual(lines, [
        `skipped  ${one}.1  belongs to other@example.com`,
        `skipped  ${two}.1  belongs to account 8`,
        "0 sent, 0 failed, 0 of unknown outcome, 2 skipped"
      ])
      assert.deepStrictEqual(called, [])
      assert.deepStrictEqual(yield* files, [`${one}.1.json`, `${one}.eml`, `${two}.1.json`, `${two}.eml`])
    }).pipe(withFiles)
  )

  it.effect("a token sends its own letters, and those of the token that it replaces when that is named", () =>
    Effect.gen(function* () {
      const { called, run, store } = yield* setUp
      yield* store(storedLetter("a@example.com", { username: "token-0123456789abcdef" }))
      yield* store(storedLetter("b@example.com", { username: "token-fedcba9876543210" }))
      yield* store(storedLetter("c@example.com", { username: "other@example.com" }))
      assert.isTrue((yield* run({ user: "apikey" })).succeeded)
      assert.deepStrictEqual(called, ["a@example.com"])
      assert.isTrue((yield* run({ user: "token-fedcba9876543210" })).succeeded)
      assert.deepStrictEqual(called, ["a@example.com", "b@example.com"])
    }).pipe(withFiles)
  )

  it.effect("one letter, or one message, can be chosen", () =>
    Effect.gen(function* () {
      const { called, directory, run, store } = yield* setUp
      const one = yield* store(storedLetter("a@example.com"), storedLetter("b@example.com"))
      yield* store(storedLetter("c@example.com"))
      yield* run({ file: `${directory}/${one}.2.json` })
      assert.deepStrictEqual(called, ["b@example.com"])
      yield* run({ file: `${one}.eml` })
      assert.deepStrictEqual(called, ["b@example.com", "a@example.com"])
      const none = yield* run({ file: `${one}.1` })
      assert.isFalse(none.succeeded)
      assert.deepStrictEqual(none.lines, [`there is no unsent letter ${one}.1`])
    }).pipe(withFiles)
  )

  it.effect("a token that ended is renewed, and a rate limit waited for, once", () =>
    Effect.gen(function* () {
      const { called, logins, run, store } = yield* setUp
      yield* store(storedLetter("a@example.com"))
      let limited = false
      const fiber = yield* Effect.forkChild(
        run({}, (_recipient, token) => {
          if (token === "token-1") return Effect.fail(new TokenRejected())
          if (limited) return Effect.void
          limited = true
          return Effect.fail(new ApiRateLimited({ retryAfter: 30 }))
        })
      )
      while (called.length < 2) yield* turn
      yield* TestClock.adjust("30 seconds")
      assert.isTrue((yield* Fiber.join(fiber)).succeeded)
      assert.strictEqual(called.length, 3)
      assert.strictEqual(logins(), 2)
    }).pipe(withFiles)
  )

  it.effect("damaged letters fail, and the others are sent", () =>
    Effect.gen(function* () {
      const { called, directory, fileSystem, files, run, store } = yield* setUp
      const ids = []
      for (const name of ["a", "b", "c", "d"]) ids.push(yield* store(storedLetter(`${name}@example.com`)))
      const [noRaw, cutRaw, noJson] = ids
      yield* fileSystem.remove(`${directory}/${noRaw}.eml`)
      yield* fileSystem.writeFileString(`${directory}/${cutRaw}.eml`, "From: ")
      yield* fileSystem.writeFileString(`${directory}/${noJson}.1.json`, "{")
      const { lines, succeeded } = yield* run()
      assert.isFalse(succeeded)
      assert.deepStrictEqual(lines.slice(0, 3), [
        `failed   ${noRaw}.1  ${noRaw}.eml cannot be read (NotFound)`,
        `failed   ${cutRaw}.1  ${cutRaw}.eml has 6 bytes, and had ${RAW.byteLength}`,
        `failed   ${noJson}.1  ${noJson}.1.json is no dead letter`
      ])
      assert.deepStrictEqual(called, ["d@example.com"])
      assert.include(yield* files, `${noRaw}.1.json`)
    }).pipe(withFiles)
  )

  it.effect("without a password, a login or a directory nothing is tried, and no password is printed", () =>
    Effect.gen(function* () {
      const { called, directory, run, store } = yield* setUp
      yield* store(storedLetter("a@example.com"))
      for (const [attempt, expected] of [
        [run({}, undefined, ""), "no password: give REPLAY_PASSWORD in the environment or .env"],
        [run({}, undefined, "swordfish"), `${USER} cannot log in: 535 5.7.8 Authentication failed`],
        [run({ directory: `${directory}/none` }), `${directory}/none cannot be read (NotFound)`]
      ] as const) {
        const { lines, succeeded } = yield* attempt
        assert.isFalse(succeeded)
        assert.deepStrictEqual(lines, [expected])
      }
      assert.deepStrictEqual(called, [])
    }).pipe(withFiles)
  )
})

/** One turn of the event loop: files are read and written in others. */
const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})
