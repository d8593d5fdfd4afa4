/** Listens for SMTP, runs one supervised session fiber for each connection, and drains when its scope closes. */
import { Clock, Context, Data, Duration, Effect, Layer, Redacted, Stream } from "effect"
import { createServer, type Server, type Socket } from "node:net"
import type { SMTPServerOptions } from "smtp-server"
import type { SMTPConnectionOptions } from "smtp-server/lib/smtp-connection.js"
import { correlationId } from "../../domain/correlationId.ts"
import * as SmtpReply from "../../domain/SmtpReply.ts"
import { networkMembership, readAddress } from "../../domain/networks.ts"
import { GatewayConfig, type SmtpPort } from "../../services/GatewayConfig.ts"
import { Readiness } from "../../services/Readiness.ts"
import { SmtpSession } from "../../services/SmtpSession.ts"
import { type Certificate, TlsContext } from "../../services/TlsContext.ts"
import { monotonicMillis } from "../protection/monotonicMillis.ts"
import { connectionCounter, errorCounter } from "../telemetry/sharedCounters.ts"
import { TicketKeys } from "../tls/TicketKeys.ts"
import { makeDeadlines } from "./deadlines.ts"
import { drain } from "./drain.ts"
import { type ProxyOutcome, ProxyHeaderReader } from "./ProxyHeaderReader.ts"
import { makeSessionFibers } from "./sessionFibers.ts"
import { type SubmissionHooks, SubmissionServer } from "./SubmissionServer.ts"
import { tlsPolicy } from "./tlsPolicy.ts"

/** Where the server listens; ports are the real ones, also when a setting said 0. */
export class SmtpServer extends Context.Service<SmtpServer, { readonly ports: ReadonlyArray<SmtpPort> }>()(
  "gateway/layers/SmtpServer"
) {}

/** A port could not be listened on. */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly port: number
  readonly cause: Error
}> {
  override get message(): string {
    return `cannot listen on port ${this.port}: ${this.cause.message}`
  }
}

/** Commands without a login before the connection is closed. */
const MAX_UNAUTHENTICATED_COMMANDS = 50

/** Octets of one AUTH line, base64 included. */
const MAX_AUTH_LINE_LENGTH = 12_288

export const SmtpServerLive = Layer.effect(
  SmtpServer,
  Effect.gen(function* () {
    const { shutdown, smtp } = yield* GatewayConfig
    const session = yield* SmtpSession
    const readiness = yield* Readiness
    const tls = yield* TlsContext
    const clock = yield* Clock.Clock
    const connections = yield* connectionCounter
    const countError = yield* errorCounter
    const fibers = yield* makeSessionFibers
    let certificate: Certificate | undefined
    let ticketKeys: Buffer | undefined

    const hooks: SubmissionHooks = {
      messageSizeLimit: smtp.messageSizeLimit,
      maxRecipients: smtp.maxRecipients,
      now: () => monotonicMillis(clock),
      hasCertificate: () => certificate !== undefined,
      open: fibers.open,
      post: fibers.post,
      closed: fibers.close,
      refused: (connection, error) => {
        // Who has nothing under way loses nothing by coming again.
        if (error._tag !== "ShuttingDown") countError(error)
        fibers.report(
          Effect.logDebug("command_refused", {
            correlation_id: correlationId(connection.id),
            session_id: connection.id,
            client_ip: connection.remoteAddress,
            error_type: error._tag,
            reply: SmtpReply.loggedText(error)
          })
        )
      },
      failed: (error, clientAddress) => {
        connections.increment({ status: "error" })
        fibers.report(Effect.logDebug("connection_error", { client_ip: clientAddress, error: error.message }))
      }
    }
    const options: SMTPServerOptions = {
      name: smtp.hostname,
      // The name alone: what the client is called is its own business.
      heloResponse: "%s",
      size: smtp.messageSizeLimit,
      authMethods: ["PLAIN", "LOGIN"],
      disabledCommands: ["WIZ", "SHELL", "KILL", "XCLIENT", "XFORWARD"],
      hideENHANCEDSTATUSCODES: false,
      disableReverseLookup: true,
      maxAllowedUnauthenticatedCommands: MAX_UNAUTHENTICATED_COMMANDS,
      maxCommandLength: MAX_AUTH_LINE_LENGTH,
      socketTimeout: Duration.toMillis(smtp.connectionTimeout) + 1_000,
      logger: false,
      ...tlsPolicy
    }
    const server = new SubmissionServer(options, hooks)

    const useCertificate = (loaded: Certificate) => {
      certificate = loaded
      server.updateSecureContext({
        cert: loaded.certificate,
        key: Redacted.value(loaded.privateKey),
        ...(ticketKeys !== undefined && { ticketKeys })
      })
    }
    yield* tls.changes.pipe(
      Stream.runForEach((loaded) =>
        Effect.andThen(
          Effect.sync(() => useCertificate(loaded)),
          readiness.set("no certificate", false)
        )
      ),
      Effect.tapCause((cause) => Effect.logError("certificate_updates_ended", cause)),
      Effect.forkScoped({ startImmediately: true })
    )
    yield* (yield* TicketKeys).changes.pipe(
      Stream.runForEach((keys) =>
        Effect.sync(() => {
          ticketKeys = Buffer.from(keys)
          if (certificate !== undefined) useCertificate(certificate)
        })
      ),
      Effect.tapCause((cause) => Effect.logError("ticket_keys_not_rotated", cause)),
      Effect.forkScoped({ startImmediately: true })
    )
    const proxyHeaders = new ProxyHeaderReader(hooks.now)
    const isProxy = networkMembership(smtp.proxyTrusted)
    yield* makeDeadlines(server, proxyHeaders, smtp)

    const listeners: Array<Server> = []
    yield* Effect.addFinalizer(() =>
      drain({ listeners, proxyHeaders, readiness, server, session, ended: fibers.ended, shutdown })
    )

    const ports: Array<SmtpPort> = []
    for (const wanted of smtp.ports) {
      const open = (socket: Socket, address: SMTPConnectionOptions) =>
        server.connect(socket, { ...address, implicitTls: wanted.implicitTls })
      // Who may speak PROXY must: without its header the limits would count the balancer as one client.
      const accept = (socket: Socket) => {
        // Reset before it was accepted: nobody is there, and nobody knows who it was.
        if (socket.remoteAddress === undefined) return void socket.destroy()
        if (!isProxy(readAddress(socket.remoteAddress ?? ""))) return open(socket, {})
        proxyHeaders.read(socket, (outcome) => {
          if (outcome._tag === "Refused")
            hooks.failed(new Error(`PROXY header ${outcome.reason}`), socket.remoteAddress)
          else open(socket, outcome._tag === "Local" ? {} : forwardedAddress(outcome))
        })
      }
      const listener = createServer({ noDelay: true, keepAlive: true }, accept)
      const port = yield* listen(listener, wanted.port, smtp.host)
      listeners.push(listener)
      ports.push({ port, implicitTls: wanted.implicitTls })
      yield* Effect.logInfo("smtp_listening", {
        host: smtp.host,
        port,
        tls: wanted.implicitTls ? "implicit" : "starttls"
      })
    }
    yield* readiness.set("not listening", false)
    return SmtpServer.of({ ports })
  })
)

const forwardedAddress = ({ destination, source }: Extract<ProxyOutcome, { readonly _tag: "Forwarded" }>) => ({
  remoteAddress: source.address,
  remotePort: source.port,
  localAddress: destination.address,
  localPort: destination.port
})

const listen = (server: Server, port: number, host: string): Effect.Effect<number, ListenError> =>
  Effect.callback((resume) => {
    const failed = (cause: Error) => resume(Effect.fail(new ListenError({ port, cause })))
    server.once("error", failed)
    server.listen(port, host, () => {
      server.off("error", failed)
      // Running out of file descriptors fails an accept; the ones that are open go on.
      server.on("error", () => {})
      const address = server.address()
      resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : port))
    })
  })
