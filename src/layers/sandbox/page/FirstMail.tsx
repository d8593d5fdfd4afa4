/** How to send a mail to the sandbox: what an empty inbox shows. */
import { useState } from "preact/hooks"
import type { Info } from "./api.ts"
import { CopyButton } from "./CopyButton.tsx"
import { Icon } from "./Icon.tsx"
import { info } from "./sandbox.ts"
import { Tabs } from "./Tabs.tsx"

export const FirstMail = ({ titled = true }: { readonly titled?: boolean }) => {
  const known = info.value
  if (known === undefined) return null
  return (
    <div class="first-mail-guide">
      {titled && (
        <header>
          <Icon name="envelope" />
          <h1>Nothing has come yet</h1>
          <p>Point your application here. Its mail appears in this page and goes nowhere else.</p>
        </header>
      )}
      {known.smtp === undefined ? <WithoutGateway /> : <WithGateway smtp={known.smtp} />}
      {known.openInboxes && known.smtp !== undefined && (
        <p class="hint">
          Log in as <code>inbox-</code> and any name, with any password, and the mail goes to an inbox of its own.
        </p>
      )}
    </div>
  )
}

type Smtp = NonNullable<Info["smtp"]>

const WithGateway = ({ smtp }: { readonly smtp: Smtp }) => {
  const [way, setWay] = useState<Way>("curl")
  const text = WAYS[way].text(smtp)
  return (
    <>
      <dl class="login">
        <Value name="Host" value={smtp.host} />
        <Value name="Port" value={String(smtp.port)} remark="STARTTLS" />
        <Value name="User" value={smtp.username} />
        <Value name="Password" value={smtp.password} />
      </dl>
      <Tabs
        label="How to send"
        items={Object.entries(WAYS).map(([name, { title }]) => ({ name: name as Way, title }))}
        selected={way}
        onSelect={setWay}
      >
        <div class="snippet">
          <pre class="code" role="region" tabIndex={0} aria-label={WAYS[way].title}>
            {text}
          </pre>
          <CopyButton text={text} what={`the ${WAYS[way].title} example`} />
        </div>
      </Tabs>
    </>
  )
}

const Value = (props: { readonly name: string; readonly value: string; readonly remark?: string }) => (
  <div>
    <dt>{props.name}</dt>
    <dd>
      <code>{props.value}</code>
      {props.remark !== undefined && <span class="remark">{props.remark}</span>}
      <CopyButton text={props.value} what={props.name.toLowerCase()} />
    </dd>
  </div>
)

/** The sandbox alone takes no mail by SMTP: a gateway has to stand in front of it. */
const WithoutGateway = () => {
  const text = `CAKEMAIL_API_URL=${location.origin} npm run gateway`
  return (
    <>
      <p>This sandbox runs alone: it is the Cakemail API, without a gateway in front. Start one that submits to it:</p>
      <div class="snippet">
        <pre class="code" role="region" tabIndex={0} aria-label="Command">
          {text}
        </pre>
        <CopyButton text={text} what="the command" />
      </div>
    </>
  )
}

/** Nobody vouches for the certificate of the gateway: each of them is told to accept it. */
const curl = ({ host, password, port, username }: Smtp): string =>
  `printf 'From: ${username}\\nTo: you@example.com\\nSubject: Hello\\n\\nIt works.\\n' |
  curl --ssl-reqd --insecure --user ${username}:${password} \\
    --url smtp://${host}:${port} --mail-from ${username} \\
    --mail-rcpt you@example.com --upload-file -`

const nodemailer = ({ host, password, port, username }: Smtp): string =>
  `import { createTransport } from "nodemailer"

const transport = createTransport({
  host: "${host}",
  port: ${port},
  requireTLS: true,
  tls: { rejectUnauthorized: false },
  auth: { user: "${username}", pass: "${password}" }
})
await transport.sendMail({
  from: "${username}",
  to: "you@example.com",
  subject: "Hello",
  text: "It works."
})`

const command = ({ port }: Smtp): string => `npm run send -- --port ${port} --to you@example.com --subject Hello`

const WAYS = {
  curl: { title: "curl", text: curl },
  nodemailer: { title: "Nodemailer", text: nodemailer },
  npm: { title: "npm run send", text: command }
} as const

type Way = keyof typeof WAYS
