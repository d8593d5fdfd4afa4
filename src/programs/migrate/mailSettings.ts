/** Single settings, as they were and as they have to be; nothing secret of the old ones is passed on. */
import { type ConnectionUrl, type NewConnection, writtenUrl } from "./connectionUrl.ts"
import { booleanOf, type Role, spelled } from "./variables.ts"

/** One setting of an application that has to do with mail. */
export interface Setting {
  readonly role: Role
  readonly value: string
  /** The value, when it is a connection URL. */
  readonly url: ConnectionUrl | undefined
  /** The line as it was, with another value. */
  readonly write: (value: string) => string
}

/** What becomes of a value. Whatever the operator has to know about it is added to `notes`. */
export const newValue = ({ role, url, value }: Setting, to: NewConnection, notes: Array<string>): string => {
  switch (role) {
    case "url": {
      if (url === undefined) return value
      const { isShortened, url: text } = writtenUrl(url, to)
      if (isShortened) notes.push("Parameters of the URL that may be the old service's own are left out.")
      if (!url.isSmtp) notes.push("The old URL calls the API of the service; the new one sends by SMTP.")
      return text
    }
    case "host":
      return hostAndPort(value).port === undefined ? to.host : `${to.host}:${to.port}`
    case "port":
      return `${to.port}`
    case "username":
      return to.username
    case "password":
      return to.password
    case "encryption":
      return encryption(value, to.implicitTls)
    case "scheme":
      return NO_SCHEME.has(value) ? value : to.implicitTls ? "smtps" : "smtp"
    case "implicit":
      return booleanOf(value) === undefined ? encryption(value, to.implicitTls) : spelled(to.implicitTls, value)
    case "starttls":
      return booleanOf(value) === undefined ? encryption(value, to.implicitTls) : spelled(!to.implicitTls, value)
    case "tls":
      return booleanOf(value) === undefined ? encryption(value, to.implicitTls) : spelled(true, value)
    case "authentication":
      return authentication(value, notes)
    case "transport":
      return transport(value, notes)
    case "sender":
      return value
  }
}

/** `tls` means STARTTLS wherever `ssl` stands beside it. */
const encryption = (value: string, implicitTls: boolean): string => {
  if (implicitTls) return "ssl"
  return value.toLowerCase() === "starttls" ? value : "tls"
}

const authentication = (value: string, notes: Array<string>): string => {
  if (/^:?(?:plain|login|)$/i.test(value) || booleanOf(value) !== undefined) return value
  notes.push("The gateway takes logins by PLAIN and LOGIN alone.")
  return value.startsWith(":") ? ":plain" : "plain"
}

const transport = (value: string, notes: Array<string>): string => {
  if (/^smtps?$/i.test(value) || value.endsWith("smtp.EmailBackend")) return value
  notes.push("The old transport does not send by SMTP; the new one does.")
  return value.includes(".") ? "django.core.mail.backends.smtp.EmailBackend" : "smtp"
}

/** Laravel's way to leave it to the port. */
const NO_SCHEME: ReadonlySet<string> = new Set(["", "null"])

/** Some write both into one setting. */
export const hostAndPort = (text: string): { readonly host: string; readonly port: number | undefined } => {
  const [, host = text, port] = /^([^:]+):(\d{1,5})$/.exec(text) ?? []
  return { host, port: portOf(port) }
}

export const portOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : undefined
