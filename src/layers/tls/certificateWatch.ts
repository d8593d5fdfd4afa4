import { Clock, Duration, Effect, Fiber, FiberHandle, Option, Schedule, SubscriptionRef } from "effect"
import type { Counter } from "../../services/Metrics.ts"
import type { Certificate } from "../../services/TlsContext.ts"
import { CertificateUnusable, loadCertificate, type LoadedCertificate } from "./certificateFiles.ts"
import { type Candidate, hasSettled, isSame, mayBeUnfinished } from "./settling.ts"

/** For both files; disks and mounted secrets answer in milliseconds. */
const LOOK_TIMEOUT = Duration.seconds(5)

/**
 * Sets `current` to what the files hold now, and again after each change until the scope closes. Contents are compared,
 * not times: Kubernetes swaps a symlink, and some tools keep the time of the original.
 */
export const watchCertificate = Effect.fnUntraced(function* (options: {
  readonly certificatePath: string
  readonly keyPath: string
  readonly reloadInterval: Duration.Duration
  readonly current: SubscriptionRef.SubscriptionRef<Certificate | undefined>
  readonly reloads: Counter<{ readonly result: readonly ["success", "failure"] }>
}) {
  const { certificatePath, current, keyPath, reloadInterval, reloads } = options
  const loading = yield* FiberHandle.make<LoadedCertificate, CertificateUnusable>()
  let inUse: LoadedCertificate | undefined
  let candidate: Candidate | undefined
  let lastProblem = ""

  // One at a time: on a file system that does not answer each would hold a thread of the process.
  const load = FiberHandle.get(loading).pipe(
    Effect.flatMap(
      Option.match({
        onNone: () => FiberHandle.run(loading, loadCertificate(certificatePath, keyPath)),
        onSome: Effect.succeed
      })
    ),
    Effect.flatMap(Fiber.join),
    Effect.timeoutOrElse({
      duration: LOOK_TIMEOUT,
      orElse: () => Effect.fail(new CertificateUnusable({ path: certificatePath, problem: "cannot be read in time" }))
    })
  )

  const use = Effect.fnUntraced(function* (certificate: LoadedCertificate) {
    inUse = certificate
    candidate = undefined
    reloads.increment({ result: "success" })
    yield* SubscriptionRef.set(current, certificate)
    yield* Effect.logInfo("certificate_loaded", {
      source: certificate.source,
      expires_at: new Date(certificate.expiresAt).toISOString()
    })
  })

  /** What was found twice in a row is used, unless its chain may still grow. */
  const consider = Effect.fnUntraced(function* (found: LoadedCertificate) {
    lastProblem = ""
    const now = yield* Clock.currentTimeMillis
    if (isSame(inUse, found)) {
      candidate = undefined
    } else if (candidate === undefined || !isSame(candidate.certificate, found)) {
      candidate = { certificate: found, since: now }
      if (inUse !== undefined && mayBeUnfinished(found, inUse)) {
        yield* Effect.logWarning("certificate_unfinished", {
          problem: `${certificatePath}: the chain ends at another issuer than before; used in a minute if nothing follows`
        })
      }
    } else if (hasSettled(candidate, inUse, now)) {
      yield* use(found)
    }
  })

  /** The old pair stays; the same problem is said once. */
  const complain = (error: CertificateUnusable) => {
    candidate = undefined
    if (error.message === lastProblem) return Effect.void
    lastProblem = error.message
    reloads.increment({ result: "failure" })
    return Effect.logError("certificate_unusable", { problem: error.message })
  }

  yield* load.pipe(Effect.flatMap(use), Effect.catchTag("CertificateUnusable", complain))
  yield* load.pipe(
    Effect.flatMap(consider),
    Effect.catchTag("CertificateUnusable", complain),
    Effect.schedule(Schedule.spaced(reloadInterval)),
    Effect.tapCause((cause) => Effect.logError("certificate_watch_ended", cause)),
    Effect.forkScoped
  )
})
