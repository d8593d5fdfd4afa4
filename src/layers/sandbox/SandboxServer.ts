/** The embedded Cakemail API: both contracts, what was captured, and failure injection, on one port. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { createServer, type Server } from "node:http"
import { Effect, Layer, Redacted } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type { HttpServer } from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Sandbox, type SandboxAccount } from "../../services/Sandbox.ts"
import { ApiDocs } from "./ApiDocs.ts"
import { makeServeEndpoint } from "./ApiEndpoint.ts"
import { makeEmailApiV2 } from "./EmailApiV2.ts"
import { makeTokenEndpoint } from "./EmailApiV2Token.ts"
import { EventsApi } from "./EventsApi.ts"
import { makeGatewayApiV1 } from "./GatewayApiV1.ts"
import { InboxApi } from "./InboxApi.ts"
import { MailpitApi } from "./MailpitApi.ts"
import { PageAssets } from "./PageAssets.ts"
import { requestGuard } from "./RequestGuard.ts"
import { SandboxControl } from "./SandboxControl.ts"
import { layerSandboxState, SandboxState } from "./SandboxState.ts"

export interface SandboxOptions {
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string
  /** 0: any free port. Default: 8025. */
  readonly port?: number
  /** Captured messages kept. Default: 10,000. */
  readonly maxMessages?: number
  /** Bytes of captured messages kept. Default: 256 MiB. */
  readonly maxBytes?: number
  /** Logins. Default: `demoAccount`. */
  readonly accounts?: ReadonlyArray<SandboxAccount>
  /** Any user name that starts with `inbox-` may log in, and has an inbox of its own. Default: true. */
  readonly openInboxes?: boolean
  /** Names by which the sandbox may be called, beside localhost and addresses. Default: none. */
  readonly allowedHosts?: ReadonlyArray<string>
  /** Created senders are confirmed at once. Default: true. */
  readonly confirmSenders?: boolean
}

/** `demo@example.com` with the password `demo`, account 1. Nothing secret: the sandbox sends no mail. */
export const demoAccount: SandboxAccount = {
  username: "demo@example.com",
  password: Redacted.make("demo"),
  accountIds: [1],
  personalAccessTokens: [Redacted.make(`ck_pat_${"de30".repeat(10)}`)]
}

/** Listens until its scope closes; then every connection ends at once, the hanging ones too. */
export const layerSandbox = (options: SandboxOptions = {}): Layer.Layer<Sandbox | HttpServer, ServeError> =>
  Layer.suspend(() => {
    const host = options.host ?? "127.0.0.1"
    // Idle connections outlive the keep-alive of any client pool: a client must never find one just closed.
    const server = createServer({ keepAliveTimeout: 65_000 })
    const http = NodeHttpServer.layerServer(() => server, {
      host,
      port: options.port ?? 8025,
      disablePreemptiveShutdown: true
    })
    const inbox = HttpApiBuilder.layer(InboxApi, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide([MailpitApi, EventsApi, SandboxControl]),
      Layer.provide(NodeHttpServer.layerHttpServices)
    )
    const guard = requestGuard([host, ...(options.allowedHosts ?? [])])
    const routes = Layer.mergeAll(CakemailApi, inbox, ApiDocs, PageAssets, Probes, guard)
    const served = Layer.merge(
      HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }),
      closeConnections(server)
    )
    const state = layerSandboxState({
      maxMessages: options.maxMessages ?? 10_000,
      maxBytes: options.maxBytes ?? 268_435_456,
      accounts: options.accounts ?? [demoAccount],
      senders: options.accounts === undefined ? demoSenders : [],
      confirmSenders: options.confirmSenders ?? true,
      openInboxes: options.openInboxes ?? true
    })
    return served.pipe(Layer.provideMerge(http), Layer.provideMerge(state))
  })

const demoSenders = demoAccount.accountIds.map((accountId) => ({
  accountId,
  name: "Demo",
  email: demoAccount.username
}))

const CakemailApi = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const { messages } = yield* Sandbox
    const { accounts, book, calls, options, senders } = yield* SandboxState
    const serve = makeServeEndpoint(calls, book, (token, now) => accounts.find(token, now)?.username)
    const v2 = makeEmailApiV2({ accounts, senders, messages, confirmSenders: options.confirmSenders })
    const v1 = makeGatewayApiV1({ accounts, messages })
    yield* router.add("POST", "/token", serve(makeTokenEndpoint(accounts)))
    yield* router.add("GET", "/brands/default/senders", serve(v2.listSenders))
    yield* router.add("POST", "/brands/default/senders", serve(v2.createSender))
    yield* router.add("POST", "/v2/emails", serve(v2.submit))
    yield* router.add("POST", "/v1/auth/validate", serve(v1.validate))
    yield* router.add("POST", "/v1/emails", serve(v1.submit))
  })
)

const Probes = HttpRouter.use((router) =>
  Effect.gen(function* () {
    yield* router.add("GET", "/livez", HttpServerResponse.text("ok"))
    yield* router.add("GET", "/readyz", HttpServerResponse.text("ok"))
    // Not of HEAD: that is answered as GET is, where GET is.
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const) {
      yield* router.add(method, "/*", HttpServerResponse.text("404 page not found", { status: 404 }))
    }
  })
)

/** Runs before the server waits for its connections to end by themselves. */
const closeConnections = (server: Server): Layer.Layer<never> =>
  Layer.effectDiscard(
    Effect.addFinalizer(() =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
    )
  )
