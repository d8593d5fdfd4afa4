/**
 * One SMTP connection of the load generator, on a raw socket. Plain callbacks, because it must cost far less than the
 * server that it measures.
 */
import { connect as connectTcp, type Socket } from "node:net"
import { connect as connectTls, type SecureContext, TLSSocket } from "node:tls"
import { now } from "./clock.ts"
import type { LoadPlan } from "./LoadPlan.ts"
import { type Message, stamp } from "./message.ts"

export interface ClientEvents {
  /** Logged in. */
  readonly ready: (client: SmtpClient, opening: Opening) => void
  /**
   * A mail has its reply: the one to the end of its data, or the first refusal before it. `took` is the milliseconds
   * from the end of the data, if it came so far.
   */
  readonly answered: (client: SmtpClient, code: string, took: number | undefined) => void
  /** The connection is over, by itself or after `quit`; a mail that was under way gets no reply. */
  readonly closed: (client: SmtpClient, reason: string) => void
}

/** How a connection came about. */
export interface Opening {
  /** Milliseconds from its beginning to the last reply before the login. */
  readonly connect: number
  /** Milliseconds. */
  readonly login: number
  /** Whether the server took up an earlier TLS session. */
  readonly isResumed: boolean
}

/** What all connections of one load share. */
export interface ClientSettings {
  readonly plan: LoadPlan
  readonly secureContext: SecureContext
  readonly events: ClientEvents
  readonly recipients: ReadonlyArray<string>
  readonly message: Message
  /** The last TLS session that the server gave, for `resume`. */
  session: Buffer | undefined
}

type ReplyHandler = (code: number, line: string) => void

export class SmtpClient {
  /** Mails begun on this connection. */
  sent = 0
  /** It has said QUIT. */
  isDone = false
  readonly #settings: ClientSettings
  readonly #began = now()
  #octets: Buffer | undefined
  #socket: Socket
  /** One for each command that waits for its reply. */
  #expected: Array<ReplyHandler> = []
  #rest = ""
  #reason = ""
  #connected = 0
  #dataEnded = 0

  constructor(settings: ClientSettings) {
    const { host, port, tls } = settings.plan
    this.#settings = settings
    this.#socket = connectTcp({ host, port, noDelay: true })
    this.#socket.on("error", (error) => (this.#reason ||= error.message))
    if (tls === "implicit") this.#socket = this.#secure(() => {})
    this.#listen()
    this.#expected.push((code, line) => {
      if (code !== 220) return this.#fail(line)
      this.#ask("EHLO client.example.com", 250, () => (tls === "starttls" ? this.#startTls() : this.#logIn()))
    })
  }

  /** Sends one mail; `answered` follows, or `closed`. */
  send(serial: number): void {
    this.sent++
    // A copy for each connection: the last mail of another may not be on its way yet.
    this.#octets ??= Buffer.from(this.#settings.message.octets)
    stamp(this.#octets, this.#settings.message.stampAt, serial)
    const { plan, recipients } = this.#settings
    const commands = [
      `MAIL FROM:<${plan.username}>`,
      ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
      "DATA"
    ]
    const last = commands.length - 1
    let refusal: string | undefined
    // A refusal is kept, and the rest is said all the same: as without one, the reply to DATA decides.
    const heard = (index: number) => (code: number, line: string) => {
      if (code >= 400) refusal ??= codeOf(line)
      if (index < last) {
        if (!plan.pipelining) say(index + 1)
      } else if (code === 354) this.#sendData(refusal)
      else this.#settings.events.answered(this, refusal ?? codeOf(line), undefined)
    }
    const say = (index: number) => {
      this.#expected.push(heard(index))
      this.#socket.write(`${commands[index]}\r\n`, "latin1")
    }
    if (!plan.pipelining) return say(0)
    for (const index of commands.keys()) this.#expected.push(heard(index))
    this.#socket.write(`${commands.join("\r\n")}\r\n`, "latin1")
  }

  /** Forgets a transaction that was refused half-way. */
  reset(next: () => void): void {
    this.#ask("RSET", 250, next)
  }

  quit(): void {
    this.isDone = true
    this.#expected.push(() => this.#socket.end())
    this.#socket.end("QUIT\r\n", "latin1")
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #sendData(refusal: string | undefined): void {
    const octets = this.#octets ?? this.#settings.message.octets
    const ended = () => (this.#dataEnded = now())
    this.#expected.push((_code, line) => {
      this.#settings.events.answered(this, refusal ?? codeOf(line), now() - this.#dataEnded)
    })
    // A mail of many segments has not ended before the last of them was taken by the system.
    if (octets.length > LARGE) this.#socket.write(octets, ended)
    else this.#socket.write(octets)
    ended()
  }

  #startTls(): void {
    this.#ask("STARTTLS", 220, () => {
      this.#socket.removeAllListeners("data")
      this.#socket = this.#secure(() => this.#ask("EHLO client.example.com", 250, () => this.#logIn()))
      this.#listen()
    })
  }

  #secure(next: () => void): TLSSocket {
    const { plan, secureContext, session } = this.#settings
    const secured = connectTls(
      {
        socket: this.#socket,
        secureContext,
        rejectUnauthorized: false,
        ...(plan.resume && session !== undefined && { session })
      },
      next
    )
    if (plan.resume) secured.on("session", (fresh) => (this.#settings.session = fresh))
    return secured
  }

  #logIn(): void {
    const { auth, password, username } = this.#settings.plan
    this.#connected = now()
    const done = () =>
      this.#settings.events.ready(this, {
        connect: this.#connected - this.#began,
        login: now() - this.#connected,
        isResumed: this.#socket instanceof TLSSocket && this.#socket.isSessionReused()
      })
    if (auth === "none") done()
    else if (auth === "PLAIN") this.#ask(`AUTH PLAIN ${base64(`\0${username}\0${password}`)}`, 235, done)
    else
      this.#ask("AUTH LOGIN", 334, () => this.#ask(base64(username), 334, () => this.#ask(base64(password), 235, done)))
  }

  #ask(command: string, wanted: number, next: () => void): void {
    this.#expected.push((code, line) => (code === wanted ? next() : this.#fail(line)))
    this.#socket.write(`${command}\r\n`, "latin1")
  }

  #fail(line: string): void {
    this.#reason = line
    this.#socket.destroy()
  }

  #listen(): void {
    const socket = this.#socket
    socket.on("data", (chunk: Buffer) => this.#read(chunk.toString("latin1")))
    socket.on("error", (error) => (this.#reason ||= error.message))
    socket.on("close", () => {
      // The socket beneath TLS closes too.
      if (socket === this.#socket) this.#settings.events.closed(this, this.#reason)
    })
  }

  #read(chunk: string): void {
    const text = this.#rest + chunk
    let from = 0
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", from)) {
      // The last line of a reply has no hyphen behind its code.
      if (text.charCodeAt(from + 3) !== HYPHEN) {
        const line = text.slice(from, end).trimEnd()
        const take = this.#expected.shift()
        if (take === undefined) this.#reason = line
        else take(Number(line.slice(0, 3)), line)
      }
      from = end + 1
    }
    this.#rest = text.slice(from)
  }
}

const HYPHEN = 0x2d

/** Octets from which on a mail is not written at once. */
const LARGE = 65_536

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64")

/** `250`, or `452 4.3.1` where there is an enhanced code. */
const codeOf = (line: string): string => /^\d{3}(?: \d\.\d+\.\d+)?/.exec(line)?.[0] ?? line
