/** `npm start`: the gateway in front of the embedded sandbox, in one process. No mail leaves the machine. */
import { Console, Effect, Layer, Redacted } from "effect"
import * as HttpServer from "effect/http/HttpServer"
import { type ConfigProblem, ConfigProblems, shown } from "../layers/config/ConfigProblems.ts"
import { readGatewaySettings } from "../layers/config/GatewayConfigLive.ts"
import { SmtpServer } from "../layers/smtp/SmtpServerLive.ts"
import { demoAccount } from "../layers/sandbox/SandboxServer.ts"
import { GatewayConfig } from "../services/GatewayConfig.ts"
import { LogObservers } from "../services/LogObservers.ts"
import type { SandboxSmtp } from "../services/Sandbox.ts"
import { GatewayLive } from "./gateway.ts"
import { sandbox } from "./sandbox.ts"

/** What `npm start` sets unless the environment or `.env` says otherwise. */
export const START_PRESETS: Readonly<Record<string, string>> = {
  SMTP_HOST: "127.0.0.1",
  SMTP_PORT: "2587",
  SMTP_HOSTNAME: "localhost",
  HTTP_HOST: "127.0.0.1",
  CAKEMAIL_CREATE_SENDERS: "true",
  // Who tries out what happens when the API fails does not want to wait for five minutes afterwards.
  CIRCUIT_BREAKER_OPEN: "5",
  TRUSTED_NETWORKS: "127.0.0.0/8,::1/128"
}

/** Runs until interrupted. */
export const start = Effect.gen(function* () {
  const settings = yield* readGatewaySettings
  if (settings.workers > 1) return yield* new ConfigProblems({ problems: [oneProcess(settings.workers)] })
  // Whatever API the settings name, this command never calls it.
  const { sandbox: inbox, url } = yield* sandbox(settings.sandbox)
  const config = Layer.succeed(GatewayConfig, {
    ...settings,
    api: { ...settings.api, url, httpsProxy: undefined, caPath: undefined }
  })
  const Started = Layer.effectDiscard(
    Effect.gen(function* () {
      const { ports } = yield* SmtpServer
      const smtp: SandboxSmtp = {
        host: reachable(settings.smtp.host),
        port: ports.find(({ implicitTls }) => !implicitTls)?.port ?? 0,
        username: demoAccount.username,
        password: Redacted.value(demoAccount.password)
      }
      yield* inbox.announceSmtp(smtp)
      const http = (yield* HttpServer.HttpServer).address
      yield* Console.log(
        nextSteps({
          smtp,
          sandboxUrl: atHost(url, settings.sandbox.host),
          healthUrl: atHost(HttpServer.formatAddress(http), settings.http.host)
        })
      )
    })
  )
  // What the gateway logs of a session is shown beside the messages that came by it.
  const Observed = Layer.succeed(LogObservers, [inbox.logger])
  return yield* Layer.launch(Started.pipe(Layer.provide(GatewayLive), Layer.provide([config, Observed])))
}).pipe(Effect.scoped)

/** What is captured is in the memory of the process that shows it. */
const oneProcess = (workers: number): ConfigProblem => ({
  name: "WORKERS",
  given: shown(`${workers}`, false),
  expected: "1: start has its sandbox in the same process. Several workers take the commands sandbox and gateway"
})

/** An address to connect to, for one to listen on. */
const reachable = (host: string): string => (host === "::" || host === "0.0.0.0" ? "127.0.0.1" : host)

/** The address of a server of this machine, with a host that can be connected to. */
const atHost = (url: string, host: string): string => {
  const address = new URL(url)
  const name = reachable(host)
  address.hostname = name.includes(":") ? `[${name}]` : name
  return address.origin
}

/** What to do once it runs. */
const nextSteps = (at: {
  readonly smtp: SandboxSmtp
  readonly sandboxUrl: string
  readonly healthUrl: string
}): string => {
  const { host, password, port, username: user } = at.smtp
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
  return `
The gateway is up. An embedded sandbox stands in for the Cakemail API: no mail leaves this machine.

  SMTP host   ${host}
  SMTP port   ${port} (STARTTLS, self-signed certificate)
  User        ${user}
  Password    ${password}

Send a mail

  npm run send -- --port ${port} --to you@example.com

  printf 'From: ${user}\\nTo: you@example.com\\nSubject: Hello\\n\\nIt works.\\n' |
    curl --ssl-reqd --insecure --user ${user}:${password} --url smtp://${host}:${port} \\
      --mail-from ${user} --mail-rcpt you@example.com --upload-file -

  node -e 'require("nodemailer").createTransport({ url: "smtp://${login}@${host}:${port}", requireTLS: true,
    tls: { rejectUnauthorized: false } }).sendMail({ from: "${user}", to: "you@example.com",
    subject: "Hello", text: "It works." }).then((info) => console.log(info.response))'

See what the Cakemail API was given

  ${at.sandboxUrl} in a browser
  curl ${at.sandboxUrl}/api/v1/messages
  curl ${at.sandboxUrl}/api/v1/message/latest

Health and metrics   ${at.healthUrl}/health/ready   ${at.healthUrl}/metrics
Make the API fail    curl -X PUT ${at.sandboxUrl}/sandbox/faults -d '[{"endpoint":"emails","what":"status","status":500,"next":1}]'
Stop                 Ctrl-C
`
}
