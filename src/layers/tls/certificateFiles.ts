import { Data, Effect, FileSystem, Redacted } from "effect"
import { createPrivateKey, X509Certificate } from "node:crypto"
import { createSecureContext } from "node:tls"
import type { Certificate } from "../../services/TlsContext.ts"

/** The files hold no usable pair. The message says which file, and never what is in a key. */
export class CertificateUnusable extends Data.TaggedError("CertificateUnusable")<{
  readonly path: string
  readonly problem: string
}> {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}

/**
 * Loads both files and proves that they belong together, so that a pair that is half written, or of which one file is
 * newer than the other, is never served.
 */
export const loadCertificate = Effect.fn("loadCertificate")(function* (certificatePath: string, keyPath: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const read = (path: string) =>
    fileSystem
      .readFileString(path)
      .pipe(
        Effect.mapError((error) => new CertificateUnusable({ path, problem: `cannot be read (${error.reason._tag})` }))
      )
  const certificate = yield* read(certificatePath)
  const privateKey = yield* read(keyPath)
  const leaf = yield* Effect.try({
    try: () => new X509Certificate(certificate),
    catch: () => new CertificateUnusable({ path: certificatePath, problem: "is no PEM certificate" })
  })
  const key = yield* Effect.try({
    try: () => createPrivateKey(privateKey),
    catch: () => new CertificateUnusable({ path: keyPath, problem: "is no PEM private key without a passphrase" })
  })
  if (!leaf.checkPrivateKey(key)) {
    return yield* new CertificateUnusable({ path: keyPath, problem: `is not the key of ${certificatePath}` })
  }
  yield* Effect.try({
    try: () => createSecureContext({ cert: certificate, key: privateKey }),
    catch: () => new CertificateUnusable({ path: certificatePath, problem: "is refused by OpenSSL" })
  })
  const loaded: Certificate = {
    certificate,
    privateKey: Redacted.make(privateKey),
    expiresAt: Date.parse(leaf.validTo),
    source: certificatePath
  }
  return loaded
})
