import { Effect, Redacted } from "effect"
import type { SMTPConnectionOptions } from "smtp-server/lib/smtp-connection.js"
import type { Socket } from "node:net"
import type { Envelope } from "../../domain/Envelope.ts"
import {
  ClientGone,
  DataEndless,
  MessageBudgetExhausted,
  MessageTooLarge,
  type ReceiveError,
  ShuttingDown,
  TlsRequired,
  TlsUnavailable,
  TooManyRecipients
} from "../../domain/GatewayError.ts"
import * as SmtpReply from "../../domain/SmtpReply.ts"
import type { Command, ReplyFunction } from "../../services/SmtpSession.ts"
import type { Activity } from "./activity.ts"
import { parseAddressCommand } from "./AddressCommand.ts"
import { initialResponseRefusal, lineRefusal, parameterRefusal } from "./commandLines.ts"
import { RecipientList } from "./RecipientList.ts"
import { ReplyingConnection } from "./ReplyingConnection.ts"
import type { SubmissionServer } from "./SubmissionServer.ts"
import { SubmissionStream } from "./SubmissionStream.ts"

type Next = () => void

export interface SubmissionConnectionOptions extends SMTPConnectionOptions {
  /** TLS from the first octet on (RFC 8314 section 3). */
  readonly implicitTls: boolean
}

/** A client that goes on naming recipients after so many 452 is not going to stop. */
const MAX_RECIPIENTS_TOO_MANY = 1000

/**
 * One connection of the smtp-server package, turned into commands for a session. The package keeps the grammar and the
 * order of commands; the underscore members used here are those of the exact version in package.json, and
 * test/layers/smtp holds them to what is expected of them.
 */
export class SubmissionConnection extends ReplyingConnection {
  readonly #recipients = new RecipientList()
  /** Refused past the limit since the connection began. */
  #recipientsTooMany = 0
  /** Set from 354 until both the data has ended and the session has answered it. */
  #data: Reception | undefined
  /** A command is with the session. */
  #waiting = false
  /** When the connection last had nothing to do, in milliseconds of the monotonic clock. */
  #idleSince: number
  readonly #implicitTls: boolean

  constructor(server: SubmissionServer, socket: Socket, options: SubmissionConnectionOptions) {
    super(server, socket, options)
    this.#idleSince = server.hooks.now()
    this.#implicitTls = options.implicitTls
  }

  /** Without the package's pause of 100 ms, which catches spammers and delays clients that log in. */
  override init(): void {
    this._setListeners(() => this.connectionReady())
    // What comes first is the handshake's, and waits until the session has let the client in.
    if (this.#implicitTls) this._socket.unpipe()
  }

  /** The session lets the client in: `greet` sends the greeting, under TLS if the port speaks nothing else. */
  welcome(greet: Next): void {
    if (!this.#implicitTls) greet()
    else if (this._server.hooks.hasCertificate()) this.upgrade(() => {}, greet)
    else {
      const error = new TlsUnavailable()
      this._server.hooks.refused(this, error)
      this.settle(SmtpReply.closing(SmtpReply.fromError(error)), greet)
    }
  }

  /** The handshake is over: the client may send commands from now on. */
  secured(): void {
    this.#idleSince = this._server.hooks.now()
  }

  /** The session does not let the client in, which is not waited for to hang up. */
  sendAway(reply: SmtpReply.SmtpReply, callback: (error: Error | null) => void): void {
    this.settle(reply, callback)
    this._socket.destroySoon()
  }

  override _createParser(): SubmissionStream {
    const parser = new SubmissionStream({ maxCommandLength: this._server.options.maxCommandLength })
    parser.onProxyHeader = () => this.abort()
    parser.oncommand = (command, next) => this._onCommand(command, next)
    parser.on("error", (error) => this.send(421, `Error: ${error.message}`))
    return parser
  }

  override _onCommand(command: Buffer, next?: Next): void {
    const resume = () => this._whenWritable(next ?? (() => {}))
    this.#idleSince = this._server.hooks.now()
    if (!this._upgrading && this._ready) {
      if (this._server.draining && !/^quit\b/i.test(command.toString("latin1", 0, 5))) {
        this.refuse(new ShuttingDown())
        return
      }
      const refusal = lineRefusal(command, this._nextHandler !== false)
      if (refusal !== undefined) {
        this._nextHandler = false
        this.answer(refusal)
        resume()
        return
      }
    }
    super._onCommand(command, next)
  }

  /** Hands a command to the session. `answered` gets the reply, and passes it on by the package's callback. */
  post(command: (reply: ReplyFunction) => Command, answered: ReplyFunction): void {
    this.#waiting = true
    this._server.hooks.post(
      this,
      command((reply) => {
        if (!this.#waiting) return
        this.#waiting = false
        this.#idleSince = this._server.hooks.now()
        answered(reply)
      })
    )
  }

  override _resetSession(): void {
    super._resetSession()
    this.#recipients.clear()
  }

  override handler_RSET(command: Buffer, next: Next): void {
    this._server.hooks.post(this, { _tag: "Reset" })
    super.handler_RSET(command, next)
  }

  override handler_EHLO(command: Buffer, next: Next): void {
    this._server.hooks.post(this, { _tag: "Reset" })
    super.handler_EHLO(command, next)
  }

  override handler_HELO(command: Buffer, next: Next): void {
    this._server.hooks.post(this, { _tag: "Reset" })
    super.handler_HELO(command, next)
  }

  handler_EXPN(_command: Buffer, next: Next): void {
    this.answer(SmtpReply.notImplemented)
    next()
  }

  override handler_STARTTLS(command: Buffer, next: Next): void {
    if (!this.secure && !this._server.hooks.hasCertificate()) {
      this.refuse(new TlsUnavailable())
      next()
      return
    }
    super.handler_STARTTLS(command, next)
  }

  override handler_AUTH(command: Buffer, next: Next): void {
    if (!this.secure) {
      this.refuse(new TlsRequired())
      next()
      return
    }
    const mechanism = command.toString("latin1").trim().split(/\s+/)[1]?.toUpperCase() ?? ""
    const offered = !this.session.user && this._server.options.authMethods.includes(mechanism)
    const refusal = offered ? initialResponseRefusal(command) : undefined
    if (refusal !== undefined) {
      this.answer(refusal)
      next()
      return
    }
    super.handler_AUTH(command, next)
  }

  authenticate(mechanism: string, username: string, password: string, callback: (error: Error | null) => void): void {
    const credentials = { username, password: Redacted.make(password) }
    this.post(
      (reply) => ({ _tag: "Auth", mechanism, credentials, reply }),
      (reply) => this.settle(reply, callback)
    )
  }

  override _parseAddressCommand(name: string, command: Buffer | string) {
    const parsed = parseAddressCommand(name === "mail from" ? "MAIL FROM" : "RCPT TO", command.toString())
    if (parsed === undefined) return false
    const { address, duplicate, parameters } = parsed
    return { address, args: parameters.size === 0 ? false : Object.fromEntries(parameters), duplicate } as const
  }

  override handler_MAIL(command: Buffer, next: Next): void {
    const refusal = parameterRefusal("MAIL FROM", command)
    const { envelope } = this.session
    // The package leaves it set by a MAIL that the session then refused.
    if (envelope.mailFrom === false) envelope.smtpUtf8 = false
    if (refusal === undefined) return super.handler_MAIL(command, next)
    this.answer(refusal)
    next()
  }

  override handler_RCPT(command: Buffer, next: Next): void {
    const refusal = parameterRefusal("RCPT TO", command)
    if (refusal === undefined) return super.handler_RCPT(command, next)
    this.answer(refusal)
    next()
  }

  addRecipient(recipient: string, callback: (error: Error | null) => void): void {
    if (this.#recipients.size >= this._server.hooks.maxRecipients && !this.#recipients.has(recipient)) {
      this.#recipientsTooMany++
      const flood = this.#recipientsTooMany > MAX_RECIPIENTS_TOO_MANY
      const error = new TooManyRecipients()
      this._server.hooks.refused(this, error)
      this.settle(flood ? SmtpReply.tooManyErrors : SmtpReply.fromError(error), callback)
      return
    }
    this.post(
      (reply) => ({ _tag: "RcptTo", recipient, reply }),
      (reply) => {
        if (reply.code < 400) this.#recipients.add(recipient)
        this.settle(reply, callback)
      }
    )
  }

  /** The session decides before 354 whether it wants the data: it runs `receive`, or replies without. */
  override handler_DATA(command: Buffer, next: Next): void {
    const parser = this._parser
    if (/^data\s+\S/i.test(command.toString("latin1", 0, 64))) {
      this.answer(SmtpReply.dataTakesNothing)
      next()
      return
    }
    if (this.#recipients.size === 0 || !(parser instanceof SubmissionStream)) {
      super.handler_DATA(command, next)
      return
    }
    const { mailFrom, smtpUtf8 } = this.session.envelope
    const envelope: Envelope = {
      sender: mailFrom === false ? "" : mailFrom.address,
      recipients: this.#recipients.addresses,
      smtpUtf8: smtpUtf8 === true
    }
    const transit = {
      clientAddress: this.remoteAddress,
      clientName: this.session.hostNameAppearsAs,
      protocol: this.session.transmissionType
    }
    const receive = (grow: (octets: number) => boolean) =>
      Effect.callback<Uint8Array, ReceiveError>((resume) => {
        if (this._closed) return resume(Effect.fail(new ClientGone()))
        const limit = this._server.hooks.messageSizeLimit
        const { data } = parser.collect(limit, grow, (ended) => {
          if (this.#data?.answered === true) return this.#discarded(ended, data.size)
          if (this.#data !== undefined) this.#data.ended = ended
          if (ended && data.oversize) resume(Effect.fail(new MessageTooLarge({ limit })))
          else if (data.refused) resume(Effect.fail(new MessageBudgetExhausted()))
          else if (ended) resume(Effect.succeed(data.take()))
          else if (data.size > 2 * limit) resume(Effect.fail(new DataEndless()))
        })
        this.#failReceive = (error) => {
          // The package holds on to the connection for some seconds: not to what the client has sent as well.
          data.discard()
          resume(Effect.fail(error))
        }
        super.handler_DATA(command, next)
      })
    this.post(
      (reply) => ({ _tag: "Data", envelope, transit, receive, reply }),
      (reply) => {
        const data = this.#data
        this.#failReceive = undefined
        parser.data.forget()
        if (reply.code < 400) this.forgetErrors()
        if (data === undefined) {
          this.reply(reply)
          next()
        } else if (reply.code === 421) {
          this.#data = undefined
          this.reply(reply)
        } else {
          data.answered = true
          if (data.ended) this.#data = undefined
          // Refused in the middle of the data: the rest is read and thrown away before the reply goes out.
          else parser.data.discard()
          this.settle(reply, (error) => data.settle(error, ""))
        }
      }
    )
  }

  /** What comes of a message that was refused before its end has the bounds of any other (rulings 9). */
  #discarded(ended: boolean, octets: number): void {
    if (ended) {
      this.#data = undefined
      this.#idleSince = this._server.hooks.now()
    } else if (octets > 2 * this._server.hooks.messageSizeLimit) this.refuse(new DataEndless())
  }

  /** While the session receives. */
  #failReceive: ((error: ReceiveError) => void) | undefined

  /** The package has said 354; `callback` sends the reply once the data has ended. */
  dataStarted(stream: NodeJS.ReadableStream, callback: (error: Error | null, text?: string) => void): void {
    stream.resume()
    this.#data = { startedAt: this._server.hooks.now(), ended: false, answered: false, settle: callback }
  }

  /** What the connection is busy with; the server's sweep sets a deadline for each. */
  activity(): Activity {
    if (this._closing) return { _tag: "Closing" }
    if (this._upgrading) return { _tag: "Handshake", since: this.#idleSince }
    if (this.#data !== undefined && !this.#data.ended) {
      const octets = this._parser instanceof SubmissionStream ? this._parser.data.size : 0
      return { _tag: "Receiving", since: this.#data.startedAt, octets }
    }
    return this.#waiting || this.#data !== undefined ? { _tag: "Waiting" } : { _tag: "Idle", since: this.#idleSince }
  }

  /** Without a word: there is nothing that could be said in the middle of a handshake. */
  abort(): void {
    this._socket.destroy()
  }

  /** Ends DATA with an error that closes the connection. */
  abortData(error: ReceiveError): void {
    if (this.#data?.answered === true) this.refuse(error)
    else this.#failReceive?.(error)
  }

  /** The client is gone, perhaps in the middle of DATA. */
  abandon(): void {
    if (this.#failReceive !== undefined) this.abortData(new ClientGone())
  }
}

/** One message from 354 on. */
interface Reception {
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number
  ended: boolean
  /** The session has, perhaps before the end. */
  answered: boolean
  readonly settle: (error: Error | null, text?: string) => void
}
