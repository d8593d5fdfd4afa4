/** Mail that comes again: the client lost the reply, was told to, or was hidden a failure from. Nothing lost, nothing doubled. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ConfigProvider, Console, Effect, Exit, FileSystem, Layer } from "effect"
import { CakemailClientLive } from "../../src/layers/cakemail/CakemailClientLive.ts"
import { MailParserLive } from "../../src/layers/mime/MailParserLive.ts"
import { MetricsPrometheus } from "../../src/layers/telemetry/MetricsPrometheus.ts"
import { replay } from "../../src/programs/replay.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { beginMail, mailData, sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { configWith, testSettings } from "../kit/SettingsKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"

const MAIL = { messageId: "<1@example.com>" }

const idOf = (reply: string) => /delivery: (\S+)/.exec(reply)?.[1] ?? reply

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  const settings = { api: { contract } }

  describe.concurrent(`a mail that comes again, by ${contract}`, () => {
    it.live("because the reply was lost on its way gets the same reply, and is not sent again", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, smtpPort } = yield* startGateway({ settings })
          const wire = yield* openLoggedInWire(smtpPort)
          const first = yield* sendMail(wire, MAIL)
          yield* wire.reset
          const again = yield* openLoggedInWire(smtpPort)
          const second = yield* sendMail(again, MAIL)
          const [captured, ...others] = yield* sandbox.captured
          assert.strictEqual(others.length, 0)
          assert.strictEqual(idOf(first), captured?.id)
          assert.strictEqual(idOf(second), captured?.id)
          assert.strictEqual(yield* sandbox.callsOf("emails"), 1)
        })
      )
    )

    it.live("while the first is at the API waits for its outcome", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { httpUrl, sandbox, smtpPort } = yield* startGateway({ settings })
          yield* sandbox.inject({ endpoint: "emails", what: "latency", latency: 1_000 })
          const wire = yield* openLoggedInWire(smtpPort)
          yield* beginMail(wire, MAIL)
          yield* wire.send(mailData(MAIL))
          yield* eventually(Effect.map(sandbox.callsOf("emails"), (calls) => calls === 1))
          yield* wire.reset
          const reply = yield* sendMail(yield* openLoggedInWire(smtpPort), MAIL)
          const [captured, ...others] = yield* sandbox.captured
          assert.strictEqual(others.length, 0)
          assert.strictEqual(idOf(reply), captured?.id)
          assert.strictEqual(yield* sandbox.callsOf("emails"), 1)
          assert.strictEqual(yield* metricOf(httpUrl, 'smtp_duplicates_total{first="under_way"}'), 1)
        })
      )
    )

    it.live("on eight connections at a time is one call", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, smtpPort } = yield* startGateway({ settings })
          const wires = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () => openLoggedInWire(smtpPort))
          yield* sandbox.inject({ endpoint: "emails", what: "latency", latency: 300 })
          const replies = yield* Effect.forEach(wires, (wire) => sendMail(wire, MAIL), { concurrency: "unbounded" })
          const [captured, ...others] = yield* sandbox.captured
          assert.strictEqual(others.length, 0)
          assert.deepStrictEqual(new Set(replies.map(idOf)), new Set([captured?.id]))
          assert.strictEqual(yield* sandbox.callsOf("emails"), 1)
        })
      )
    )

    it.live("without a Message-ID, or with other data, is another mail", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, smtpPort } = yield* startGateway({ settings })
          const wire = yield* openLoggedInWire(smtpPort)
          for (const mail of [{}, {}, MAIL, { ...MAIL, text: "Corrected." }, { ...MAIL, to: ["else@example.com"] }]) {
            assert.match(yield* sendMail(wire, mail), /^250 /)
          }
          assert.strictEqual((yield* sandbox.captured).length, 5)
          assert.strictEqual(yield* sandbox.callsOf("emails"), 5)
        })
      )
    )

    it.live("after a failure is a new attempt, also for who waited for the failed one", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, smtpPort } = yield* startGateway({ settings })
          const wires = yield* Effect.forEach([1, 2], () => openLoggedInWire(smtpPort))
          yield* sandbox.inject({ endpoint: "emails", what: "rate-limit", latency: 300 })
          const replies = yield* Effect.forEach(wires, (wire) => sendMail(wire, MAIL), { concurrency: "unbounded" })
          for (const reply of replies) assert.match(reply, /^451 4\.7\.1 /)
          yield* sandbox.inject()
          for (const wire of wires) assert.match(yield* sendMail(wire, MAIL), /^250 /)
          assert.strictEqual((yield* sandbox.captured).length, 1)
        })
      )
    )

    it.live("because PARTIAL_FAILURE=defer asked for it goes to the recipients that are left", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, smtpPort } = yield* startGateway({ settings: { ...settings, partialFailure: "defer" } })
          const wire = yield* openLoggedInWire(smtpPort)
          const mail = { ...MAIL, to: ["a@example.com", "b@example.com", "c@example.com", "d@example.com"] }
          yield* sandbox.inject(
            { endpoint: "emails", what: "rate-limit", retryAfter: 9, recipient: "b@example.com" },
            { endpoint: "emails", what: "refuse", recipient: "d@example.com" }
          )
          assert.strictEqual(yield* sendMail(wire, mail), "451 4.7.1 Rate limit exceeded, retry after 9s")
          assert.strictEqual((yield* sandbox.captured).length, 2)
          yield* sandbox.inject({ endpoint: "emails", what: "refuse", recipient: "d@example.com" })
          yield* sandbox.sandbox.calls.reset
          assert.match(yield* sendMail(wire, mail), /^250 2\.0\.0 .* \(\+2 more\)/)
          const reached = (yield* sandbox.captured).map(({ recipient }) => recipient.address)
          assert.deepStrictEqual(reached.toSorted(), ["a@example.com", "b@example.com", "c@example.com"])
          // The one that was left, and the one that is refused anew.
          assert.strictEqual(yield* sandbox.callsOf("emails"), 2)
        })
      )
    )

    it.live("from the dead letters goes to the recipient that a 250 hid, once", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const files = yield* FileSystem.FileSystem
          const directory = yield* files.makeTempDirectoryScoped()
          const { sandbox, smtpPort } = yield* startGateway({
            settings: { ...settings, deadLetters: { ...testSettings.deadLetters, directory } }
          })
          yield* sandbox.inject({ endpoint: "emails", what: "refuse", recipient: "b@example.com", reason: "Full" })
          const wire = yield* openLoggedInWire(smtpPort)
          const mail = { ...MAIL, to: ["a@example.com", "b@example.com", "c@example.com"] }
          assert.match(yield* sendMail(wire, mail), /^250 .*\(\+1 more\)/)
          const names = (yield* files.readDirectory(directory)).toSorted()
          assert.deepStrictEqual(
            names.map((name) => name.replace(/^[^.]+/, "")),
            [".1.json", ".eml"]
          )
          assert.strictEqual(
            yield* files.readFileString(`${directory}/${names[1]}`),
            mailData(mail).replace(/\.\r\n$/, "")
          )
          const letter = yield* files.readFileString(`${directory}/${names[0]}`)
          assert.include(letter, "b@example.com")
          assert.notInclude(letter, '"demo"')

          const replayed = runReplay({ directory, contract, url: sandbox.url })
          // As long as the API refuses it, the letter stays.
          assert.isFalse((yield* replayed).succeeded)
          assert.strictEqual((yield* sandbox.captured).length, 2)
          yield* sandbox.inject()
          const { lines, succeeded } = yield* replayed
          assert.isTrue(succeeded, lines.join("\n"))
          assert.match(lines[0] ?? "", /^sent .* b@example\.com: /)
          assert.strictEqual((yield* sandbox.captured).length, 3)
          assert.strictEqual((yield* sandbox.captured)[2]?.recipient.address, "b@example.com")
          const calls = yield* sandbox.callsOf("emails")
          const again = yield* replayed
          assert.deepStrictEqual(again.lines, ["0 sent, 0 failed, 0 of unknown outcome, 0 skipped"])
          assert.strictEqual(yield* sandbox.callsOf("emails"), calls)
          assert.strictEqual((yield* sandbox.captured).length, 3)
        })
      ).pipe(Effect.provide(NodeFileSystem.layer))
    )
  })
}

const runReplay = ({
  contract,
  directory,
  url
}: {
  readonly contract: "email-api-v2" | "gateway-v1"
  readonly directory: string
  readonly url: string
}) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const print = (line: unknown) => void lines.push(String(line))
    const services = Layer.mergeAll(CakemailClientLive, MailParserLive).pipe(
      Layer.provide(MetricsPrometheus),
      Layer.provide(configWith({ api: { contract, url } }))
    )
    return replay({ directory, user: "demo@example.com", file: undefined, retryUnknown: false }).pipe(
      Effect.provide([services, ConfigProvider.layer(ConfigProvider.fromEnvRecord({ REPLAY_PASSWORD: "demo" }))]),
      Effect.provideService(Console.Console, { ...globalThis.console, log: print, error: print }),
      Effect.exit,
      Effect.map((exit) => ({ lines, succeeded: Exit.isSuccess(exit) }))
    )
  })
