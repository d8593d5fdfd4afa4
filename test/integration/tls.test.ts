/** Which TLS the gateway speaks (requirement A17). */
import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Exit, FileSystem } from "effect"
import { startGateway } from "../kit/GatewayKit.ts"
import { makePair } from "../programs/certificatePair.ts"
import { openSecureWire, type WireOptions } from "../kit/SmtpWire.ts"

/** A gateway whose certificate has that kind of key. */
const startWith = Effect.fnUntraced(function* (algorithm: "ECDSA" | "RSA") {
  const fileSystem = yield* FileSystem.FileSystem
  const directory = yield* fileSystem.makeTempDirectoryScoped()
  const [certificatePath, keyPath] = [`${directory}/tls.crt`, `${directory}/tls.key`]
  const pair = yield* makePair({ from: 0, to: Date.UTC(2100, 0, 1), algorithm })
  yield* fileSystem.writeFileString(certificatePath, pair.certificate)
  yield* fileSystem.writeFileString(keyPath, pair.key)
  return yield* startGateway({ settings: { tls: { certificatePath, keyPath } } })
}, Effect.provide(NodeFileSystem.layer))

/** What a client that offers this ends up with, or `undefined` when there is no handshake. */
const handshake = (tls: NonNullable<WireOptions["tls"]>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { smtpPort } = yield* startWith(/RSA|^AES/.test(tls.ciphers ?? "") ? "RSA" : "ECDSA")
      const wire = yield* Effect.exit(openSecureWire(smtpPort, { tls }))
      if (Exit.isFailure(wire)) return undefined
      const { cipher, protocol } = yield* wire.value.security
      assert.strictEqual((yield* wire.value.ask("NOOP")).code, 250)
      return `${protocol} ${cipher}`
    })
  )

const TLS_1_2 = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const
const TLS_1_3 = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const

describe("accepted", () => {
  const offers: ReadonlyArray<readonly [WireOptions["tls"] & object, string]> = [
    [{}, "TLSv1.3 TLS_AES_128_GCM_SHA256"],
    [{ ...TLS_1_3, ciphers: "TLS_AES_256_GCM_SHA384" }, "TLSv1.3 TLS_AES_256_GCM_SHA384"],
    [{ ...TLS_1_3, ciphers: "TLS_CHACHA20_POLY1305_SHA256" }, "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256"],
    [TLS_1_2, "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256"],
    [{ ...TLS_1_2, ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" }, "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"],
    [{ ...TLS_1_2, ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305" }, "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305"],
    [{ ...TLS_1_2, ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }, "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256"],
    [{ ...TLS_1_2, ciphers: "ECDHE-RSA-AES256-GCM-SHA384" }, "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"],
    [{ ...TLS_1_2, ciphers: "ECDHE-RSA-CHACHA20-POLY1305" }, "TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305"]
  ]
  for (const [offer, expected] of offers) {
    it.live(expected, () => Effect.map(handshake(offer), (agreed) => assert.strictEqual(agreed, expected)))
  }
})

describe("refused", () => {
  const offers: ReadonlyArray<readonly [string, WireOptions["tls"] & object]> = [
    ["TLS 1.1", { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
    ["TLS 1.0", { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" }],
    ["encryption that is not authenticated", { ...TLS_1_2, ciphers: "ECDHE-ECDSA-AES128-SHA256" }],
    ["SHA-1", { ...TLS_1_2, ciphers: "ECDHE-ECDSA-AES256-SHA" }],
    ["no forward secrecy", { ...TLS_1_2, ciphers: "AES128-GCM-SHA256" }],
    ["CCM", { ...TLS_1_2, ciphers: "ECDHE-ECDSA-AES128-CCM" }]
  ]
  for (const [name, offer] of offers) {
    it.live(name, () => Effect.map(handshake(offer), (agreed) => assert.isUndefined(agreed)))
  }

  it.live("and the client that offered it hinders nobody", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { smtpPort } = yield* startGateway()
        yield* Effect.exit(openSecureWire(smtpPort, { tls: { ...TLS_1_2, ciphers: "AES128-GCM-SHA256" } }))
        const wire = yield* openSecureWire(smtpPort)
        assert.strictEqual((yield* wire.login()).code, 235)
      })
    )
  )
})
