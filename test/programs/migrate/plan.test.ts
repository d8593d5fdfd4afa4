/** The settings of applications as frameworks and services name them, and what becomes of them. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { planForDotEnv, planForUrl, type Wanted } from "../../../src/programs/migrate/plan.ts"

const GATEWAY: Wanted = {
  host: "smtp.example.com",
  port: undefined,
  implicitTls: undefined,
  user: undefined,
  password: undefined
}

const dotEnv = (text: string, wanted: Partial<Wanted> = {}) => planForDotEnv(text, { ...GATEWAY, ...wanted })

const url = (text: string, wanted: Partial<Wanted> = {}) => planForUrl(text, { ...GATEWAY, ...wanted })?.lines[0]

const USER = "you@example.com"
const PASSWORD = "cakemail-password-or-token"
const LOGIN = `you%40example.com:${PASSWORD}`

describe("a .env file", () => {
  const forms: ReadonlyArray<readonly [form: string, old: string, expected: ReadonlyArray<string>]> = [
    [
      "of Laravel",
      `APP_NAME=Shop
       # mail
       MAIL_MAILER=smtp
       MAIL_HOST=smtp.sendgrid.net
       MAIL_PORT=587 # submission
       MAIL_USERNAME=apikey
       MAIL_PASSWORD="SG.hunter2#x"
       MAIL_ENCRYPTION=tls
       MAIL_FROM_ADDRESS="hello@example.com"
       MAIL_FROM_NAME="\${APP_NAME}"`,
      [
        "MAIL_MAILER=smtp",
        "MAIL_HOST=smtp.example.com",
        "MAIL_PORT=587",
        "MAIL_USERNAME=apikey",
        `MAIL_PASSWORD="${PASSWORD}"`,
        "MAIL_ENCRYPTION=tls"
      ]
    ],
    [
      "of Laravel 11",
      "MAIL_SCHEME=smtps\nMAIL_HOST=smtp.resend.com\nMAIL_PORT=465\nMAIL_USERNAME=resend\nMAIL_PASSWORD=hunter2",
      [
        "MAIL_SCHEME=smtps",
        "MAIL_HOST=smtp.example.com",
        "MAIL_PORT=465",
        "MAIL_USERNAME=resend",
        `MAIL_PASSWORD=${PASSWORD}`
      ]
    ],
    [
      "of Laravel with the API of a service",
      "MAIL_MAILER=postmark\nPOSTMARK_TOKEN=hunter2",
      [
        "MAIL_MAILER=smtp",
        "MAIL_HOST=smtp.example.com",
        "MAIL_PORT=587",
        `MAIL_USERNAME=${USER}`,
        `MAIL_PASSWORD=${PASSWORD}`
      ]
    ],
    [
      "of Rails",
      `SMTP_ADDRESS=smtp.mailgun.org
       SMTP_PORT=2525
       SMTP_DOMAIN=example.com
       SMTP_USER_NAME=postmaster@mg.example.com
       SMTP_PASSWORD='hunter2'
       SMTP_AUTHENTICATION=:cram_md5
       SMTP_ENABLE_STARTTLS_AUTO=true`,
      [
        "SMTP_ADDRESS=smtp.example.com",
        "SMTP_PORT=587",
        `SMTP_USER_NAME=${USER}`,
        `SMTP_PASSWORD='${PASSWORD}'`,
        "SMTP_AUTHENTICATION=:plain",
        "SMTP_ENABLE_STARTTLS_AUTO=true"
      ]
    ],
    [
      "of Rails on Heroku",
      `MAILGUN_SMTP_SERVER=smtp.mailgun.org
       MAILGUN_SMTP_PORT=587
       MAILGUN_SMTP_LOGIN=postmaster@mg.example.com
       MAILGUN_SMTP_PASSWORD=hunter2`,
      [
        "MAILGUN_SMTP_SERVER=smtp.example.com",
        "MAILGUN_SMTP_PORT=587",
        `MAILGUN_SMTP_LOGIN=${USER}`,
        `MAILGUN_SMTP_PASSWORD=${PASSWORD}`
      ]
    ],
    [
      "of Django",
      `EMAIL_HOST=email-smtp.eu-west-1.amazonaws.com
       EMAIL_PORT=25
       EMAIL_HOST_USER=AKIAhunter2
       EMAIL_HOST_PASSWORD=hunter2
       EMAIL_USE_TLS=False
       EMAIL_USE_SSL=False
       DEFAULT_FROM_EMAIL=Shop <hello@example.com>`,
      [
        "EMAIL_HOST=smtp.example.com",
        "EMAIL_PORT=587",
        `EMAIL_HOST_USER=${USER}`,
        `EMAIL_HOST_PASSWORD=${PASSWORD}`,
        "EMAIL_USE_TLS=True",
        "EMAIL_USE_SSL=False"
      ]
    ],
    [
      "of Django with TLS from the start",
      "EMAIL_HOST=smtp.postmarkapp.com\nEMAIL_PORT=465\nEMAIL_USE_TLS=False\nEMAIL_USE_SSL=True",
      ["EMAIL_HOST=smtp.example.com", "EMAIL_PORT=465", "EMAIL_USE_TLS=False", "EMAIL_USE_SSL=True"]
    ],
    [
      "of Django with the API of a service",
      "EMAIL_BACKEND=anymail.backends.mailgun.EmailBackend\nMAILGUN_API_KEY=hunter2",
      [
        "EMAIL_BACKEND=django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST=smtp.example.com",
        "EMAIL_PORT=587",
        `EMAIL_HOST_USER=${USER}`,
        `EMAIL_HOST_PASSWORD=${PASSWORD}`,
        "EMAIL_USE_TLS=True"
      ]
    ],
    [
      "of Django with a URL",
      "EMAIL_URL=smtp+ssl://user:hunter2@smtp.mailgun.org:465",
      [`EMAIL_URL=smtp+ssl://${LOGIN}@smtp.example.com:465`]
    ],
    [
      "of Symfony",
      "MAILER_DSN=smtp://user:hunter2@smtp.mandrillapp.com:587?verify_peer=1",
      [`MAILER_DSN=smtp://${LOGIN}@smtp.example.com:587?verify_peer=1`]
    ],
    [
      "of Symfony with a service",
      'MAILER_DSN="sendgrid+smtp://SG.hunter2@default"',
      [`MAILER_DSN="smtp://${LOGIN}@smtp.example.com:587"`]
    ],
    [
      "of Symfony with the API of a service",
      "MAILER_DSN=mailgun+https://hunter2:mg.example.com@default?region=eu",
      [`MAILER_DSN=smtp://${LOGIN}@smtp.example.com:587`]
    ],
    [
      "of Swift Mailer",
      "MAILER_URL=smtp://smtp.mailgun.org:465?encryption=ssl&auth_mode=login&username=a@b.example&password=hunter2",
      [
        `MAILER_URL=smtp://smtp.example.com:465?encryption=ssl&auth_mode=login&username=you%40example.com&password=${PASSWORD}`
      ]
    ],
    [
      "of Nodemailer",
      "export SMTP_HOST=smtp.postmarkapp.com\nSMTP_PORT=2525\nSMTP_SECURE=false\nSMTP_USER=hunter2\nSMTP_PASS=hunter2",
      [
        "export SMTP_HOST=smtp.example.com",
        "SMTP_PORT=587",
        "SMTP_SECURE=false",
        `SMTP_USER=${USER}`,
        `SMTP_PASS=${PASSWORD}`
      ]
    ],
    [
      "of Nodemailer with a URL",
      "SMTP_URL=smtps://user%40example.com:hunter2@smtp.sendgrid.net/?pool=true",
      [`SMTP_URL=smtps://${LOGIN}@smtp.example.com:465?pool=true`]
    ],
    [
      "of NestJS",
      "MAIL_TRANSPORT=smtps://user:hunter2@smtp.sendgrid.net",
      [`MAIL_TRANSPORT=smtps://${LOGIN}@smtp.example.com:465`]
    ],
    [
      "of Auth.js",
      "EMAIL_SERVER=smtp://apikey:hunter2@smtp.sendgrid.net:587\nEMAIL_FROM=hello@example.com",
      [`EMAIL_SERVER=smtp://apikey:${PASSWORD}@smtp.example.com:587`]
    ],
    [
      "of Auth.js, one by one",
      "EMAIL_SERVER_USER=resend\nEMAIL_SERVER_PASSWORD=hunter2\nEMAIL_SERVER_HOST=smtp.resend.com\nEMAIL_SERVER_PORT=587",
      [
        "EMAIL_SERVER_USER=resend",
        `EMAIL_SERVER_PASSWORD=${PASSWORD}`,
        "EMAIL_SERVER_HOST=smtp.example.com",
        "EMAIL_SERVER_PORT=587"
      ]
    ],
    [
      "of Spring",
      `SPRING_MAIL_HOST=smtp.mailgun.org
       SPRING_MAIL_PORT=587
       SPRING_MAIL_USERNAME=user
       SPRING_MAIL_PASSWORD=hunter2
       SPRING_MAIL_PROPERTIES_MAIL_SMTP_AUTH=true
       SPRING_MAIL_PROPERTIES_MAIL_SMTP_STARTTLS_ENABLE=true`,
      [
        "SPRING_MAIL_HOST=smtp.example.com",
        "SPRING_MAIL_PORT=587",
        `SPRING_MAIL_USERNAME=${USER}`,
        `SPRING_MAIL_PASSWORD=${PASSWORD}`,
        "SPRING_MAIL_PROPERTIES_MAIL_SMTP_AUTH=true",
        "SPRING_MAIL_PROPERTIES_MAIL_SMTP_STARTTLS_ENABLE=true"
      ]
    ],
    [
      "with host and port in one",
      "GF_SMTP_HOST=smtp.sendgrid.net:587\nGF_SMTP_USER=apikey\nGF_SMTP_PASSWORD=hunter2",
      ["GF_SMTP_HOST=smtp.example.com:587", "GF_SMTP_USER=apikey", `GF_SMTP_PASSWORD=${PASSWORD}`]
    ],
    [
      "with TLS in the host, as PHP has it",
      "SMTP_HOST=ssl://smtp.mailgun.org:465\nSMTP_USER=user\nSMTP_PASS=hunter2",
      ["SMTP_HOST=ssl://smtp.example.com:465", `SMTP_USER=${USER}`, `SMTP_PASS=${PASSWORD}`]
    ],
    [
      "of Symfony with several transports",
      'MAILER_DSN="failover(postmark+api://hunter2@default sendgrid+smtp://hunter2@default)"',
      [`MAILER_DSN="smtp://${LOGIN}@smtp.example.com:587"`]
    ],
    [
      "of CakePHP",
      "EMAIL_TRANSPORT_DEFAULT_URL=smtp://apikey:hunter2@smtp.sendgrid.net:587?tls=true",
      [`EMAIL_TRANSPORT_DEFAULT_URL=smtp://apikey:${PASSWORD}@smtp.example.com:587?tls=true`]
    ],
    [
      "with a URL of any name",
      "MY_OUTGOING=smtps://apikey:hunter2@smtp.sendgrid.net\nGIT_URL=git+https://hunter2@example.com",
      [`MY_OUTGOING=smtps://apikey:${PASSWORD}@smtp.example.com:465`]
    ],
    [
      "with a password in the URL that should have been encoded",
      "SMTP_URL=smtp://apikey:SG.hunter2/a#b?c@d@smtp.sendgrid.net:587?pool=true",
      [`SMTP_URL=smtp://apikey:${PASSWORD}@smtp.example.com:587?pool=true`]
    ],
    [
      "of Heroku's add-on of SendGrid",
      "SENDGRID_USERNAME=apikey\nSENDGRID_PASSWORD=SG.hunter2",
      ["SENDGRID_USERNAME=apikey", `SENDGRID_PASSWORD=${PASSWORD}`, "SMTP_HOST=smtp.example.com", "SMTP_PORT=587"]
    ],
    [
      "with the key of a service as the password",
      "SMTP_HOST=smtp.mandrillapp.com\nSMTP_PORT=587\nMANDRILL_APIKEY=hunter2\nMANDRILL_WEBHOOK_KEY=hunter2",
      ["SMTP_HOST=smtp.example.com", "SMTP_PORT=587", `MANDRILL_APIKEY=${PASSWORD}`]
    ],
    [
      "with the key of a service alone",
      "RESEND_API_KEY=re_hunter2",
      ["SMTP_HOST=smtp.example.com", "SMTP_PORT=587", `SMTP_USERNAME=${USER}`, `SMTP_PASSWORD=${PASSWORD}`]
    ],
    [
      "of Nodemailer with a service that it knows",
      "EMAIL_SERVICE=SES-US-EAST-1\nEMAIL_USER=AKIAhunter2\nEMAIL_PASS=hunter2",
      [
        "EMAIL_SERVICE=",
        `EMAIL_USER=${USER}`,
        `EMAIL_PASS=${PASSWORD}`,
        "EMAIL_HOST=smtp.example.com",
        "EMAIL_PORT=587",
        "EMAIL_SECURE=false"
      ]
    ],
    [
      "of Ghost",
      `mail__transport=SMTP
       mail__options__host=smtp.mailgun.org
       mail__options__port=465
       mail__options__secure=true
       mail__options__auth__user=postmaster@mg.example.com
       mail__options__auth__pass=hunter2`,
      [
        "mail__transport=SMTP",
        "mail__options__host=smtp.example.com",
        "mail__options__port=465",
        "mail__options__secure=true",
        `mail__options__auth__user=${USER}`,
        `mail__options__auth__pass=${PASSWORD}`
      ]
    ],
    [
      "of .NET",
      "Smtp__Host=smtp.sendgrid.net\nSmtp__Port=587\nSmtp__EnableSsl=true\nSmtp__UserName=apikey\nSmtp__Password=hunter2",
      ["Smtp__Host=smtp.example.com", "Smtp__Port=587", "Smtp__UserName=apikey", `Smtp__Password=${PASSWORD}`]
    ],
    [
      "of Discourse",
      `DISCOURSE_SMTP_ADDRESS=smtp.mailgun.org
       DISCOURSE_SMTP_PORT=2525
       DISCOURSE_SMTP_USER_NAME=postmaster@mg.example.com
       DISCOURSE_SMTP_PASSWORD="hunter2"
       DISCOURSE_SMTP_ENABLE_START_TLS=true`,
      [
        "DISCOURSE_SMTP_ADDRESS=smtp.example.com",
        "DISCOURSE_SMTP_PORT=587",
        `DISCOURSE_SMTP_USER_NAME=${USER}`,
        `DISCOURSE_SMTP_PASSWORD="${PASSWORD}"`,
        "DISCOURSE_SMTP_ENABLE_START_TLS=true"
      ]
    ],
    [
      "of Mastodon",
      "SMTP_SERVER=smtp.mailgun.org\nSMTP_PORT=587\nSMTP_LOGIN=user\nSMTP_PASSWORD=hunter2\nSMTP_ENABLE_STARTTLS=auto\nSMTP_AUTH_METHOD=plain",
      [
        "SMTP_SERVER=smtp.example.com",
        "SMTP_PORT=587",
        `SMTP_LOGIN=${USER}`,
        `SMTP_PASSWORD=${PASSWORD}`,
        "SMTP_ENABLE_STARTTLS=auto",
        "SMTP_AUTH_METHOD=plain"
      ]
    ],
    [
      "of Vaultwarden",
      "SMTP_HOST=smtp.postmarkapp.com\nSMTP_PORT=465\nSMTP_SECURITY=force_tls\nSMTP_USERNAME=hunter2\nSMTP_PASSWORD=hunter2",
      [
        "SMTP_HOST=smtp.example.com",
        "SMTP_PORT=465",
        "SMTP_SECURITY=force_tls",
        `SMTP_USERNAME=${USER}`,
        `SMTP_PASSWORD=${PASSWORD}`
      ]
    ],
    [
      "with export, quotes, comments and CRLF",
      '\uFEFF# mail hunter2\r\n  export  SMTP_HOST = \'smtp.sendgrid.net\'  # old\r\nSMTP_USER="apikey"\r\nSMTP_PASS="hunter2 \\"#" # hunter2\r\n',
      ["export  SMTP_HOST = 'smtp.example.com'", 'SMTP_USER="apikey"', `SMTP_PASS="${PASSWORD}"`]
    ]
  ]
  for (const [form, old, expected] of forms) {
    it(form, () => {
      const plan = dotEnv(old)
      assert.deepStrictEqual(
        plan?.lines.map((line) => line.trim()),
        expected
      )
      assert.notInclude([...(plan?.lines ?? []), ...(plan?.notes ?? [])].join("\n"), "hunter2")
    })
  }

  it("without settings for mail is none", () => {
    for (const text of [
      "",
      "APP_NAME=Shop\nDB_HOST=127.0.0.1",
      "MAIL_FROM_NAME=Shop",
      "MAIL_URL=https://example.com",
      "MAIL_SERVICE=worker\nGIT_URL=git+https://example.com",
      "SENDGRID_WEBHOOK_PUBLIC_KEY=k"
    ]) {
      assert.isUndefined(dotEnv(text), text)
    }
  })
})

describe("a URL", () => {
  it("keeps its kind", () => {
    assert.strictEqual(url("smtp://smtp.sendgrid.net"), `smtp://${LOGIN}@smtp.example.com:587`)
    assert.strictEqual(url("smtps://u:p@smtp.sendgrid.net"), `smtps://${LOGIN}@smtp.example.com:465`)
    assert.strictEqual(url("smtp://u:p@smtp.sendgrid.net:465"), `smtps://${LOGIN}@smtp.example.com:465`)
    assert.strictEqual(url("ses+smtps://KEY:SECRET@default?region=eu"), `smtps://${LOGIN}@smtp.example.com:465`)
    assert.strictEqual(url("submission://u:p@smtp.sendgrid.net"), `submission://${LOGIN}@smtp.example.com:587`)
  })

  it("takes what the operator wants", () => {
    const wanted = { host: "::1", port: 2587, implicitTls: true, user: "a b@example.com", password: "p@ss/1" }
    assert.strictEqual(url("smtp://u:p@h", wanted), "smtps://a%20b%40example.com:p%40ss%2F1@[::1]:2587")
  })

  it("of something else is none", () => {
    for (const text of ["https://example.com", "ftp://h", "smtp://", "nonsense", "sendgrid+carrier-pigeon://h"]) {
      assert.isUndefined(url(text), text)
    }
  })
})

describe("the notes", () => {
  const notes = (text: string, wanted: Partial<Wanted> = {}) => dotEnv(text, wanted)?.notes.join("\n") ?? ""

  it("tell what is different at the service that is left", () => {
    const services: ReadonlyArray<readonly [setting: string, note: string]> = [
      ["MAIL_HOST=smtp.sendgrid.net", "SendGrid: X-SMTPAPI is understood"],
      ["MAIL_HOST=smtp.eu.mailgun.org", "Mailgun: "],
      ["MAIL_HOST=smtp.mandrillapp.com", "Mandrill: "],
      ["MAIL_HOST=email-smtp.us-east-1.amazonaws.com", "Amazon SES: "],
      ["MAIL_HOST=smtp-broadcasts.postmarkapp.com:2525", "Postmark: "],
      ["MAIL_HOST=smtp.resend.com", "Resend: "],
      ["MAILER_DSN=postmark+api://KEY@default", "Postmark: "],
      ["MAIL_MAILER=ses", "Amazon SES: "],
      ["EMAIL_BACKEND=anymail.backends.amazon_ses.EmailBackend", "Amazon SES: "],
      ["SMTP_HOST=relay.example.com\nSENDGRID_API_KEY=k", "SendGrid: "]
    ]
    for (const [setting, note] of services) assert.include(notes(setting), note, setting)
    assert.notMatch(notes("MAIL_HOST=mail.example.com"), /SendGrid|Mailgun|Mandrill|Amazon|Postmark|Resend/)
  })

  it("tell what has to be done", () => {
    const text = notes("MAIL_HOST=smtp.mailgun.org\nMAIL_PORT=2525\nMAIL_FROM_ADDRESS=hello@example.com")
    assert.include(text, "TLS is mandatory")
    assert.include(text, "set SMTP_EXTRA_PORTS=2525")
    assert.include(text, "User name: ")
    assert.include(text, `Put the Cakemail password or token where it says ${PASSWORD}.`)
    assert.include(text, "hello@example.com has to be a confirmed sender")
    assert.include(notes("MAIL_HOST=h\nMAIL_PORT=465"), "SMTPS_PORT=465")
    assert.include(notes("MAIL_HOST=h\nMAIL_USERNAME=apikey"), "apikey may stay")
    assert.include(notes("MAIL_MAILER=ses\nSES_KEY=k"), "The old transport does not send by SMTP")
    assert.include(notes("MAIL_MAILER=ses\nSES_KEY=k"), "No longer needed for sending: SES_KEY.")
    assert.include(notes("MAILER_DSN=ses+smtp://A:B@default?region=eu&session_token=t"), "Parameters of the URL")
    assert.include(notes("SMTP_HOST=h\nSMTP_AUTHENTICATION=cram_md5"), "PLAIN and LOGIN")
    assert.include(notes("SMTP_HOST=h\nSMTP_PORT=25\nSMTP_USER=u"), "No setting here has the password")
    assert.include(notes("MAILER_DSN=roundrobin(smtp://a smtp://b)"), "names several transports")
    assert.include(notes("EMAIL_SERVICE=Mailgun"), "have it take host and port instead")
    assert.include(notes("RESEND_API_KEY=k"), "No longer needed for sending: RESEND_API_KEY.")
  })

  it("do not tell what is settled", () => {
    const text = notes("MAIL_HOST=h\nMAIL_PORT=587\nMAIL_ENCRYPTION=tls", { user: "me@example.com", password: "new" })
    assert.notMatch(text, /TLS is mandatory|SMTP_EXTRA_PORTS|User name|Put the/)
  })
})

it("nothing of the old login is ever shown", () => {
  const secret = fc
    .string({ minLength: 6, maxLength: 30 })
    .filter((text) => /^[\x21-\x7e]+$/.test(text) && !/["'\\#]/.test(text))
    .map((text) => `hunter2${text}`)
  const names = fc.constantFrom(
    "MAIL_USERNAME=",
    "MAIL_PASSWORD=",
    "SMTP_AUTH=",
    "SMTP_TLS=",
    "EMAIL_HOST_PASSWORD=",
    "MAIL_MAILER=",
    "MAIL_SCHEME=",
    "SMTP_SECURE=",
    "SENDGRID_API_KEY=",
    "MAIL_HOST=",
    "SMTP_PORT=",
    "SMTP_HOST=ssl://",
    "SMTP_ENABLE_STARTTLS=",
    "EMAIL_SERVICE=",
    "SENDGRID_USERNAME=",
    "SENDGRID_PASSWORD=",
    "MANDRILL_APIKEY="
  )
  const urls = fc.constantFrom(
    "MAILER_DSN=sendgrid+smtp://S@default",
    "SMTP_URL=smtp://S:S@smtp.example.org?api_key=S&password=S",
    "EMAIL_SERVER=smtps://S:S@S",
    "MAIL_URL=https://S:S@S",
    "MAILER_DSN=failover(sendgrid+smtp://S@default smtp://S:S@smtp.example.org)",
    "OUTGOING=smtp://apikey:S/#?S:S@smtp.example.org",
    "OUTGOING=smtp://S:S/S@S@smtp.example.org?tls=S"
  )
  fc.assert(
    fc.property(secret, fc.array(names), fc.option(urls), fc.boolean(), (value, settings, dsn, encoded) => {
      const inUrl = encoded ? encodeURIComponent(value) : value
      const lines = settings.map((name) => name + value)
      const text = [...lines, ...(dsn === null ? [] : [dsn.replaceAll(/\bS\b/g, () => inUrl)])]
      const plan = dotEnv(["SMTP_HOST=smtp.example.org", ...text].join("\n"))
      const shown = [...(plan?.lines ?? []), ...(plan?.notes ?? [])].join("\n")
      assert.notInclude(shown, "hunter2")
    }),
    { numRuns: 1_000 }
  )
})
