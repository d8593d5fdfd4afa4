import { SMTPConnection } from "smtp-server/lib/smtp-connection.js"
import { type GatewayError, NotAuthenticated, TlsRequired } from "../../domain/GatewayError.ts"
import * as SmtpReply from "../../domain/SmtpReply.ts"
import type { SubmissionServer } from "./SubmissionServer.ts"
import { plainText, wordingOf } from "./wording.ts"

/** Commands that make no sense, or come at the wrong time, before the connection is closed. */
const MAX_ERRORS = 20

/** What is said on a connection: replies of the session, our own, and those of the package in our words. */
export class ReplyingConnection extends SMTPConnection {
  declare readonly _server: SubmissionServer
  /** The reply that the package is about to send in its own words. */
  #answer: SmtpReply.SmtpReply | undefined
  /** Commands refused for what they are. */
  #errors = 0

  override send(code: number, data?: string | Array<string> | null, context?: string | false): void {
    const answer = this.#answer
    this.#answer = undefined
    if (answer === undefined && this.#isOneErrorTooMany(code)) {
      this.reply(SmtpReply.tooManyErrors)
    } else if (answer?.code === code) {
      super.send(code, `${answer.enhanced} ${answer.text}`.trimStart(), false)
    } else if (Array.isArray(data)) {
      // EHLO: a password is never asked for in the clear.
      super.send(code, this.secure ? data : data.filter((line) => !line.startsWith("AUTH ")), context)
    } else if (code === 530) {
      const error = this.secure ? new NotAuthenticated() : new TlsRequired()
      this._server.hooks.refused(this, error)
      const { enhanced, text } = SmtpReply.fromError(error)
      super.send(code, `${enhanced} ${text}`, false)
    } else {
      const wording = typeof data === "string" ? wordingOf(data) : undefined
      if (wording !== undefined) super.send(code, `${wording.enhanced} ${wording.text}`, false)
      else super.send(code, typeof data === "string" ? plainText(data) : data, context)
    }
    if (answer?.close === true && code !== 421) this.close()
  }

  /** Gives the session's reply to the package, which goes on by its code. */
  settle(reply: SmtpReply.SmtpReply, callback: (error: Error | null) => void): void {
    this.#answer = reply
    callback(reply.code < 400 ? null : Object.assign(new Error(reply.text), { responseCode: reply.code }))
  }

  /** Answers a command that does not get to the session. */
  answer(reply: SmtpReply.SmtpReply): void {
    this.reply(this.#isOneErrorTooMany(reply.code) ? SmtpReply.tooManyErrors : reply)
  }

  /** Sends a reply of ours outside of the package's own flow. */
  reply(reply: SmtpReply.SmtpReply): void {
    this.#answer = reply
    this.send(reply.code)
  }

  /** Whoever has logged in may see a whole transaction refused that it sent in one go. */
  #isOneErrorTooMany(code: number): boolean {
    if (code < 400 || code === 421) return false
    this.#errors++
    return this.#errors > MAX_ERRORS + (this.session.user ? this._server.hooks.maxRecipients : 0)
  }

  /** A message was accepted. */
  forgetErrors(): void {
    this.#errors = 0
  }

  /** As `answer`, with what the error deserves; counted as an error of that kind. */
  refuse(error: GatewayError): void {
    this._server.hooks.refused(this, error)
    this.answer(SmtpReply.fromError(error))
  }
}
