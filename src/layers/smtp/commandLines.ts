/** What is wrong with a command line, looked at before the package acts on it. */
import * as SmtpReply from "../../domain/SmtpReply.ts"
import { parseAddressCommand } from "./AddressCommand.ts"

/** Lines that are too long for what they are, and answers to an AUTH challenge that are not base64. */
export const lineRefusal = (command: Buffer, answersChallenge: boolean): SmtpReply.SmtpReply | undefined => {
  if (answersChallenge) {
    const line = command.toString("latin1").trim()
    return line === "*" || isBase64(line) ? undefined : SmtpReply.badBase64
  }
  const isAuth = /^auth\s/i.test(command.toString("latin1", 0, 5))
  return command.length > MAX_COMMAND_LENGTH && !isAuth ? SmtpReply.lineTooLong : undefined
}

/** `AUTH <mechanism> <initial response>`; RFC 4954 section 4 writes an empty response as `=`. */
export const initialResponseRefusal = (command: Buffer): SmtpReply.SmtpReply | undefined => {
  const initialResponse = command.toString("latin1").trim().split(/\s+/)[2]
  return initialResponse === undefined || initialResponse === "=" || isBase64(initialResponse)
    ? undefined
    : SmtpReply.badBase64
}

/** 555 for a parameter that was not offered (RFC 5321 section 4.1.1.11). */
export const parameterRefusal = (verb: "MAIL FROM" | "RCPT TO", command: Buffer): SmtpReply.SmtpReply | undefined => {
  const line = command.toString("latin1")
  if (line.lastIndexOf(">") === line.length - 1) return undefined
  const parsed = parseAddressCommand(verb, command.toString())
  for (const key of parsed?.parameters.keys() ?? []) {
    if (!OFFERED[verb].has(key)) return SmtpReply.unknownParameter(key)
  }
  return undefined
}

/** Octets; RFC 5321 section 4.5.3.1.4 asks for 512, extensions add to it. AUTH lines have the limit of the parser. */
const MAX_COMMAND_LENGTH = 2048

const OFFERED: { readonly [Verb in "MAIL FROM" | "RCPT TO"]: ReadonlySet<string> } = {
  "MAIL FROM": new Set(["SIZE", "BODY", "SMTPUTF8", "AUTH"]),
  "RCPT TO": new Set()
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const isBase64 = (text: string): boolean => BASE64.test(text)
