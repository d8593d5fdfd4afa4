import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto"
import { Clock, Effect, FileSystem, Result } from "effect"
import type { GatewaySettings } from "../services/GatewayConfig.ts"
import { TlsContext } from "../services/TlsContext.ts"
import { type Finding, note, ok, problem } from "./findings.ts"

/**
 * Whether the gateway has a certificate to serve, and whether clients will take it. The files are looked at here
 * once more, because the service only tells that a pair is usable, not what is wrong with one that is not.
 */
export const checkCertificate = Effect.fnUntraced(function* (settings: GatewaySettings) {
  const { certificatePath, keyPath } = settings.tls
  const served = yield* (yield* TlsContext).current
  if (certificatePath === undefined || keyPath === undefined) {
    return served === undefined ? [problem(SUBJECT, "none could be made", CONFIGURE)] : [SELF_SIGNED]
  }
  const now = yield* Clock.currentTimeMillis
  const certificate = Result.flatMap(yield* contentOf(certificatePath, "TLS_CERT_PATH"), (pem) =>
    parse(() => new X509Certificate(pem), `${certificatePath} holds no PEM certificate`, "TLS_CERT_PATH")
  )
  const key = Result.flatMap(yield* contentOf(keyPath, "TLS_KEY_PATH"), (pem) =>
    parse(() => createPrivateKey(pem), `${keyPath} holds no PEM key that opens without a passphrase`, "TLS_KEY_PATH")
  )
  const unreadable: Array<Finding> = []
  if (Result.isFailure(certificate)) unreadable.push(certificate.failure)
  if (Result.isFailure(key)) unreadable.push(key.failure)
  if (Result.isFailure(certificate) || Result.isFailure(key)) return unreadable
  const findings = judge(certificate.success, key.success, certificatePath, settings.smtp.hostname, now)
  const usable = !findings.some(({ state }) => state === "problem")
  return usable && served === undefined ? [problem(SUBJECT, "the gateway could not load it", CONFIGURE)] : findings
})

const SUBJECT = "Certificate"
const CONFIGURE = "give a PEM certificate and its key with TLS_CERT_PATH and TLS_KEY_PATH"

const SELF_SIGNED = note(
  SUBJECT,
  "self-signed, made at start: clients that check certificates refuse it",
  `for more than trying out, ${CONFIGURE}`
)

const DAY_MILLIS = 86_400_000

/** From here on the operator is told; the alert on the metric comes at 7. */
const SOON_DAYS = 14

const contentOf = Effect.fnUntraced(function* (path: string, setting: string) {
  const fileSystem = yield* FileSystem.FileSystem
  return yield* fileSystem.readFileString(path).pipe(
    Effect.mapError((error) =>
      problem(SUBJECT, `${path} cannot be read (${error.reason._tag})`, `correct ${setting} or the file's permissions`)
    ),
    Effect.result
  )
})

const parse = <A>(read: () => A, text: string, setting: string): Result.Result<A, Finding> =>
  Result.try({ try: read, catch: () => problem(SUBJECT, text, `correct ${setting} or the file`) })

/** Every objection to a pair of files that could be read; otherwise that all is well. */
const judge = (
  certificate: X509Certificate,
  key: KeyObject,
  path: string,
  hostname: string,
  now: number
): ReadonlyArray<Finding> => {
  const objections: Array<Finding> = []
  if (!certificate.checkPrivateKey(key)) {
    objections.push(problem(SUBJECT, "the key does not belong to the certificate", "give the key it was issued for"))
  }
  const validFrom = certificate.validFromDate
  const validTo = certificate.validToDate
  const daysLeft = Math.floor((validTo.getTime() - now) / DAY_MILLIS)
  if (validTo.getTime() <= now) {
    objections.push(problem(SUBJECT, `expired at ${validTo.toISOString()}`, "renew it"))
  } else if (validFrom.getTime() > now) {
    objections.push(problem(SUBJECT, `not valid before ${validFrom.toISOString()}`, "check the clock, or wait"))
  } else if (daysLeft < SOON_DAYS) {
    objections.push(note(SUBJECT, `expires in ${daysLeft} days, at ${validTo.toISOString()}`, "renew it soon"))
  }
  if (certificate.checkHost(hostname) === undefined) {
    const names = certificate.subjectAltName ?? "no names at all"
    objections.push(
      problem(
        SUBJECT,
        `does not cover ${hostname} (it has ${names})`,
        "set SMTP_HOSTNAME to the name that clients connect to, or get a certificate that has it"
      )
    )
  }
  if (certificate.checkIssued(certificate)) {
    objections.push(
      note(SUBJECT, "self-signed: clients that check certificates refuse it", "get one from an authority")
    )
  }
  return objections.length > 0 ? objections : [ok(SUBJECT, `${path}, for ${hostname}, ${daysLeft} days left`)]
}
