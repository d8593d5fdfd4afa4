/** Certificates are replaced while clients come and go, in every way that files are replaced. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, FileSystem } from "effect"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { connect } from "node:tls"
import { startGateway } from "../kit/GatewayKit.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"
import { makePair } from "../programs/certificatePair.ts"

const DAY = 86_400_000

const certificateFor = (name: string) => makePair({ name, from: Date.now() - DAY, to: Date.now() + 90 * DAY })

/** Whom the server on an implicit TLS port says it is. */
const presentedName = (port: number): Effect.Effect<string> =>
  Effect.acquireUseRelease(
    Effect.callback<ReturnType<typeof connect>>((resume) => {
      const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () =>
        resume(Effect.succeed(socket))
      )
      socket.on("error", (error) => resume(Effect.die(error)))
    }),
    (socket) => Effect.sync(() => String(socket.getPeerCertificate().subject.CN)),
    (socket) => Effect.sync(() => socket.destroy())
  )

describe("certificate files replaced under load", () => {
  it.live("new connections see the new one, none fails, and old sessions live on", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        const root = yield* files.makeTempDirectoryScoped()
        const names = [
          "one.example.com",
          "two.example.com",
          "three.example.com",
          "four.example.com",
          "five.example.com"
        ]
        const [one, two, three, four, five] = yield* Effect.forEach(names, certificateFor)
        if (!one || !two || !three || !four || !five) return assert.fail("five pairs were asked for")

        // As Kubernetes mounts a secret: the files are links into a link that is swapped.
        const mount = Effect.fnUntraced(function* (version: string, pair: typeof one) {
          yield* files.makeDirectory(`${root}/${version}`)
          yield* files.writeFileString(`${root}/${version}/tls.crt`, pair.certificate)
          yield* files.writeFileString(`${root}/${version}/tls.key`, pair.key)
          yield* files.symlink(version, `${root}/..data_tmp`)
          yield* files.rename(`${root}/..data_tmp`, `${root}/..data`)
        })
        yield* mount("..version_1", one)
        const certificatePath = `${root}/tls.crt`
        const keyPath = `${root}/tls.key`
        yield* files.symlink("..data/tls.crt", certificatePath)
        yield* files.symlink("..data/tls.key", keyPath)

        const { sandbox, smtpPorts } = yield* startGateway({
          settings: {
            tls: { certificatePath, keyPath, reloadInterval: Duration.millis(20) },
            smtp: {
              ports: [
                { port: 0, implicitTls: false },
                { port: 0, implicitTls: true }
              ]
            }
          }
        })
        const submission = smtpPorts.find(({ implicitTls }) => !implicitTls)?.port ?? 0
        const submissions = smtpPorts.find(({ implicitTls }) => implicitTls)?.port ?? 0
        const old = yield* openLoggedInWire(submission)
        // Half of its message was sent under the first certificate, the rest goes out under the last.
        yield* old.ask("MAIL FROM:<demo@example.com>")
        yield* old.ask("RCPT TO:<to@example.com>")
        yield* old.ask("DATA")
        yield* old.send("From: demo@example.com\r\nSubject: old\r\n\r\n")

        const phase = { over: false }
        let connections = 0
        const seen: Array<string> = []
        const client = Effect.gen(function* () {
          while (!phase.over) {
            seen.push(yield* presentedName(submissions))
            yield* Effect.scoped(
              Effect.flatMap(openSecureWire(submission), (wire) =>
                Effect.map(wire.ask("QUIT"), ({ code }) => assert.strictEqual(code, 221))
              )
            )
            connections += 2
          }
        })
        const load = yield* Effect.forkChild(Effect.all([client, client, client], { concurrency: "unbounded" }))
        /** Waits until a connection that began now sees it, and then none sees another. */
        const served = Effect.fnUntraced(function* (name: string) {
          yield* eventually(Effect.map(presentedName(submissions), (presented) => presented === name))
          const already = connections
          const before = seen.length
          yield* eventually(Effect.sync(() => connections >= already + 30 || load.pollUnsafe() !== undefined))
          // Those that were under way when it changed may have seen the one before.
          for (const presented of seen.slice(before + 6)) assert.strictEqual(presented, name)
        })
        yield* served("one.example.com")

        yield* mount("..version_2", two)
        yield* files.remove(`${root}/..version_1`, { recursive: true })
        yield* served("two.example.com")

        // In place, certificate first: for a while the two files do not belong together.
        yield* files.writeFileString(certificatePath, three.certificate)
        yield* served("two.example.com")
        yield* files.writeFileString(keyPath, three.key)
        yield* served("three.example.com")

        // Half written, then empty, then gone.
        yield* files.writeFileString(certificatePath, four.certificate.slice(0, 300))
        yield* files.writeFileString(keyPath, four.key.slice(0, 60))
        yield* served("three.example.com")
        yield* files.writeFileString(certificatePath, "")
        yield* served("three.example.com")
        yield* files.remove(certificatePath)
        yield* files.remove(keyPath)
        yield* served("three.example.com")
        // A chain whose second certificate is cut.
        yield* files.writeFileString(keyPath, four.key)
        yield* files.writeFileString(certificatePath, `${four.certificate}\n${three.certificate.slice(0, 200)}`)
        yield* served("three.example.com")
        yield* files.writeFileString(certificatePath, `${four.certificate}\n${three.certificate}`)
        yield* served("four.example.com")

        // The key of another certificate.
        yield* files.writeFileString(keyPath, one.key)
        yield* files.writeFileString(certificatePath, five.certificate)
        yield* served("four.example.com")
        yield* files.writeFileString(keyPath, five.key)
        yield* served("five.example.com")

        phase.over = true
        yield* Fiber.join(load)
        yield* old.send("hello\r\n.\r\n")
        assert.strictEqual((yield* old.reply).code, 250)
        assert.strictEqual((yield* old.ask("NOOP")).code, 250)
        assert.strictEqual((yield* sandbox.captured)[0]?.subject, "old")
        console.log(`certificates: ${connections} connections, none failed`)
      })
    ).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
