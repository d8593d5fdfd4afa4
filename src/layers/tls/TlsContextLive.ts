/** The certificate from TLS_CERT_PATH and TLS_KEY_PATH, loaded again when it changes; or a self-signed one. */
import { Clock, Effect, FileSystem, Layer, Stream, SubscriptionRef } from "effect"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { type Certificate, TlsContext } from "../../services/TlsContext.ts"
import { watchCertificate } from "./certificateWatch.ts"
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
      across: "min",
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
      yield* watchCertificate({ certificatePath, keyPath, reloadInterval, current, reloads }).pipe(
        Effect.provideService(FileSystem.FileSystem, fileSystem)
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
