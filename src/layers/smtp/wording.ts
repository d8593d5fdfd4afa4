/**
 * The smtp-server package words its own replies and picks an enhanced code by the reply code alone. Where either is not
 * what RFC 3463 or a reader would want, it is replaced here; everything else loses its "Error:" and stays.
 */

interface Wording {
  readonly enhanced: string
  readonly text: string
}

const HELP = "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"

const BY_TEXT: ReadonlyMap<string, Wording> = new Map([
  ["Error: command not recognized", { enhanced: "5.5.1", text: "Command not recognized" }],
  ["Error: too many unrecognized commands", { enhanced: "4.7.0", text: "Too many bad commands, closing connection" }],
  ["Error: too many unauthenticated commands", { enhanced: "4.7.0", text: "Too many commands without a login" }],
  ["Error: send HELO/EHLO first", { enhanced: "5.5.1", text: "Send EHLO first" }],
  ["Error: internal server error", { enhanced: "4.3.0", text: "Temporary failure, try again later" }],
  ["Server shutting down", { enhanced: "4.3.2", text: "Service shutting down, try again" }],
  ["HTTP requests not allowed", { enhanced: "4.7.0", text: "This is no HTTP server" }],
  ["Timeout - closing connection", { enhanced: "4.4.2", text: "Timeout, closing connection" }],
  ["Error: Command line too long", { enhanced: "4.7.0", text: "Command line too long, closing connection" }],
  ["Authentication aborted", { enhanced: "5.7.0", text: "Authentication cancelled" }],
  ["Error: invalid userdata", { enhanced: "5.5.2", text: "Credentials are not in the form of the mechanism" }],
  ["Error: missing username", { enhanced: "5.5.2", text: "User name is missing" }],
  ["Error: No identity changes permitted", { enhanced: "5.5.1", text: "Already authenticated" }],
  ["Error: Unrecognized authentication type", { enhanced: "5.5.4", text: "Use AUTH PLAIN or AUTH LOGIN" }],
  ["Error: TLS already active", { enhanced: "5.5.1", text: "TLS is already active" }],
  ["Error: nested MAIL command", { enhanced: "5.5.1", text: "A transaction is already open" }],
  ["Error: need MAIL command", { enhanced: "5.5.1", text: "Send MAIL first" }],
  ["Error: need RCPT command", { enhanced: "5.5.1", text: "Send RCPT first" }],
  ["Error: Bad sender address syntax", { enhanced: "5.1.7", text: "Sender address is not understood" }],
  ["Error: Bad recipient address syntax", { enhanced: "5.1.3", text: "Recipient address is not understood" }],
  [
    "Try to send something. No promises though",
    { enhanced: "2.0.0", text: "Cannot verify, but will accept the message" }
  ],
  ["See https://tools.ietf.org/html/rfc5321 for details", { enhanced: "2.0.0", text: HELP }],
  ["Flushed", { enhanced: "2.0.0", text: "Transaction dropped" }]
])

/** The code and text to send, or `undefined` when the package's choice of code is right. */
export const wordingOf = (text: string): Wording | undefined => {
  const wording = BY_TEXT.get(text)
  if (wording !== undefined) return wording
  if (text.endsWith(" You talk too soon")) return { enhanced: "4.7.0", text: "You talk too soon" }
  if (text.startsWith("Error: message exceeds")) return { enhanced: "5.3.4", text: plainText(text) }
  return undefined
}

const PREFIX = "Error: "

/** Without the prefix that the package puts before what went wrong. */
export const plainText = (text: string): string =>
  text.startsWith(PREFIX) ? text.charAt(PREFIX.length).toUpperCase() + text.slice(PREFIX.length + 1) : text
