/**
 * The order of SMTP commands as a model that knows nothing of how the gateway does it: lines in, reply codes out. It is
 * written from RFC 5321, 3207 and 4954 and docs/smtp-replies.md.
 */

export interface ModelState {
  readonly secure: boolean
  readonly greeted: boolean
  readonly authenticated: boolean
  readonly sender: boolean
  readonly recipients: number
  /** A challenge of AUTH is open. */
  readonly challenged: boolean
  /** Lines that were no command. */
  readonly bad: number
  /** Lines that were refused for what they are, since the last message. */
  readonly errors: number
  readonly closed: boolean
}

export const CONNECTED: ModelState = {
  secure: false,
  greeted: false,
  authenticated: false,
  sender: false,
  recipients: 0,
  challenged: false,
  bad: 0,
  errors: 0,
  closed: false
}

const base64 = (text: string) => Buffer.from(text).toString("base64")

/** Every line that the model understands. */
export const LINES = {
  ehlo: "EHLO client.example.com",
  helo: "HELO client.example.com",
  lowerEhlo: "ehlo client.example.com",
  bareEhlo: "EHLO",
  noop: "NOOP",
  rset: "RSET",
  vrfy: "VRFY someone@example.com",
  bareVrfy: "VRFY",
  help: "HELP",
  expn: "EXPN list",
  mail: "MAIL FROM:<demo@example.com>",
  mailSpaced: "mail from: <demo@example.com> BODY=8BITMIME SIZE=1000",
  mailBroken: "MAIL FROM:<demo@@example..com",
  mailParameter: "MAIL FROM:<demo@example.com> COLOUR=red",
  mailHuge: "MAIL FROM:<demo@example.com> SIZE=99999999999",
  mailNull: "MAIL FROM:<>",
  rcpt: "RCPT TO:<to@example.com>",
  rcptBroken: "RCPT TO:<>",
  rcptParameter: "RCPT TO:<to@example.com> NOTIFY=NEVER",
  data: "DATA",
  login: `AUTH PLAIN ${base64("\0demo@example.com\0demo")}`,
  challenge: "AUTH PLAIN",
  cancel: "*",
  mechanism: "AUTH CRAM-MD5",
  notBase64: "AUTH PLAIN !!!!",
  starttls: "STARTTLS",
  starttlsNow: "STARTTLS now",
  wiz: "WIZ",
  xclient: "XCLIENT ADDR=192.0.2.1",
  nonsense: "FOO BAR",
  empty: "",
  long: `NOOP ${"x".repeat(3_000)}`,
  http: "GET / HTTP/1.1",
  quit: "QUIT"
} as const

export type LineName = keyof typeof LINES

export interface Step {
  readonly code: number
  readonly next: ModelState
}

/** Lines of a bad command end the connection at the tenth. */
const MAX_BAD = 10

/** Refusals that end the connection with the one after them; whoever has logged in may see 100 recipients refused. */
const MAX_ERRORS = { stranger: 20, login: 120 }

/** What a line is answered with. Not for closed connections. */
export const step = (state: ModelState, name: LineName): Step => {
  const { code, next } = answer(state, name)
  // Data that begins here is accepted.
  if (code === 354) return { code, next: { ...next, errors: 0 } }
  if (code < 400 || code === 421) return { code, next }
  const errors = state.errors + 1
  return errors <= (state.authenticated ? MAX_ERRORS.login : MAX_ERRORS.stranger)
    ? { code, next: { ...next, errors } }
    : { code: 421, next: { ...next, errors, closed: true } }
}

const answer = (state: ModelState, name: LineName): Step => {
  const stay = (code: number): Step => ({ code, next: state })
  const unknown = (): Step => {
    const bad = state.bad + 1
    return bad < MAX_BAD ? { code: 500, next: { ...state, bad } } : { code: 421, next: { ...state, bad, closed: true } }
  }
  if (name === "http") return { code: 421, next: { ...state, closed: true } }
  if (state.challenged) {
    // Only `cancel` follows a challenge here: other lines would have to be told from base64.
    return { code: 501, next: { ...state, challenged: false } }
  }
  /** For the commands of a transaction. */
  const loggedIn = (answer: () => Step): Step => {
    if (!state.greeted) return stay(503)
    return state.authenticated ? answer() : stay(530)
  }
  const auth = (answer: () => Step): Step => {
    if (!state.greeted) return stay(503)
    return state.secure ? answer() : stay(530)
  }
  const begun = (code: number): Step => ({ code, next: { ...state, greeted: true, sender: false, recipients: 0 } })
  const mail = (): Step => loggedIn(() => (state.sender ? stay(503) : { code: 250, next: { ...state, sender: true } }))

  switch (name) {
    case "ehlo":
    case "helo":
    case "lowerEhlo":
      return begun(250)
    case "bareEhlo":
    case "bareVrfy":
      return stay(501)
    case "starttlsNow":
      return stay(501)
    case "noop":
      return stay(250)
    case "rset":
      return { code: 250, next: { ...state, sender: false, recipients: 0 } }
    case "vrfy":
      return stay(252)
    case "help":
      return stay(214)
    case "expn":
      return stay(502)
    case "mail":
    case "mailSpaced":
    case "mailNull":
      return mail()
    case "mailBroken":
      return loggedIn(() => stay(501))
    case "mailParameter":
      return loggedIn(() => stay(555))
    case "mailHuge":
      return loggedIn(() => stay(state.sender ? 503 : 552))
    case "rcpt":
      return loggedIn(() =>
        state.sender ? { code: 250, next: { ...state, recipients: state.recipients + 1 } } : stay(503)
      )
    case "rcptBroken":
      return loggedIn(() => stay(501))
    case "rcptParameter":
      return loggedIn(() => stay(555))
    case "data":
      return loggedIn(() =>
        state.sender && state.recipients > 0
          ? { code: 354, next: { ...state, sender: false, recipients: 0 } }
          : stay(503)
      )
    case "login":
      return auth(() => (state.authenticated ? stay(503) : { code: 235, next: { ...state, authenticated: true } }))
    case "challenge":
      return auth(() => (state.authenticated ? stay(503) : { code: 334, next: { ...state, challenged: true } }))
    case "mechanism":
      return auth(() => stay(state.authenticated ? 503 : 504))
    case "notBase64":
      return auth(() => stay(state.authenticated ? 503 : 501))
    case "starttls":
      // What was learned before TLS counts no more (RFC 3207 section 4.2); bad commands and errors do.
      return state.secure
        ? stay(503)
        : { code: 220, next: { ...CONNECTED, secure: true, bad: state.bad, errors: state.errors } }
    case "long":
      return stay(500)
    case "quit":
      return { code: 221, next: { ...state, closed: true } }
    case "cancel":
    case "wiz":
    case "xclient":
    case "nonsense":
    case "empty":
      return unknown()
  }
}
