import { SMTPStream } from "smtp-server/lib/smtp-stream.js"
import { MailData } from "./MailData.ts"
import { ProxyHeaderGuard } from "./ProxyHeaderGuard.ts"

const NO_ROOM = () => false

/**
 * The package's line parser with message data taken out of its hands: it spends a turn of the event loop on every
 * dot-stuffed line, and a copy through a stream on everything. Commands stay its business.
 */
export class SubmissionStream extends SMTPStream {
  /** The message being received. */
  data = new MailData(0, NO_ROOM)
  /** Called for each piece of data, and once more at its end. */
  onProgress: (ended: boolean) => void = () => {}

  /** The first octets are a PROXY header, from a peer that is not in PROXY_TRUSTED: whoever it is, it is no mail client. */
  onProxyHeader: () => void = () => {}
  readonly #guard = new ProxyHeaderGuard()

  override _write(chunk: Buffer, encoding: BufferEncoding, next: (error?: Error | null) => void): void {
    const octets = this.#guard.pass(chunk)
    if (octets === undefined) {
      this.isClosed = true
      this.onProxyHeader()
    }
    super._write(octets ?? chunk, encoding, next)
  }

  /** Begins a message; called right before `startDataMode`. */
  collect(
    limit: number,
    grow: (octets: number) => boolean,
    onProgress: (ended: boolean) => void
  ): { readonly data: MailData } {
    this.data = new MailData(limit, grow)
    this.onProgress = onProgress
    return { data: this.data }
  }

  /**
   * The package's own forgets the callback after it has called it, and with it the next message's, which may have begun
   * meanwhile: a client may have sent all commands in one piece, and those that wait are answered at once.
   */
  override continue(): void {
    const goOn = this._continueCallback
    this._continueCallback = typeof goOn !== "function"
    if (typeof goOn === "function") goOn()
  }

  override _feedDataStream(chunk: Buffer, done: (error?: Error | null) => void): void {
    const end = this.data.push(chunk)
    this.dataBytes = this.data.size
    if (end < 0) {
      this.onProgress(false)
      done()
      return
    }
    // The package's own stream only signals the end: nothing was written to it.
    this._endDataMode(false, chunk.subarray(end), done)
    this.onProgress(true)
  }
}
