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

export interface LoadedCertificate extends Certificate {
  /** As they stand in the file, the leaf first. */
  readonly chain: ReadonlyArray<X509Certificate>
}

/** Octets; the longest chains and keys have a few thousand. */
const MAX_FILE_SIZE = 1024n * 1024n

const PEM_CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

/**
 * Loads both files and proves that they belong together: a pair of which one file is newer than the other, or cut
 * within a certificate or a key, is unusable. One that is cut between two certificates is not.
 */
export const loadCertificate = Effect.fnUntraced(function* (certificatePath: string, keyPath: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const read = Effect.fnUntraced(
    function* (path: string) {
      // Opening a pipe waits until somebody writes to it, and holds a thread of the process meanwhile.
      const { size, type } = yield* fileSystem.stat(path)
      if (type !== "File") return yield* new CertificateUnusable({ path, problem: "is no file" })
      if (size > MAX_FILE_SIZE) return yield* new CertificateUnusable({ path, problem: "is too large" })
      return yield* fileSystem.readFileString(path)
    },
    (content, path) =>
      Effect.catchTag(content, "PlatformError", (error) =>
        Effect.fail(new CertificateUnusable({ path, problem: `cannot be read (${error.reason._tag})` }))
      )
  )
  const certificate = yield* read(certificatePath)
  const privateKey = yield* read(keyPath)
  const [leaf, ...issuers] = yield* Effect.try({
    try: () => certificate.match(PEM_CERTIFICATE)?.map((pem) => new X509Certificate(pem)) ?? [],
    catch: () => new CertificateUnusable({ path: certificatePath, problem: "is no PEM certificate" })
  })
  if (leaf === undefined) {
    return yield* new CertificateUnusable({ path: certificatePath, problem: "is no PEM certificate" })
  }
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
  const loaded: LoadedCertificate = {
    certificate,
    privateKey: Redacted.make(privateKey),
    expiresAt: Date.parse(leaf.validTo),
    source: certificatePath,
    chain: [leaf, ...issuers]
  }
  return loaded
})
