/** Settings of a server that an application had no need for, because it knew the old service by its name. */
import type { NewConnection } from "./connectionUrl.ts"
import { written } from "./dotEnv.ts"
import type { Setting } from "./mailSettings.ts"
import type { Role } from "./variables.ts"

/** In the form of the framework that the settings give away. */
export const missingLines = (settings: ReadonlyArray<Setting>, to: NewConnection): ReadonlyArray<string> => {
  const has = (role: Role) => settings.some((setting) => setting.role === role)
  if (has("host") || has("url")) return []
  return linesLike(settings, to).flatMap(([role, line]) => (has(role) ? [] : [line]))
}

type Lines = ReadonlyArray<readonly [role: Role, line: string]>

const linesLike = (settings: ReadonlyArray<Setting>, to: NewConnection): Lines => {
  const service = settings.find(({ role }) => role === "service")
  if (service !== undefined) return nodemailerLines(service.name, to)
  const transport = settings.find(({ role }) => role === "transport")
  if (transport === undefined) return plainLines(to)
  return transport.value.includes(".") ? djangoLines(to) : laravelLines(to)
}

/** Beside `EMAIL_SERVICE` or `mail__options__service`. */
const nodemailerLines = (serviceName: string, { host, implicitTls, port }: NewConnection): Lines => {
  const named = (name: string) =>
    serviceName.replace(/service$/i, (service) => (service === service.toLowerCase() ? name.toLowerCase() : name))
  return [
    ["host", `${named("HOST")}=${host}`],
    ["port", `${named("PORT")}=${port}`],
    ["implicit", `${named("SECURE")}=${implicitTls}`]
  ]
}

const plainLines = ({ host, password, port, username }: NewConnection): Lines => [
  ["host", `SMTP_HOST=${host}`],
  ["port", `SMTP_PORT=${port}`],
  ["username", `SMTP_USERNAME=${username}`],
  ["password", `SMTP_PASSWORD=${quoted(password)}`]
]

const laravelLines = ({ host, password, port, username }: NewConnection): Lines => [
  ["host", `MAIL_HOST=${host}`],
  ["port", `MAIL_PORT=${port}`],
  ["username", `MAIL_USERNAME=${username}`],
  ["password", `MAIL_PASSWORD=${quoted(password)}`]
]

const djangoLines = ({ host, implicitTls, password, port, username }: NewConnection): Lines => [
  ["host", `EMAIL_HOST=${host}`],
  ["port", `EMAIL_PORT=${port}`],
  ["username", `EMAIL_HOST_USER=${username}`],
  ["password", `EMAIL_HOST_PASSWORD=${quoted(password)}`],
  implicitTls ? ["implicit", "EMAIL_USE_SSL=True"] : ["starttls", "EMAIL_USE_TLS=True"]
]

const quoted = (value: string): string => written({ before: "", name: "", value, quote: "" }, value)
