/** /health/live, /health/ready and /metrics on HTTP_PORT, for Kubernetes and Prometheus. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer } from "effect"
import { HttpMiddleware, HttpRouter, HttpServerResponse } from "effect/http"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { Metrics } from "../../services/Metrics.ts"
import { Readiness } from "../../services/Readiness.ts"
import { boundedHttpServer, HTTP_BOUNDS } from "./boundedHttpServer.ts"

const PATHS = ["/health/live", "/health/ready", "/metrics"] as const

const WRITING_METHODS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

/** GET serves HEAD too. */
const READ_ONLY = HttpServerResponse.empty({ status: 405, headers: { allow: "GET, HEAD" } })

/** The routes alone, for a server of one's own. */
export const HealthRoutes = Layer.mergeAll(
  HttpRouter.add("GET", "/health/live", HttpServerResponse.jsonUnsafe({ status: "live" })),
  HttpRouter.add(
    "GET",
    "/health/ready",
    Effect.gen(function* () {
      const reasons = yield* (yield* Readiness).reasons
      return reasons.length === 0
        ? HttpServerResponse.jsonUnsafe({ status: "ready" })
        : HttpServerResponse.jsonUnsafe({ status: "not ready", reasons }, { status: 503 })
    })
  ),
  HttpRouter.add(
    "GET",
    "/metrics",
    Effect.gen(function* () {
      const { body, contentType } = yield* (yield* Metrics).exposition
      return HttpServerResponse.text(body, { contentType })
    })
  ),
  HttpRouter.addAll(PATHS.flatMap((path) => WRITING_METHODS.map((method) => HttpRouter.route(method, path, READ_ONLY))))
)

const ServerLive = Layer.unwrap(
  Effect.map(GatewayConfig, ({ http }) =>
    NodeHttpServer.layer(() => boundedHttpServer(HTTP_BOUNDS), { ...http, gracefulShutdownTimeout: "1 second" })
  )
)

export const HealthServerLive = HttpRouter.serve(HealthRoutes, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provide(HttpMiddleware.layerTracerDisabledForUrls(PATHS)),
  Layer.provideMerge(ServerLive)
)
