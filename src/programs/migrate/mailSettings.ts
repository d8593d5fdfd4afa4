/** Single settings, as they were and as they have to be; nothing secret of the old ones is passed on. */
import { type ConnectionUrl, namesSeveral, type NewConnection, writtenUrl } from "./connectionUrl.ts"
import { booleanOf, type Role, spelled } from "./variables.ts"

/** One setting of an application that has to do with mail. */
export interface Setting {
  readonly role: Role
  /** Of the variable; empty for a bare URL. */
  readonly name: string
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
      if (namesSeveral(value)) notes.push("The old setting names several transports; the new one is the gateway alone.")
      if (!url.isSmtp) notes.push("The old URL calls the API of the service; the new one sends by SMTP.")
      return text
    }
    case "host": {
      const { port, tls } = hostAndPort(value)
      const beginning = tls === undefined ? "" : to.implicitTls ? "ssl://" : "tls://"
      return beginning + (port === undefined ? to.host : `${to.host}:${to.port}`)
    }
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
      return starttls(value, to.implicitTls)
    case "tls":
      return booleanOf(value) === undefined ? encryption(value, to.implicitTls) : spelled(true, value)
    case "authentication":
      return authentication(value, notes)
    case "transport":
      return transport(value, notes)
    case "service":
      notes.push("The library knew the old server by its name: have it take host and port instead.")
      return ""
    case "sender":
      return value
  }
}

/** `tls` means STARTTLS wherever `ssl` stands beside it. */
const encryption = (value: string, implicitTls: boolean): string => {
  if (implicitTls) return /^(?:force_tls|smtps)$/i.test(value) ? value : "ssl"
  return value.toLowerCase() === "starttls" ? value : "tls"
}

/** Some know a third way between yes and no. */
const starttls = (value: string, implicitTls: boolean): string => {
  if (booleanOf(value) !== undefined) return spelled(!implicitTls, value)
  if (/^(?:auto|always)$/i.test(value)) return implicitTls ? "auto" : value
  return /^never$/i.test(value) ? "auto" : encryption(value, implicitTls)
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

export interface HostAndPort {
  readonly host: string
  readonly port: number | undefined
  /** What PHP writes before the host to say that TLS starts with the connection, or after STARTTLS. */
  readonly tls: "ssl" | "tls" | undefined
}

/** Some write all of it into one setting: `ssl://smtp.example.com:465`. */
export const hostAndPort = (text: string): HostAndPort => {
  const [, tls, rest = text] = /^(ssl|tls):\/\/(.*)$/i.exec(text) ?? []
  const [, host = rest, port] = /^([^:]+):(\d{1,5})$/.exec(rest) ?? []
  return { host, port: portOf(port), tls: tls === undefined ? undefined : tls.toLowerCase() === "ssl" ? "ssl" : "tls" }
}

export const portOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : undefined
