import { SMTPServer, type SMTPServerOptions } from "smtp-server"
import type { Socket } from "node:net"
import type { GatewayError } from "../../domain/GatewayError.ts"
import type { Command } from "../../services/SmtpSession.ts"
import type { ReplyingConnection } from "./ReplyingConnection.ts"
import { SubmissionConnection, type SubmissionConnectionOptions } from "./SubmissionConnection.ts"

/** What connections need of the layer around them. */
export interface SubmissionHooks {
  /** Octets. */
  readonly messageSizeLimit: number
  readonly maxRecipients: number
  /** Milliseconds of the monotonic clock. */
  readonly now: () => number
  /** Whether there is a certificate to speak TLS with. */
  readonly hasCertificate: () => boolean
  /** Starts the session of a connection; its first command follows. */
  readonly open: (connection: SubmissionConnection) => void
  readonly post: (connection: SubmissionConnection, command: Command) => void
  /** The client is gone. May come for a connection that was never opened. */
  readonly closed: (connection: SubmissionConnection) => void
  /** A command was refused that no session gets to see. */
  readonly refused: (connection: ReplyingConnection, error: GatewayError) => void
  /** A socket or handshake failed; nothing is left to answer. */
  readonly failed: (error: Error, clientAddress?: string) => void
}

/** The smtp-server package with every callback turned into a command of the connection's session. It never listens itself. */
export class SubmissionServer extends SMTPServer {
  readonly hooks: SubmissionHooks
  /** Set when the process goes: commands but QUIT are answered 421, those under way are finished. */
  draining = false
  readonly #bySession = new WeakMap<object, SubmissionConnection>()

  constructor(options: SMTPServerOptions, hooks: SubmissionHooks) {
    super(options)
    this.hooks = hooks
    // Without a listener a reset in the middle of DATA would end the process.
    this.on("error", (error) => hooks.failed(error))

    this.onConnect = (session, done) => {
      const connection = this.#of(session)
      if (connection === undefined) return
      this.hooks.open(connection)
      connection.post(
        (reply) => ({ _tag: "Connect", reply }),
        (reply) => (reply.code === 220 ? connection.welcome(done) : connection.sendAway(reply, done))
      )
    }
    this.onSecure = (socket, session, done) => {
      const connection = this.#of(session)
      if (connection === undefined) return
      connection.secured()
      this.hooks.post(connection, {
        _tag: "Secure",
        protocol: "getProtocol" in socket ? (socket.getProtocol() ?? "") : "",
        cipher: session.tlsOptions === false ? "" : session.tlsOptions.name
      })
      done()
    }
    this.onAuth = (auth, session, done) =>
      this.#of(session)?.authenticate(auth.method, auth.username ?? "", auth.password ?? "", (error) =>
        error === null ? done(null, { user: auth.username }) : done(error)
      )
    this.onMailFrom = (address, session, done) => {
      const connection = this.#of(session)
      connection?.post(
        (reply) => ({ _tag: "MailFrom", sender: address.address, reply }),
        (reply) => connection.settle(reply, done)
      )
    }
    this.onRcptTo = (address, session, done) => this.#of(session)?.addRecipient(address.address, done)
    this.onData = (stream, session, done) => this.#of(session)?.dataStarted(stream, done)
    this.onClose = (session) => {
      const connection = this.#of(session)
      if (connection !== undefined) this.hooks.closed(connection)
    }
  }

  override connect(socket: Socket, options: SubmissionConnectionOptions): void {
    const connection = new SubmissionConnection(this, socket, options)
    this.#bySession.set(connection.session, connection)
    this.connections.add(connection)
    connection.on("error", (error) => this.hooks.failed(error, connection.remoteAddress))
    connection.init()
  }

  get submissions(): Iterable<SubmissionConnection> {
    return [...this.connections].filter((connection) => connection instanceof SubmissionConnection)
  }

  #of(session: object): SubmissionConnection | undefined {
    return this.#bySession.get(session)
  }
}
