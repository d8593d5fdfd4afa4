/**
 * How applications call what they need to know to send mail: Laravel, Rails, Django, Symfony, Spring, Nodemailer,
 * CakePHP, .NET, Ghost, Discourse, Mastodon, Vaultwarden, Heroku's add-ons.
 */

export type Role =
  | "url"
  | "host"
  | "port"
  | "username"
  | "password"
  /** `tls`, `ssl` and the like. */
  | "encryption"
  /** `smtp` or `smtps`. */
  | "scheme"
  /** Whether TLS starts with the connection. */
  | "implicit"
  /** Whether STARTTLS is used. */
  | "starttls"
  /** Whether TLS is used, one way or the other. */
  | "tls"
  | "authentication"
  /** SMTP, or the API of a service. */
  | "transport"
  /** The name by which Nodemailer knows host and port. */
  | "service"
  | "sender"

/** By what stands behind `MAIL_`, `SMTP_`, `EMAIL_` or `MAILER_`. */
const ROLES: ReadonlyArray<readonly [role: Role, names: ReadonlyArray<string>]> = [
  ["url", ["URL", "URI", "DSN", "CONNECTION_URL", "CONNECTION_STRING"]],
  ["host", ["HOST", "HOSTNAME", "SERVER"]],
  ["port", ["PORT"]],
  ["username", ["USER", "USERNAME", "USER_NAME", "LOGIN", "HOST_USER", "AUTH_USER", "AUTH_USERNAME"]],
  ["password", ["PASS", "PASSWORD", "PASSWD", "PWD", "HOST_PASSWORD", "AUTH_PASS", "AUTH_PASSWORD"]],
  ["encryption", ["ENCRYPTION", "SECURITY"]],
  ["scheme", ["SCHEME", "PROTOCOL"]],
  ["implicit", ["SECURE", "SSL", "USE_SSL", "ENABLE_SSL"]],
  ["starttls", ["USE_TLS", "STARTTLS", "USE_STARTTLS", "ENABLE_STARTTLS", "ENABLE_STARTTLS_AUTO", "STARTTLS_ENABLE"]],
  ["starttls", ["START_TLS", "ENABLE_START_TLS"]],
  ["tls", ["TLS"]],
  ["authentication", ["AUTHENTICATION", "AUTH", "AUTH_MODE", "AUTH_TYPE", "AUTH_METHOD"]],
  ["transport", ["MAILER", "DRIVER", "TRANSPORT", "BACKEND"]],
  ["service", ["SERVICE"]],
  ["sender", ["FROM", "FROM_ADDRESS", "FROM_EMAIL", "SENDER", "DEFAULT_FROM"]]
]

const ROLE_OF: ReadonlyMap<string, Role> = new Map(ROLES.flatMap(([role, names]) => names.map((name) => [name, role])))

/** In no family, or with another meaning in theirs. */
const SPECIAL: ReadonlyArray<readonly [name: RegExp, role: Role]> = [
  [/^EMAIL_SERVER$/, "host"],
  [/(?:^|_)SMTP_ADDR(?:ESS)?$/, "host"],
  [/^DEFAULT_FROM_EMAIL$/, "sender"],
  [/^(?:SENDGRID|MAILGUN|MANDRILL|POSTMARK|SES|AWS_SES|RESEND)_(?:USER|USERNAME|LOGIN)$/, "username"],
  [/^(?:SENDGRID|MAILGUN|MANDRILL|POSTMARK|SES|AWS_SES|RESEND)_(?:PASS|PASSWORD)$/, "password"]
]

/** `undefined` for what has nothing to do with sending mail. */
export const roleOf = (name: string): Role | undefined => {
  // Two underscores lead into an object: `mail__options__host`, `Smtp__Host`.
  const upper = name.toUpperCase().replace(/_+/g, "_")
  const special = SPECIAL.find(([pattern]) => pattern.test(upper))
  if (special !== undefined) return special[1]
  const [, rest = ""] = /^(?:\w+_)?(?:MAIL|SMTP|EMAIL|MAILER)(?:_SERVER|_OPTIONS)?_(.+)$/.exec(upper) ?? []
  return ROLE_OF.get(rest)
}

const BOOLEANS: ReadonlyArray<readonly [yes: string, no: string]> = [
  ["true", "false"],
  ["True", "False"],
  ["TRUE", "FALSE"],
  ["1", "0"],
  ["yes", "no"],
  ["on", "off"]
]

export const booleanOf = (text: string): boolean | undefined =>
  BOOLEANS.some(([yes]) => yes === text) ? true : BOOLEANS.some(([, no]) => no === text) ? false : undefined

/** Spelled as `like` is. */
export const spelled = (value: boolean, like: string): string => {
  const [yes, no] = BOOLEANS.find((pair) => pair.includes(like)) ?? ["true", "false"]
  return value ? yes : no
}
