/** From the settings that an application has to those that it needs to send through the gateway. */
import { Option } from "effect"
import {
  type ConnectionUrl,
  isImplicitPort,
  looksLikeUrl,
  type NewConnection,
  readConnectionUrl
} from "./connectionUrl.ts"
import { type Assignment, readAssignments, written } from "./dotEnv.ts"
import { type KnownService, serviceOfHost, serviceOfVariable, serviceOfWord } from "./services.ts"
import { hostAndPort, newValue, portOf, type Setting } from "./mailSettings.ts"
import { booleanOf, type Role, roleOf } from "./variables.ts"

/** What the operator says about the gateway. */
export interface Wanted {
  readonly host: string
  readonly port: number | undefined
  readonly implicitTls: boolean | undefined
  readonly user: string | undefined
  /** Written in place of the old one. */
  readonly password: string | undefined
}

export interface Plan {
  /** The new settings, in the form of the old ones. Nothing of the old password or token is in them. */
  readonly lines: ReadonlyArray<string>
  /** What will be different, and what is left to do. */
  readonly notes: ReadonlyArray<string>
  readonly host: string
  readonly port: number
  readonly implicitTls: boolean
  readonly username: string
  /** The From address that the old settings name. */
  readonly sender: string | undefined
}

export const PLACEHOLDER_USER = "you@example.com"
export const PLACEHOLDER_PASSWORD = "cakemail-password-or-token"

/** `undefined` when the text is no connection URL. */
export const planForUrl = (text: string, wanted: Wanted): Plan | undefined => {
  const url = Option.getOrUndefined(readConnectionUrl(text))
  return url === undefined ? undefined : plan([{ role: "url", value: text, url, write: (value) => value }], [], wanted)
}

/** `undefined` when nothing in the file says how mail is sent. */
export const planForDotEnv = (text: string, wanted: Wanted): Plan | undefined => {
  const assignments = readAssignments(text)
  const found = assignments.flatMap(readSetting)
  const says = (role: Role) => found.some((setting) => setting.role === role && setting.value !== "")
  if (!says("url") && !says("host") && !says("transport")) return undefined
  const others = assignments.filter(({ name }) => roleOf(name) === undefined)
  return plan(found, others, wanted)
}

const readSetting = (assignment: Assignment): ReadonlyArray<Setting> => {
  const role = roleOf(assignment.name)
  if (role === undefined) return []
  const { value } = assignment
  const write = (text: string) => written(assignment, text)
  const isUrl = role === "url" || ((role === "host" || role === "transport") && looksLikeUrl(value))
  if (!isUrl) return [{ role, value, url: undefined, write }]
  const url = Option.getOrUndefined(readConnectionUrl(value))
  // Otherwise of another kind: the address of a web page, the name of a queue.
  return url === undefined ? [] : [{ role: "url", value, url, write }]
}

const plan = (settings: ReadonlyArray<Setting>, others: ReadonlyArray<Assignment>, wanted: Wanted): Plan => {
  const valueOf = (role: Role) => settings.find((setting) => setting.role === role && setting.value !== "")?.value
  const url = settings.find((setting) => setting.url !== undefined)?.url
  const oldPort = url?.port ?? portOf(valueOf("port")) ?? hostAndPort(valueOf("host") ?? "").port
  const implicitTls = wanted.implicitTls ?? oldTls(settings, url, oldPort)
  const port = wanted.port ?? (implicitTls ? 465 : 587)
  const username = wanted.user ?? keptUser(url?.username ?? valueOf("username"))
  const password = wanted.password ?? PLACEHOLDER_PASSWORD
  const connection = { host: wanted.host, port, implicitTls, username, password }
  const notes: Array<string> = []
  const lines = settings.flatMap((setting) => {
    if (setting.role === "sender") return []
    return [setting.write(newValue(setting, connection, notes))]
  })
  lines.push(...missingLines(settings, connection))
  const service = serviceOf(settings, url, others)
  const sender = bareAddress(valueOf("sender"))
  notes.push(
    ...tlsNotes(settings, url),
    ...portNotes(oldPort, port, implicitTls),
    ...loginNotes(wanted, username),
    `${sender === undefined ? "The From address" : sender} has to be a confirmed sender of the Cakemail account.`,
    ...LIMITS,
    ...(service === undefined ? [] : service.differences.map((difference) => `${service.name}: ${difference}`)),
    ...leftovers(others)
  )
  return { lines, notes, host: wanted.host, port, implicitTls, username, sender }
}

/** Where the API of a service was used there are no settings of a server to be replaced. */
const missingLines = (settings: ReadonlyArray<Setting>, to: NewConnection): ReadonlyArray<string> => {
  const transport = settings.find(({ role }) => role === "transport")
  if (transport === undefined || settings.some(({ role }) => role === "host" || role === "url")) return []
  const lines = transport.value.includes(".") ? djangoLines(to) : laravelLines(to)
  return lines.flatMap(([role, line]) => (settings.some((setting) => setting.role === role) ? [] : [line]))
}

type Lines = ReadonlyArray<readonly [role: Role, line: string]>

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

const oldTls = (
  settings: ReadonlyArray<Setting>,
  url: ConnectionUrl | undefined,
  port: number | undefined
): boolean => {
  if (url?.implicitTls !== undefined) return url.implicitTls
  for (const { role, value } of settings) {
    if (role === "implicit" && booleanOf(value) === true) return true
    if (/^(?:encryption|implicit|scheme)$/.test(role) && /^(?:ssl|smtps|force_tls)$/i.test(value)) return true
  }
  return port !== undefined && isImplicitPort(port)
}

/** The names that services give to everybody. Any other may be a token. */
const keptUser = (username: string | undefined): string =>
  username === "apikey" || username === "resend" ? username : PLACEHOLDER_USER

const bareAddress = (text: string | undefined): string | undefined => {
  const address = /<([^<>]*)>/.exec(text ?? "")?.[1] ?? text
  return address !== undefined && /^[^\s@]+@[^\s@]+$/.test(address) ? address : undefined
}

const serviceOf = (
  settings: ReadonlyArray<Setting>,
  url: ConnectionUrl | undefined,
  others: ReadonlyArray<Assignment>
): KnownService | undefined => {
  for (const { role, value } of settings) {
    const service =
      role === "host" ? serviceOfHost(hostAndPort(value).host) : role === "transport" ? serviceOfWord(value) : undefined
    if (service !== undefined) return service
  }
  if (url !== undefined) {
    const service = serviceOfHost(url.host) ?? serviceOfWord(url.service)
    if (service !== undefined) return service
  }
  const [only, ...more] = new Set(others.flatMap(({ name }) => serviceOfVariable(name) ?? []))
  return more.length === 0 ? only : undefined
}

const SAYS_TLS: ReadonlySet<Role> = new Set(["encryption", "scheme", "implicit", "starttls", "tls"])

const tlsNotes = (settings: ReadonlyArray<Setting>, url: ConnectionUrl | undefined): ReadonlyArray<string> =>
  url?.implicitTls === true || settings.some(({ role }) => SAYS_TLS.has(role))
    ? []
    : ["TLS is mandatory, and nothing here turns it on: see that your library uses STARTTLS."]

const portNotes = (old: number | undefined, port: number, implicitTls: boolean): ReadonlyArray<string> => [
  ...(implicitTls ? [`The gateway serves TLS from the start only with SMTPS_PORT=${port}.`] : []),
  ...(old === undefined || old === port || implicitTls || old === 465
    ? []
    : [
        `The port was ${old}. If ${port} is closed where the application runs, set SMTP_EXTRA_PORTS=${old} and keep it.`
      ])
]

const loginNotes = ({ password }: Wanted, username: string): ReadonlyArray<string> => [
  ...(username === PLACEHOLDER_USER
    ? ["User name: the e-mail address of the Cakemail login, or anything beside a personal access token."]
    : []),
  ...(username === "apikey" || username === "resend"
    ? [`The user name ${username} may stay, beside a personal access token of Cakemail.`]
    : []),
  ...(password === undefined ? [`Put the Cakemail password or token where it says ${PLACEHOLDER_PASSWORD}.`] : [])
]

const LIMITS = [
  "One address may send 100 mails a minute over 10 connections: see RATE_LIMIT_PER_IP, MAX_CONNECTIONS_PER_IP and TRUSTED_NETWORKS.",
  "Attachments: csv, doc, docx, ics, jpeg, jpg, pdf, png, xls and xlsx, unless UNSUPPORTED_ATTACHMENTS=drop leaves others out.",
  "The gateway keeps no queue: a 4xx reply means that the application has to send again."
]

const leftovers = (others: ReadonlyArray<Assignment>): ReadonlyArray<string> => {
  const names = others.filter(({ name }) => serviceOfVariable(name) !== undefined).map(({ name }) => name)
  return names.length === 0 ? [] : [`No longer needed for sending: ${[...new Set(names)].join(", ")}.`]
}
