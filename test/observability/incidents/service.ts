/** What happens to the gateway itself. */
import { assert } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Clock, Duration, Effect, Exit, FileSystem, Scope } from "effect"
import { MARKS, markedData, openScene, sendMarked, USER } from "../../kit/Scene.ts"
import { eventually } from "../../kit/SandboxKit.ts"
import { testSettings } from "../../kit/SettingsKit.ts"
import { makePair } from "../../programs/certificatePair.ts"
import type { Incident } from "./Incident.ts"

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped()).pipe(
  Effect.provide(NodeFileSystem.layer)
)

const told = (lines: ReadonlyArray<string>, event: string) =>
  eventually(Effect.sync(() => lines.some((line) => line.includes(`"event":"${event}"`))))

export const SERVICE: ReadonlyArray<Incident> = [
  {
    name: "a certificate that is not there, comes, and is replaced by a bad one",
    happens: Effect.fnUntraced(function* (evidence) {
      const files = yield* FileSystem.FileSystem
      const directory = yield* temporaryDirectory
      const certificatePath = `${directory}/tls.crt`
      const keyPath = `${directory}/tls.key`
      const scene = yield* openScene(evidence, {
        settings: { tls: { certificatePath, keyPath, reloadInterval: Duration.millis(50) } }
      })
      const wire = yield* scene.plain()
      yield* wire.reply
      yield* wire.ask("EHLO client.example.com")
      assert.strictEqual((yield* wire.ask("STARTTLS")).code, 454)
      yield* told(evidence.lines, "certificate_unusable")
      yield* scene.scrape
      const now = yield* Clock.currentTimeMillis
      const pair = yield* makePair({ from: now - 86_400_000, to: now + 20 * 86_400_000 })
      yield* files.writeFileString(keyPath, pair.key)
      yield* files.writeFileString(certificatePath, pair.certificate)
      yield* told(evidence.lines, "certificate_loaded")
      assert.strictEqual((yield* wire.ask("STARTTLS")).code, 220)
      yield* scene.scrape
    }, Effect.provide(NodeFileSystem.layer))
  },
  {
    name: "a defect",
    happens: Effect.fnUntraced(function* (evidence) {
      const thrown = [
        new Error(`${MARKS.defect}\n    at ${MARKS.defect}`, { cause: new Error(MARKS.defect) }),
        { password: MARKS.password, token: MARKS.personalToken, body: MARKS.text },
        MARKS.defect
      ]
      const scene = yield* openScene(evidence, {
        spoil: (settings) => ({
          ...settings,
          api: Object.defineProperty({ ...settings.api }, "trackOpens", {
            get: () => {
              throw thrown.shift()
            }
          })
        })
      })
      const wire = yield* scene.loggedIn()
      for (const _ of [1, 2, 3]) assert.match(yield* sendMarked(wire), /^451 4\.3\.0 /)
      yield* scene.scrape
    })
  },
  {
    name: "a collector of traces that refuses, and one that does not answer",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: { tracing: { queueSize: 4, batchSize: 2 } }
      })
      yield* scene.collector.be(500)
      const wire = yield* scene.loggedIn()
      assert.match(yield* sendMarked(wire), /^250 /)
      yield* told(evidence.lines, "spans_lost")
      yield* scene.collector.be("hang")
      for (const _ of [1, 2, 3]) assert.match(yield* sendMarked(wire), /^250 /)
      yield* scene.scrape
    })
  },
  {
    name: "memory that is taken",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: { limits: { ...testSettings.limits, messageBudget: 100_000 } }
      })
      const [greedy, other] = [yield* scene.loggedIn(), yield* scene.loggedIn()]
      yield* greedy.ask(`MAIL FROM:<${USER}>`)
      yield* greedy.ask("RCPT TO:<to@example.com>")
      yield* greedy.ask("DATA")
      yield* greedy.send(`Subject: x\r\n\r\n${`${"x".repeat(70)}\r\n`.repeat(1_250)}`)
      yield* other.ask(`MAIL FROM:<${USER}>`)
      yield* other.ask("RCPT TO:<to@example.com>")
      yield* eventually(
        Effect.map(other.ask("DATA"), ({ code }) => {
          if (code !== 354) return code === 452
          return false
        })
      )
      yield* scene.scrape
      yield* greedy.reset
      yield* eventually(Effect.map(other.ask("DATA"), ({ code }) => code === 354))
      yield* other.send(markedData())
      assert.match((yield* other.reply).raw, /^250 /)
      yield* told(evidence.lines, "message_budget_recovered")
      yield* scene.scrape
    })
  },
  {
    name: "dead letters, until there is no room, and a directory that is none",
    happens: Effect.fnUntraced(function* (evidence) {
      const files = yield* FileSystem.FileSystem
      const directory = yield* temporaryDirectory
      const old = `${directory}/20200101T000000000Z-0123456789abcdef`
      yield* files.writeFileString(`${old}.eml`, "old")
      yield* files.writeFileString(`${old}.1.json`, "{}")
      const deadLetters = { ...testSettings.deadLetters, directory, maxFiles: 4 }
      const scene = yield* openScene(evidence, { settings: { deadLetters, api: { contract: "gateway-v1" } } })
      yield* told(evidence.lines, "dead_letter_removed")
      const wire = yield* scene.loggedIn()
      yield* scene.sandbox.inject({ endpoint: "emails", what: "refuse", recipient: "bad@example.com" })
      const mail = { to: ["good@example.com", "bad@example.com"], headers: ["Message-ID: <letter@example.com>"] }
      for (const _ of [1, 2, 3]) assert.match(yield* sendMarked(wire, mail), /^250 /)
      yield* scene.scrape
      yield* scene.readLetters(directory)
      const file = `${directory}/file`
      yield* files.writeFileString(file, "")
      const broken = yield* openScene(evidence, {
        settings: { deadLetters: { ...deadLetters, directory: `${file}/letters` } }
      })
      yield* broken.sandbox.inject({ endpoint: "emails", what: "refuse", recipient: "bad@example.com" })
      assert.match(yield* sendMarked(yield* broken.loggedIn(), mail), /^250 /)
      yield* told(evidence.lines, "dead_letter_directory_unusable")
      yield* broken.scrape
    }, Effect.provide(NodeFileSystem.layer))
  },
  {
    name: "an end, with a message under way",
    happens: Effect.fnUntraced(function* (evidence) {
      const scope = yield* Scope.make()
      const scene = yield* Scope.provide(
        openScene(evidence, { settings: { shutdown: { delay: Duration.millis(200), timeout: Duration.millis(300) } } }),
        scope
      )
      const wire = yield* scene.loggedIn()
      yield* wire.ask(`MAIL FROM:<${USER}>`)
      yield* wire.ask("RCPT TO:<to@example.com>")
      yield* wire.ask("DATA")
      yield* wire.send(markedData().slice(0, 400))
      yield* Effect.forkScoped(eventually(Effect.as(scene.scrape, false)))
      yield* Scope.close(scope, Exit.void)
      assert.match((yield* wire.reply).raw, /^421 4\.3\.2 /)
      yield* told(evidence.lines, "shutdown_complete")
    })
  }
]
