/** The embedded Cakemail API: both contracts, what was captured, and failure injection, on one port. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { createServer, type Server } from "node:http"
import { Context, Effect, Layer, Redacted } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type { HttpServer } from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import { Sandbox, type SandboxAccount } from "../../services/Sandbox.ts"
import { type Accounts, makeAccounts } from "./Accounts.ts"
import { makeServeEndpoint } from "./ApiEndpoint.ts"
import { type CallLog, makeCallLog } from "./Calls.ts"
import { makeCapturedMessagesMemory } from "./CapturedMessagesMemory.ts"
import { makeEmailApiV2 } from "./EmailApiV2.ts"
import { makeTokenEndpoint } from "./EmailApiV2Token.ts"
import { type FaultBook, makeFaultBook } from "./Faults.ts"
import { makeGatewayApiV1 } from "./GatewayApiV1.ts"
import { MailpitApi } from "./MailpitApi.ts"
import { SandboxControl } from "./SandboxControl.ts"
import { makeSenders, type Senders } from "./Senders.ts"

export interface SandboxOptions {
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string
  /** 0: any free port. Default: 8025. */
  readonly port?: number
  /** Captured messages kept. Default: 1,000. */
  readonly maxMessages?: number
  /** Bytes of captured messages kept. Default: 256 MiB. */
  readonly maxBytes?: number
  /** Logins. Default: `demoAccount`. */
  readonly accounts?: ReadonlyArray<SandboxAccount>
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
    // Idle connections outlive the keep-alive of any client pool: a client must never find one just closed.
    const server = createServer({ keepAliveTimeout: 65_000 })
    const http = NodeHttpServer.layerServer(() => server, {
      host: options.host ?? "127.0.0.1",
      port: options.port ?? 8025,
      disablePreemptiveShutdown: true
    })
    const routes = Layer.mergeAll(ApiRoutes, MailpitApi, SandboxControl)
    const served = Layer.merge(
      HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }),
      closeConnections(server)
    )
    return served.pipe(Layer.provideMerge(http), Layer.provideMerge(layerState(options)))
  })

/** What the API works on, beyond what the `Sandbox` service shows. */
class SandboxState extends Context.Service<
  SandboxState,
  {
    readonly accounts: Accounts
    readonly senders: Senders
    readonly calls: CallLog
    readonly book: FaultBook
    readonly confirmSenders: boolean
  }
>()("gateway/layers/sandbox/SandboxState") {}

const layerState = (options: SandboxOptions): Layer.Layer<Sandbox | SandboxState> =>
  Layer.effectContext(
    Effect.sync(() => {
      const accounts = makeAccounts(options.accounts ?? [demoAccount])
      const senders = makeSenders()
      if (options.accounts === undefined) {
        for (const id of demoAccount.accountIds) {
          senders.add(id, { name: "Demo", email: demoAccount.username, confirmed: true })
        }
      }
      const calls = makeCallLog()
      const book = makeFaultBook()
      const messages = makeCapturedMessagesMemory({
        maxMessages: options.maxMessages ?? 1_000,
        maxBytes: options.maxBytes ?? 268_435_456
      })
      const sandbox = Sandbox.of({
        messages,
        faults: book.faults,
        calls: calls.calls,
        addAccount: (account) => Effect.sync(() => accounts.add(account)),
        revokeTokens: Effect.sync(accounts.revokeTokens),
        senders: (accountId) => Effect.sync(() => senders.list(accountId)),
        addSender: (accountId, sender) => Effect.sync(() => senders.add(accountId, sender)),
        confirmSender: (accountId, email) => Effect.sync(() => senders.confirm(accountId, email))
      })
      const confirmSenders = options.confirmSenders ?? true
      return Context.make(Sandbox, sandbox).pipe(
        Context.add(SandboxState, { accounts, senders, calls, book, confirmSenders })
      )
    })
  )

const ApiRoutes = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const { messages } = yield* Sandbox
    const { accounts, book, calls, confirmSenders, senders } = yield* SandboxState
    const serve = makeServeEndpoint(calls, book)
    const v2 = makeEmailApiV2({ accounts, senders, messages, confirmSenders })
    const v1 = makeGatewayApiV1({ accounts, messages })
    yield* router.add("POST", "/token", serve(makeTokenEndpoint(accounts)))
    yield* router.add("GET", "/brands/default/senders", serve(v2.listSenders))
    yield* router.add("POST", "/brands/default/senders", serve(v2.createSender))
    yield* router.add("POST", "/v2/emails", serve(v2.submit))
    yield* router.add("POST", "/v1/auth/validate", serve(v1.validate))
    yield* router.add("POST", "/v1/emails", serve(v1.submit))
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
