/** Certificates that change while clients come and go: real files, real sockets. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, type Scope } from "effect"
import { X509Certificate } from "node:crypto"
import { SmtpServer } from "../../../src/layers/smtp/SmtpServerLive.ts"
import { Readiness } from "../../../src/services/Readiness.ts"
import { eventually } from "../../kit/SandboxKit.ts"
import { smtpServerWith } from "../../kit/SmtpServerKit.ts"
import { openSecureWire, openWire } from "../../kit/SmtpWire.ts"
import { configWith } from "../../kit/SettingsKit.ts"
import { makePair } from "../../programs/certificatePair.ts"

const anyPair = makePair({ from: 0, to: Date.UTC(2100, 0, 1) })

type Pair = Effect.Success<typeof anyPair>

/** A server in the scope, with STARTTLS on one port and TLS from the start on another. */
const startServer = Effect.fnUntraced(function* (certificatePath: string, keyPath: string) {
  const settings: Parameters<typeof configWith>[0] = {
    smtp: {
      ports: [
        { port: 0, implicitTls: false },
        { port: 0, implicitTls: true }
      ]
    },
    tls: { certificatePath, keyPath }
  }
  const context = yield* Layer.build(smtpServerWith({ settings }))
  const [starttls, implicit] = Context.get(context, SmtpServer).ports
  const certificateAt = (port: number, implicitTls: boolean) =>
    Effect.scoped(
      Effect.gen(function* () {
        const wire = yield* implicitTls ? openWire(port, { implicitTls }) : openSecureWire(port)
        return (yield* wire.security).certificate
      })
    )
  const starttlsPort = starttls?.port ?? 0
  return {
    starttlsPort,
    readiness: Context.get(context, Readiness),
    /** What a client that comes now is shown, on both ports. */
    shown: Effect.all([certificateAt(starttlsPort, false), certificateAt(implicit?.port ?? 0, true)])
  }
})

/** As a client reports it. */
const canonical = ({ certificate }: Pair): string => new X509Certificate(certificate).toString()

const run = (name: string, test: Effect.Effect<void, unknown, Scope.Scope | FileSystem.FileSystem>) =>
  it.live(name, () => Effect.provide(Effect.scoped(test), NodeFileSystem.layer))

describe("a certificate that changes", () => {
  run(
    "is shown to whoever comes next, and no session ends for it",
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const directory = yield* fileSystem.makeTempDirectoryScoped()
      const [certificatePath, keyPath] = [`${directory}/tls.crt`, `${directory}/tls.key`]
      const write = Effect.fnUntraced(function* (pair: Pair) {
        yield* fileSystem.writeFileString(certificatePath, pair.certificate)
        yield* fileSystem.writeFileString(keyPath, pair.key)
      })
      const [old, renewed] = [yield* anyPair, yield* anyPair]
      yield* write(old)
      const { shown, starttlsPort } = yield* startServer(certificatePath, keyPath)
      assert.deepStrictEqual(yield* shown, [canonical(old), canonical(old)])
      const session = yield* openSecureWire(starttlsPort)

      yield* write(renewed)
      yield* eventually(Effect.map(shown, ([starttls]) => starttls === canonical(renewed)))
      assert.deepStrictEqual(yield* shown, [canonical(renewed), canonical(renewed)])

      assert.strictEqual((yield* session.security).certificate, canonical(old))
      assert.strictEqual((yield* session.login()).code, 235)
      assert.strictEqual((yield* session.ask("NOOP")).code, 250)
    })
  )

  run(
    "is found behind the symbolic link that Kubernetes swaps",
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const directory = yield* fileSystem.makeTempDirectoryScoped()
      // As in a mounted Secret: tls.crt -> ..data/tls.crt, and ..data -> the directory of the moment.
      const publish = Effect.fnUntraced(function* (version: string, pair: Pair) {
        yield* fileSystem.makeDirectory(`${directory}/${version}`)
        yield* fileSystem.writeFileString(`${directory}/${version}/tls.crt`, pair.certificate)
        yield* fileSystem.writeFileString(`${directory}/${version}/tls.key`, pair.key)
        yield* fileSystem.symlink(version, `${directory}/..data_tmp`)
        yield* fileSystem.rename(`${directory}/..data_tmp`, `${directory}/..data`)
      })
      yield* fileSystem.symlink("..data/tls.crt", `${directory}/tls.crt`)
      yield* fileSystem.symlink("..data/tls.key", `${directory}/tls.key`)
      const [old, renewed] = [yield* anyPair, yield* anyPair]
      yield* publish("..2030_01_01", old)
      const { shown } = yield* startServer(`${directory}/tls.crt`, `${directory}/tls.key`)
      assert.deepStrictEqual(yield* shown, [canonical(old), canonical(old)])
      yield* publish("..2030_03_01", renewed)
      yield* fileSystem.remove(`${directory}/..2030_01_01`, { recursive: true })
      yield* eventually(Effect.map(shown, ([starttls]) => starttls === canonical(renewed)))
    })
  )
})

run(
  "without a certificate STARTTLS is put off and the server not ready, until there is one",
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const directory = yield* fileSystem.makeTempDirectoryScoped()
    const [certificatePath, keyPath] = [`${directory}/tls.crt`, `${directory}/tls.key`]
    const { readiness, shown, starttlsPort } = yield* startServer(certificatePath, keyPath)
    assert.deepStrictEqual(yield* readiness.reasons, ["no certificate"])
    const early = yield* openWire(starttlsPort)
    yield* early.reply
    yield* early.ask("EHLO client.example.com")
    assert.strictEqual((yield* early.ask("STARTTLS")).raw, "454 4.7.0 TLS is not available due to a temporary reason")

    const pair = yield* anyPair
    yield* fileSystem.writeFileString(certificatePath, pair.certificate)
    yield* fileSystem.writeFileString(keyPath, pair.key)
    yield* eventually(Effect.map(readiness.reasons, (reasons) => reasons.length === 0))
    assert.deepStrictEqual(yield* shown, [canonical(pair), canonical(pair)])
    // The client that came too early needs no new connection.
    assert.strictEqual((yield* early.ask("STARTTLS")).code, 220)
    yield* early.startTls
    assert.strictEqual((yield* early.security).certificate, canonical(pair))
  })
)
