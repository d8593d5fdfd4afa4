/** The certificate from TLS_CERT_PATH and TLS_KEY_PATH, loaded again when it changes; or a self-signed one. */
import { Clock, Effect, FileSystem, Layer, Schedule, Stream, SubscriptionRef } from "effect"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { type Certificate, TlsContext } from "../../services/TlsContext.ts"
import { loadCertificate } from "./certificateFiles.ts"
import { makeSelfSigned } from "./selfSigned.ts"

const MILLISECONDS_A_DAY = 24 * 60 * 60 * 1000

export const TlsContextLive = Layer.effect(
  TlsContext,
  Effect.gen(function* () {
    const { smtp, tls } = yield* GatewayConfig
    const clock = yield* Clock.Clock
    const metrics = yield* Metrics
    const fileSystem = yield* FileSystem.FileSystem
    const current = yield* SubscriptionRef.make<Certificate | undefined>(undefined)

    metrics.gauge({
      name: "tls_cert_expiry_days",
      help: "Days until the certificate in use ends; negative once it has",
      labels: {},
      collect: () => {
        const certificate = SubscriptionRef.getUnsafe(current)
        return certificate === undefined
          ? Number.NaN
          : (certificate.expiresAt - clock.currentTimeMillisUnsafe()) / MILLISECONDS_A_DAY
      }
    })
    const reloads = metrics.counter({
      name: "tls_cert_reloads_total",
      help: "Changes of the certificate files by whether the new pair could be used",
      labels: { result: ["success", "failure"] }
    })

    const { certificatePath, keyPath, reloadInterval } = tls
    if (certificatePath === undefined || keyPath === undefined) {
      const certificate = yield* makeSelfSigned(smtp.hostname)
      yield* SubscriptionRef.set(current, certificate)
      yield* Effect.logWarning("certificate_self_signed", { hostname: smtp.hostname })
    } else {
      // Contents are compared, not times: Kubernetes swaps a symlink, and some tools keep the time of the original.
      let lastProblem = ""
      const reload = loadCertificate(certificatePath, keyPath).pipe(
        Effect.provideService(FileSystem.FileSystem, fileSystem),
        Effect.flatMap((certificate) => {
          lastProblem = ""
          if (SubscriptionRef.getUnsafe(current)?.certificate === certificate.certificate) return Effect.void
          reloads.increment({ result: "success" })
          return SubscriptionRef.set(current, certificate).pipe(
            Effect.andThen(
              Effect.logInfo("certificate_loaded", {
                source: certificate.source,
                expires_at: new Date(certificate.expiresAt).toISOString()
              })
            )
          )
        }),
        // The old pair stays; the same problem is said once.
        Effect.catchTag("CertificateUnusable", (error) => {
          if (error.message === lastProblem) return Effect.void
          lastProblem = error.message
          reloads.increment({ result: "failure" })
          return Effect.logError("certificate_unusable", { problem: error.message })
        })
      )
      yield* reload
      yield* reload.pipe(
        Effect.schedule(Schedule.spaced(reloadInterval)),
        Effect.tapCause((cause) => Effect.logError("certificate_watch_ended", cause)),
        Effect.forkScoped
      )
    }

    return TlsContext.of({
      current: SubscriptionRef.get(current),
      changes: SubscriptionRef.changes(current).pipe(
        Stream.filter((certificate): certificate is Certificate => certificate !== undefined)
      )
    })
  })
)
