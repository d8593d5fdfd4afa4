/** The services that people come from: how their settings give them away, and what will be different. */

export interface KnownService {
  readonly name: string
  readonly host: RegExp
  /** In `MAIL_MAILER`, before the plus of a Symfony DSN, or in the name of a Django backend. */
  readonly words: ReadonlyArray<string>
  /** Beginnings of variables of its own, in capitals. */
  readonly variables: ReadonlyArray<string>
  readonly differences: ReadonlyArray<string>
}

const HEADERS = "What becomes of its headers is in docs/migration.md; try MIGRATION_UNSUPPORTED=reject first."

export const KNOWN_SERVICES: ReadonlyArray<KnownService> = [
  {
    name: "SendGrid",
    host: /(?:^|\.)sendgrid\.(?:net|com)$/,
    words: ["sendgrid"],
    variables: ["SENDGRID_"],
    differences: [
      "X-SMTPAPI is understood, but recipients come from RCPT TO alone, and substitutions work for one recipient a mail.",
      HEADERS
    ]
  },
  {
    name: "Mailgun",
    host: /(?:^|\.)mailgun\.org$/,
    words: ["mailgun"],
    variables: ["MAILGUN_"],
    differences: [
      "Logins are those of one Cakemail account, and not one for each domain.",
      "Recipient variables and templates do not work; X-Mailgun-Drop-Message does.",
      HEADERS
    ]
  },
  {
    name: "Mandrill",
    host: /(?:^|\.)mandrillapp\.com$/,
    words: ["mandrill", "mailchimp"],
    variables: ["MANDRILL_", "MAILCHIMP_"],
    differences: ["Merge tags and templates do not work, and X-MC-BccAddress sends no copy.", HEADERS]
  },
  {
    name: "Amazon SES",
    host: /^email-smtp(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com$/,
    words: ["ses", "ses-v2", "amazon_ses", "amazonses", "django_ses"],
    variables: ["SES_", "AWS_SES_"],
    differences: [
      "SES takes messages of 40 MB; more than MESSAGE_SIZE_LIMIT, 25 MiB unless it is raised, is answered 552.",
      "A configuration set becomes a tag: its event destinations and its IP pool are not reached.",
      HEADERS
    ]
  },
  {
    name: "Postmark",
    host: /(?:^|\.)postmarkapp\.com$/,
    words: ["postmark"],
    variables: ["POSTMARK_"],
    differences: [
      "The server token was user name and password; here the user name goes with the Cakemail password, or anything with a personal access token.",
      "Message streams become the content type: outbound transactional, broadcast marketing.",
      HEADERS
    ]
  },
  {
    name: "Resend",
    host: /(?:^|\.)resend\.com$/,
    words: ["resend"],
    variables: ["RESEND_"],
    differences: ["Idempotency keys hold for DUPLICATE_WINDOW, ten minutes unless it is raised, and not for 24 hours."]
  }
]

export const serviceOfHost = (host: string): KnownService | undefined =>
  KNOWN_SERVICES.find((service) => service.host.test(host.toLowerCase()))

/** A word of a setting, such as `mailgun`, `anymail.backends.mailgun.EmailBackend` or Nodemailer's `SES-US-EAST-1`. */
export const serviceOfWord = (text: string): KnownService | undefined => {
  const words = text.toLowerCase().split(/[.+]|-(?!v2)/)
  return KNOWN_SERVICES.find((service) => service.words.some((word) => words.includes(word)))
}

/** Whoever's the variable is. */
export const serviceOfVariable = (name: string): KnownService | undefined =>
  KNOWN_SERVICES.find(({ variables }) => variables.some((beginning) => name.toUpperCase().startsWith(beginning)))

/** `SENDGRID_API_KEY`, `POSTMARK_SERVER_TOKEN`: what logs in to the API of a service, and by SMTP as well as a rule. */
export const isServiceKey = (name: string): boolean =>
  serviceOfVariable(name) !== undefined &&
  /_(?:API_?)?(?:KEY|TOKEN|SECRET)$/i.test(name) &&
  !/WEBHOOK|SIGNING|PUBLIC/i.test(name)
