import "reflect-metadata"
import { webcrypto } from "node:crypto"
import * as x509 from "@peculiar/x509"
import { Effect } from "effect"

export interface PairOptions {
  readonly name?: string
  /** Milliseconds of the epoch. */
  readonly from: number
  /** Milliseconds of the epoch. */
  readonly to: number
  /** `ECDSA` unless given. */
  readonly algorithm?: keyof typeof ALGORITHMS
  /** The key belongs to another certificate. */
  readonly otherKey?: boolean
  /** Those of an earlier pair, for a certificate that is renewed and keeps its key. */
  readonly keys?: webcrypto.CryptoKeyPair
}

/** A certificate of an unknown authority for a host name, with its key, in PEM. */
export const makePair = Effect.fnUntraced(function* (options: PairOptions) {
  const name = options.name ?? "smtp.example.com"
  const algorithm = ALGORITHMS[options.algorithm ?? "ECDSA"]
  const makeKeys = Effect.promise(() => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]))
  const authority = yield* makeKeys
  const keys = options.keys ?? (yield* makeKeys)
  const certificate = yield* Effect.promise(() =>
    x509.X509CertificateGenerator.create(
      {
        subject: `CN=${name}`,
        issuer: "CN=Test authority",
        notBefore: new Date(options.from),
        notAfter: new Date(options.to),
        signingAlgorithm: algorithm,
        publicKey: keys.publicKey,
        signingKey: authority.privateKey,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: name }])]
      },
      webcrypto
    )
  )
  const secret = options.otherKey === true ? authority.privateKey : keys.privateKey
  const pkcs8 = yield* Effect.promise(() => webcrypto.subtle.exportKey("pkcs8", secret))
  return { certificate: certificate.toString("pem"), key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"), keys }
})

const ALGORITHMS = {
  ECDSA: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RSA: {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256"
  }
} as const
