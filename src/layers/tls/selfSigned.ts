import { Clock, Data, Effect, Redacted } from "effect"
import { randomBytes, webcrypto } from "node:crypto"
import type { Certificate } from "../../services/TlsContext.ts"

/** The certificate could not be made; only a broken crypto library does that. */
export class SelfSignedError extends Data.TaggedError("SelfSignedError")<{ readonly cause: unknown }> {}

const VALID_FOR_MILLISECONDS = 30 * 24 * 60 * 60 * 1000

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const

/** A certificate for development, in memory only: no client will trust it unless told to. */
export const makeSelfSigned = Effect.fnUntraced(function* (hostname: string) {
  const now = yield* Clock.currentTimeMillis
  const expiresAt = now + VALID_FOR_MILLISECONDS
  const pair = yield* Effect.tryPromise({
    try: async () => {
      // Loaded here, for a gateway with a certificate of its own never needs it.
      await import("reflect-metadata")
      const x509 = await import("@peculiar/x509")
      x509.cryptoProvider.set(webcrypto)
      const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        serialNumber: randomBytes(16).toString("hex"),
        name: `CN=${hostname}`,
        notBefore: new Date(now - 60_000),
        notAfter: new Date(expiresAt),
        signingAlgorithm: ALGORITHM,
        keys,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.SubjectAlternativeNameExtension([
            { type: "dns", value: hostname },
            { type: "dns", value: "localhost" },
            { type: "ip", value: "127.0.0.1" },
            { type: "ip", value: "::1" }
          ])
        ]
      })
      const privateKey = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)
      return {
        certificate: certificate.toString("pem"),
        privateKey: x509.PemConverter.encode(privateKey, "PRIVATE KEY")
      }
    },
    catch: (cause) => new SelfSignedError({ cause })
  })
  const certificate: Certificate = {
    certificate: pair.certificate,
    privateKey: Redacted.make(pair.privateKey),
    expiresAt,
    source: "self-signed"
  }
  return certificate
})
