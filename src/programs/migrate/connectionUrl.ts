/** Connection URLs: `smtp://user:password@host:587`, Symfony's `sendgrid+smtp://key@default` and their like. */
import { Option } from "effect"
import { booleanOf, spelled } from "./variables.ts"

export interface ConnectionUrl {
  /** As it is written, without the colon. */
  readonly scheme: string
  /** `sendgrid` of `sendgrid+smtp`; empty for plain SMTP. */
  readonly service: string
  /** Sent by SMTP, and not by the API of the service. */
  readonly isSmtp: boolean
  /** The TLS that the URL asks for; `undefined` when it does not say. */
  readonly implicitTls: boolean | undefined
  /** Empty when the URL names none, as Symfony's `default`. */
  readonly host: string
  readonly port: number | undefined
  readonly username: string
  readonly query: URLSearchParams
}

/** What a new URL is made of. `password` is written as it is given. */
export interface NewConnection {
  readonly host: string
  readonly port: number
  readonly implicitTls: boolean
  readonly username: string
  readonly password: string
}

const PLAIN_SCHEMES: ReadonlySet<string> = new Set([
  "smtp",
  "smtps",
  "smtp+tls",
  "smtp+ssl",
  "submission",
  "submissions"
])

const SERVICE_SCHEME = /^([a-z]+)\+(smtps?|api|https?)$/

export const looksLikeUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(text)

/** Whether a setting of any name is one: the address of a mail server, and no other. */
export const looksLikeMailUrl = (text: string): boolean =>
  /^(?:smtps?|smtp\+(?:tls|ssl)|submissions?|[a-z]+\+smtps?):\/\//i.test(text)

/** Symfony's way to name several. */
const SEVERAL = /^(?:failover|roundrobin)\(\s*([^\s)]+).*\)/is

export const namesSeveral = (text: string): boolean => SEVERAL.test(text)

/** Of several the first. */
export const readConnectionUrl = (text: string): Option.Option<ConnectionUrl> => {
  const first = SEVERAL.exec(text)?.[1] ?? text
  const url = URL.parse(first) ?? URL.parse(withoutPassword(first))
  if (url === null || url.hostname === "") return Option.none()
  const scheme = url.protocol.slice(0, -1)
  const [, service = "", transport = ""] = PLAIN_SCHEMES.has(scheme) ? [] : (SERVICE_SCHEME.exec(scheme) ?? [])
  if (service === "" && !PLAIN_SCHEMES.has(scheme)) return Option.none()
  const host = decoded(url.hostname)
  const port = url.port === "" ? undefined : Number(url.port)
  return Option.some({
    scheme,
    service,
    isSmtp: service === "" || transport.startsWith("smtp"),
    implicitTls: implicitTls(scheme, port, url.searchParams.get("encryption")),
    host: host === "default" ? "" : host,
    port,
    // Swift Mailer wants it among the parameters.
    username: decoded(url.username) || (url.searchParams.get("username") ?? ""),
    query: url.searchParams
  })
}

/**
 * The same kind of URL for another server, and whether parameters were left out. Their names are not told: of a password
 * with a `?` in it, they are the rest.
 */
export const writtenUrl = (
  old: ConnectionUrl,
  { host, implicitTls, password, port, username }: NewConnection
): { readonly url: string; readonly isShortened: boolean } => {
  const query = new URLSearchParams()
  let isShortened = false
  for (const [name, value] of old.query) {
    if (name === "username") query.append(name, username)
    else if (name === "password") query.append(name, password)
    else if (name === "encryption") query.append(name, implicitTls ? "ssl" : "tls")
    else if (name === "tls" && booleanOf(value) !== undefined) query.append(name, spelled(!implicitTls, value))
    else if (name === "auth_mode") query.append(name, value === "login" ? "login" : "plain")
    else if (KEPT_PARAMETERS.has(name)) query.append(name, value)
    else isShortened = true
  }
  const login = old.query.has("username") ? "" : `${encodeURIComponent(username)}:${encodeURIComponent(password)}@`
  const parameters = query.size === 0 ? "" : `?${query.toString()}`
  const name = host.includes(":") ? `[${host}]` : host
  // Where a parameter says it the scheme need not.
  const scheme = old.query.has("encryption") ? "smtp" : newScheme(old.scheme, implicitTls)
  return { url: `${scheme}://${login}${name}:${port}${parameters}`, isShortened }
}

/** What libraries take for any server. Everything else may belong to the old service, or be its secret. */
const KEPT_PARAMETERS: ReadonlySet<string> = new Set(
  ["verify_peer", "local_domain", "restart_threshold", "restart_threshold_sleep", "ping_threshold"].concat([
    "max_per_second",
    "auto_tls",
    "require_tls",
    "requireTLS",
    "pool",
    "maxConnections",
    "maxMessages",
    "timeout"
  ])
)

const implicitTls = (scheme: string, port: number | undefined, encryption: string | null): boolean | undefined => {
  if (/smtps$|\+ssl$|^submissions$/.test(scheme) || encryption === "ssl") return true
  if (scheme === "smtp+tls" || scheme === "submission" || encryption === "tls") return false
  return port === undefined ? undefined : isImplicitPort(port)
}

/** 465 of RFC 8314, and what services offer beside it. */
export const isImplicitPort = (port: number): boolean => port === 465 || port === 2465 || port === 8465

const newScheme = (scheme: string, implicit: boolean): string => {
  if (scheme.startsWith("smtp+")) return implicit ? "smtp+ssl" : "smtp+tls"
  if (scheme.startsWith("submission")) return implicit ? "submissions" : "submission"
  return implicit ? "smtps" : "smtp"
}

/** A password that should have been encoded can make the URL unreadable, and nobody needs it. */
const withoutPassword = (text: string): string => text.replace(/^([a-z][a-z0-9+.-]*:\/\/)(?:(\w*):)?.*@/i, "$1$2@")

/** A `%` that stands for itself is left alone. */
const decoded = (text: string): string => Option.getOrElse(decodeComponent(text), () => text)

const decodeComponent = Option.liftThrowable(decodeURIComponent)
