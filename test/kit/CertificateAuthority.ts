/** A root that clients trust, an intermediate below it, and certificates that need both. */
import "reflect-metadata"
import { webcrypto } from "node:crypto"
import * as x509 from "@peculiar/x509"
import { Effect } from "effect"

const DAY = 86_400_000

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const

/** All in PEM. */
export interface IssuedCertificate {
  readonly leaf: string
  readonly intermediate: string
  /** Both, as they stand in a certificate file. */
  readonly chain: string
  readonly key: string
}

const makeKeys = Effect.promise(() => webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]))

/** A name tells one authority from another. */
export const makeAuthority = Effect.fnUntraced(function* (name = "Test") {
  const rootKeys = yield* makeKeys
  const intermediateKeys = yield* makeKeys

  const sign = (options: {
    readonly subject: string
    readonly issuer: string
    readonly publicKey: webcrypto.CryptoKey
    readonly signingKey: webcrypto.CryptoKey
    readonly extensions: Array<x509.Extension>
    /** Milliseconds of the epoch. */
    readonly to?: number
  }) =>
    Effect.promise(() =>
      x509.X509CertificateGenerator.create(
        {
          notBefore: new Date(Date.now() - DAY),
          notAfter: new Date(Date.now() + 90 * DAY),
          signingAlgorithm: ALGORITHM,
          ...options
        },
        webcrypto
      )
    ).pipe(Effect.map((certificate) => certificate.toString("pem")))

  const authority = new x509.BasicConstraintsExtension(true, undefined, true)
  const root = yield* sign({
    subject: `CN=${name} root`,
    issuer: `CN=${name} root`,
    publicKey: rootKeys.publicKey,
    signingKey: rootKeys.privateKey,
    extensions: [authority]
  })
  const intermediate = yield* sign({
    subject: `CN=${name} intermediate`,
    issuer: `CN=${name} root`,
    publicKey: intermediateKeys.publicKey,
    signingKey: rootKeys.privateKey,
    extensions: [authority]
  })

  const issue = Effect.fnUntraced(function* (host: string) {
    const keys = yield* makeKeys
    const leaf = yield* sign({
      subject: `CN=${host}`,
      issuer: `CN=${name} intermediate`,
      publicKey: keys.publicKey,
      signingKey: intermediateKeys.privateKey,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }])]
    })
    const pkcs8 = yield* Effect.promise(() => webcrypto.subtle.exportKey("pkcs8", keys.privateKey))
    const issued: IssuedCertificate = {
      leaf,
      intermediate,
      chain: `${leaf}\n${intermediate}\n`,
      key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY")
    }
    return issued
  })

  return { root, issue }
})
