/** Certificates are replaced while clients come and go, in every way that files are replaced. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, FileSystem } from "effect"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { execFileSync } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { type IssuedCertificate, makeAuthority } from "../kit/CertificateAuthority.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openSecureWire, openWire, type Wire } from "../kit/SmtpWire.ts"

/** At a time, one connection after the other each. */
const CLIENTS = 3

const HOSTS = ["one", "two", "three", "four", "five", "six"].map((name) => `${name}.example.com`)

describe("certificate files replaced under load", () => {
  it.live(
    "new connections see the new one and its whole chain, none fails, and old sessions live on",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const files = yield* FileSystem.FileSystem
          const root = yield* files.makeTempDirectoryScoped()
          const authority = yield* makeAuthority()
          const [one, two, three, four, five, six] = yield* Effect.forEach(HOSTS, authority.issue)
          if (!one || !two || !three || !four || !five || !six) return assert.fail("six were asked for")

          // As Kubernetes mounts a secret: the files are links into a link that is swapped.
          const mount = Effect.fnUntraced(function* (version: string, pair: IssuedCertificate) {
            yield* files.makeDirectory(`${root}/${version}`)
            yield* files.writeFileString(`${root}/${version}/tls.crt`, pair.chain)
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
          // Trusts the root alone, so that a chain without its intermediate ends the test.
          const tls = { ca: authority.root, rejectUnauthorized: true, checkServerIdentity: () => undefined }
          const connected = {
            implicit: Effect.tap(openWire(submissions, { implicitTls: true, tls }), (wire) => wire.reply),
            starttls: openSecureWire(submission, { tls })
          }
          const old = yield* openLoggedInWire(submission, { tls })
          // Half of its message was sent under the first certificate, the rest goes out under the last.
          yield* old.ask("MAIL FROM:<demo@example.com>")
          yield* old.ask("RCPT TO:<to@example.com>")
          yield* old.ask("DATA")
          yield* old.send("From: demo@example.com\r\nSubject: old\r\n\r\n")

          const phase = { over: false }
          const seen: Array<string> = []
          const visit = Effect.fnUntraced(function* (wire: Wire) {
            const { certificate } = yield* wire.security
            assert.strictEqual((yield* wire.ask("QUIT")).code, 221)
            return nameOf(certificate)
          })
          const visited = (how: keyof typeof connected) => Effect.scoped(Effect.flatMap(connected[how], visit))
          const client = Effect.gen(function* () {
            while (!phase.over) {
              for (const how of ["implicit", "starttls"] as const) seen.push(yield* visited(how))
            }
          })
          const load = yield* Effect.forkChild(
            Effect.all(
              Array.from({ length: CLIENTS }, () => client),
              { concurrency: "unbounded" }
            )
          )
          const moreVisits = Effect.suspend(() => {
            const already = seen.length
            return eventually(Effect.sync(() => seen.length >= already + 30 || load.pollUnsafe() !== undefined))
          })
          /** Waits until a connection that begins now sees it, and then none sees another. */
          const served = Effect.fnUntraced(function* (host: string) {
            yield* eventually(Effect.map(visited("implicit"), (presented) => presented === host))
            const before = seen.length
            yield* moreVisits
            // Each client may have been in a handshake when it changed.
            for (const presented of seen.slice(before + CLIENTS)) assert.strictEqual(presented, host)
          })
          const write = (certificate: string, key: string) =>
            Effect.andThen(files.writeFileString(keyPath, key), files.writeFileString(certificatePath, certificate))

          yield* served("one.example.com")

          yield* mount("..version_2", two)
          yield* files.remove(`${root}/..version_1`, { recursive: true })
          yield* served("two.example.com")

          // In place, certificate first: for a while the two files do not belong together.
          yield* files.writeFileString(certificatePath, three.chain)
          yield* moreVisits
          yield* served("two.example.com")
          yield* files.writeFileString(keyPath, three.key)
          yield* served("three.example.com")

          // Half written, then empty, then gone.
          yield* write(four.chain.slice(0, 300), four.key.slice(0, 60))
          yield* moreVisits
          yield* served("three.example.com")
          yield* files.writeFileString(certificatePath, "")
          yield* moreVisits
          yield* served("three.example.com")
          yield* files.remove(certificatePath)
          yield* files.remove(keyPath)
          yield* moreVisits
          yield* served("three.example.com")
          // A chain that is cut behind its first certificate, in the first line of the second, and in its middle.
          for (const cut of [four.leaf.length + 1, four.leaf.length + 20, four.leaf.length + 200]) {
            yield* write(four.chain.slice(0, cut), four.key)
            yield* moreVisits
            yield* served("three.example.com")
          }
          yield* files.writeFileString(certificatePath, four.chain)
          yield* served("four.example.com")

          // The key of another certificate.
          yield* write(five.chain, one.key)
          yield* moreVisits
          yield* served("four.example.com")
          yield* files.writeFileString(keyPath, five.key)
          yield* served("five.example.com")

          // What is no file: opening the pipe would wait for its other end.
          yield* files.remove(certificatePath)
          yield* files.makeDirectory(certificatePath)
          yield* moreVisits
          yield* files.remove(certificatePath, { recursive: true })
          execFileSync("mkfifo", [certificatePath])
          yield* moreVisits
          yield* served("five.example.com")
          yield* files.remove(certificatePath)
          yield* write(six.chain, six.key)
          yield* served("six.example.com")

          phase.over = true
          yield* Fiber.join(load)
          yield* old.send("hello\r\n.\r\n")
          assert.strictEqual((yield* old.reply).code, 250)
          assert.strictEqual((yield* old.ask("NOOP")).code, 250)
          assert.strictEqual((yield* sandbox.captured)[0]?.subject, "old")
          console.log(`certificates: ${seen.length} connections, none failed`)
        })
      ).pipe(Effect.provide(NodeFileSystem.layer)),
    60_000
  )
})

const nameOf = (pem: string): string => new X509Certificate(pem).subject.replace(/^CN=/, "")
