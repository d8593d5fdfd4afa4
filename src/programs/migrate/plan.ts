/** From the settings that an application has to those that it needs to send through the gateway. */
import { Option } from "effect"
import {
  type ConnectionUrl,
  isImplicitPort,
  looksLikeMailUrl,
  looksLikeUrl,
  readConnectionUrl
} from "./connectionUrl.ts"
import { type Assignment, readAssignments, written } from "./dotEnv.ts"
import { missingLines } from "./missingLines.ts"
import { isServiceKey, type KnownService, serviceOfHost, serviceOfVariable, serviceOfWord } from "./services.ts"
import { hostAndPort, newValue, portOf, type Setting } from "./mailSettings.ts"
import { booleanOf, type Role, roleOf } from "./variables.ts"

/** What the operator says about the gateway. */
export interface Wanted {
  /** `undefined`: a placeholder stands for it. */
  readonly host: string | undefined
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

export const PLACEHOLDER_HOST = "your-gateway.example.com"
export const PLACEHOLDER_USER = "you@example.com"
export const PLACEHOLDER_PASSWORD = "cakemail-password-or-token"

/** `undefined` when the text is no connection URL. */
export const planForUrl = (text: string, wanted: Wanted): Plan | undefined => {
  const url = Option.getOrUndefined(readConnectionUrl(text))
  return url === undefined
    ? undefined
    : plan([{ role: "url", name: "", value: text, url, write: (value) => value }], [], wanted)
}

/** `undefined` when nothing in the file says how mail is sent. */
export const planForDotEnv = (text: string, wanted: Wanted): Plan | undefined => {
  const assignments = readAssignments(text)
  if (!assignments.some(isAboutMail)) return undefined
  const found = assignments.flatMap(readSetting)
  const keys = keysInUse(assignments, found)
  const settings = [...found, ...keys.map((key) => settingOf("password", key))]
  const others = assignments.filter((each) => settingRole(each) === undefined && !keys.includes(each))
  return plan(settings, others, wanted)
}

/** What no application has that does not send mail. */
const isAboutMail = (assignment: Assignment): boolean => {
  const { name, value } = assignment
  if (value === "") return false
  const isOfService = serviceOfVariable(name) !== undefined
  const [setting] = readSetting(assignment)
  if (setting === undefined) return isOfService && isServiceKey(name)
  return isOfService || DECISIVE.has(setting.role)
}

const DECISIVE: ReadonlySet<Role> = new Set(["url", "host", "transport", "service"])

/** Where the server of a service is named and no password, the application logs in by the key of the service. */
const keysInUse = (
  assignments: ReadonlyArray<Assignment>,
  settings: ReadonlyArray<Setting>
): ReadonlyArray<Assignment> => {
  const host = settings.find(({ role }) => role === "host")
  const service = host === undefined ? undefined : serviceOfHost(hostAndPort(host.value).host)
  if (service === undefined || settings.some(({ role }) => role === "password")) return []
  return assignments.filter(({ name }) => isServiceKey(name) && serviceOfVariable(name) === service)
}

const settingRole = ({ name, value }: Assignment): Role | undefined => {
  const role = roleOf(name) ?? (looksLikeMailUrl(value) ? "url" : undefined)
  return role === "service" && serviceOfWord(value) === undefined ? undefined : role
}

const settingOf = (role: Role, assignment: Assignment): Setting => {
  const { name, value } = assignment
  return { role, name, value, url: undefined, write: (text) => written(assignment, text) }
}

const readSetting = (assignment: Assignment): ReadonlyArray<Setting> => {
  const { value } = assignment
  const role = settingRole(assignment)
  if (role === undefined) return []
  const isUrl = role === "url" || ((role === "host" || role === "transport") && isUrlOfServer(value))
  if (!isUrl) return [settingOf(role, assignment)]
  const url = Option.getOrUndefined(readConnectionUrl(value))
  // Otherwise of another kind: the address of a web page, the name of a queue.
  return url === undefined ? [] : [{ ...settingOf("url", assignment), url }]
}

const isUrlOfServer = (value: string): boolean => looksLikeUrl(value) && hostAndPort(value).tls === undefined

const plan = (settings: ReadonlyArray<Setting>, others: ReadonlyArray<Assignment>, wanted: Wanted): Plan => {
  const valueOf = (role: Role) => settings.find((setting) => setting.role === role && setting.value !== "")?.value
  const url = settings.find((setting) => setting.url !== undefined)?.url
  const oldPort = url?.port ?? portOf(valueOf("port")) ?? hostAndPort(valueOf("host") ?? "").port
  const implicitTls = wanted.implicitTls ?? oldTls(settings, url, oldPort)
  const port = wanted.port ?? (implicitTls ? 465 : 587)
  const username = wanted.user ?? keptUser(url?.username ?? valueOf("username"))
  const password = wanted.password ?? PLACEHOLDER_PASSWORD
  const host = wanted.host ?? PLACEHOLDER_HOST
  const connection = { host, port, implicitTls, username, password }
  const notes: Array<string> = []
  const lines = settings.flatMap((setting) =>
    setting.role === "sender" ? [] : [setting.write(newValue(setting, connection, notes))]
  )
  lines.push(...missingLines(settings, connection))
  const service = serviceOf(settings, url, others)
  const sender = bareAddress(valueOf("sender"))
  notes.push(
    ...tlsNotes(settings, url),
    ...portNotes(oldPort, port, implicitTls),
    ...loginNotes(wanted, username),
    ...homelessNotes(settings),
    `${sender === undefined ? "The From address" : sender} has to be a confirmed sender of the Cakemail account.`,
    ...LIMITS,
    ...(service === undefined ? [] : service.differences.map((difference) => `${service.name}: ${difference}`)),
    ...leftovers(others)
  )
  return { lines, notes, host, port, implicitTls, username, sender }
}

const oldTls = (
  settings: ReadonlyArray<Setting>,
  url: ConnectionUrl | undefined,
  port: number | undefined
): boolean => {
  if (url?.implicitTls !== undefined) return url.implicitTls
  for (const { role, value } of settings) {
    if (role === "implicit" && booleanOf(value) === true) return true
    if (role === "host" && hostAndPort(value).tls === "ssl") return true
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
      role === "host"
        ? serviceOfHost(hostAndPort(value).host)
        : role === "transport" || role === "service"
          ? serviceOfWord(value)
          : undefined
    if (service !== undefined) return service
  }
  if (url !== undefined) {
    const service = serviceOfHost(url.host) ?? serviceOfWord(url.service)
    if (service !== undefined) return service
  }
  const [only, ...more] = new Set([...settings, ...others].flatMap(({ name }) => serviceOfVariable(name) ?? []))
  return more.length === 0 ? only : undefined
}

const SAYS_TLS: ReadonlySet<Role> = new Set(["encryption", "scheme", "implicit", "starttls", "tls"])

const tlsNotes = (settings: ReadonlyArray<Setting>, url: ConnectionUrl | undefined): ReadonlyArray<string> =>
  url?.implicitTls === true ||
  settings.some(({ role, value }) => SAYS_TLS.has(role) || (role === "host" && hostAndPort(value).tls !== undefined))
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

const loginNotes = ({ host, password }: Wanted, username: string): ReadonlyArray<string> => [
  ...(host === undefined ? [`Put the gateway's host name where it says ${PLACEHOLDER_HOST}, or give --host.`] : []),
  ...(username === PLACEHOLDER_USER
    ? ["User name: the e-mail address of the Cakemail login, or anything beside a personal access token."]
    : []),
  ...(username === "apikey" || username === "resend"
    ? [`The user name ${username} may stay, beside a personal access token of Cakemail.`]
    : []),
  ...(password === undefined ? [`Put the Cakemail password or token where it says ${PLACEHOLDER_PASSWORD}.`] : [])
]

/** What stands in no setting stands in the code. */
const homelessNotes = (settings: ReadonlyArray<Setting>): ReadonlyArray<string> => {
  if (!settings.some(({ role }) => role === "host")) return []
  const missing = HAVE_A_HOME.filter(([role]) => !settings.some((setting) => setting.role === role))
  return missing.map(([, name]) => `No setting here has the ${name}: if the code names the old one, change it there.`)
}

const HAVE_A_HOME: ReadonlyArray<readonly [role: Role, name: string]> = [
  ["username", "user name"],
  ["password", "password"],
  ["port", "port"]
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
