/**
 * What the gateway is compared with: smtp-server, mailparser and one undici POST for each recipient, as anybody would
 * put them together, and nothing else. It has no limits, no budget, no retries, no circuit breaker, no logs and no
 * metrics, it checks no password, and it loses what simpleParser merges. With `"parse": false` it does not even look into
 * a mail and posts it as it came: nothing that is built on the same packages can be faster.
 *
 * `node bench/servers/baseline.ts '{"port": 2525, "apiUrl": "http://127.0.0.1:8025", "certificate": "...", "key": "..."}'`
 */
import { readFileSync } from "node:fs"
import type { Readable } from "node:stream"
import { type ParsedMail, simpleParser } from "mailparser"
import { SMTPServer } from "smtp-server"
import { Pool } from "undici"
import { tlsPolicy } from "../../src/layers/smtp/tlsPolicy.ts"

interface Options {
  readonly port: number
  readonly apiUrl: string
  /** PEM files. */
  readonly certificate: string
  readonly key: string
  readonly parse?: boolean
}

const { apiUrl, certificate, key, parse = true, port }: Options = JSON.parse(process.argv[2] ?? "{}")

const api = new Pool(apiUrl, {
  connections: 100,
  pipelining: 1,
  ...(apiUrl.startsWith("https:") && { connect: { ca: readFileSync(certificate) } })
})

const submission = (mail: ParsedMail, recipient: string): string =>
  JSON.stringify({
    email: recipient,
    sender: { id: "1", name: mail.from?.value[0]?.name },
    content: {
      type: "transactional",
      encoding: "utf-8",
      subject: mail.subject,
      text: mail.text,
      html: mail.html === false ? undefined : mail.html
    },
    tracking: { opens: true, clicks_html: true, clicks_text: true },
    additional_headers: [
      { name: "Message-ID", value: mail.messageId },
      { name: "Date", value: mail.date?.toUTCString() },
      { name: "Reply-To", value: mail.replyTo?.text }
    ].filter(({ value }) => value !== undefined),
    attachment:
      mail.attachments.length === 0
        ? undefined
        : mail.attachments.map(({ content, filename }) => ({
            filename,
            type: filename?.split(".").at(-1),
            content: content.toString("base64")
          }))
  })

const unparsed = (octets: Buffer, recipient: string): string =>
  JSON.stringify({
    email: recipient,
    sender: { id: "1" },
    content: { type: "transactional", encoding: "utf-8", subject: "unparsed", text: octets.toString("latin1") },
    tracking: { opens: true, clicks_html: true, clicks_text: true }
  })

/** Gives what makes the body of the call for a recipient. */
const read = async (stream: Readable): Promise<(recipient: string) => string> => {
  if (parse) {
    const mail = await simpleParser(stream)
    return (recipient) => submission(mail, recipient)
  }
  const chunks: Array<Buffer> = []
  for await (const chunk of stream) chunks.push(chunk)
  const octets = Buffer.concat(chunks)
  return (recipient) => unparsed(octets, recipient)
}

const submit = async (submitted: string): Promise<string> => {
  const { body, statusCode } = await api.request({
    method: "POST",
    path: "/v2/emails",
    headers: { "content-type": "application/json", authorization: "Bearer baseline" },
    body: submitted
  })
  const answer = await body.text()
  if (statusCode !== 201) throw new Error(`the API answered ${statusCode}: ${answer}`)
  return JSON.parse(answer).data.id
}

const server = new SMTPServer({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ...tlsPolicy,
  size: 26_214_400,
  authMethods: ["PLAIN", "LOGIN"],
  // Each look-up would go to the machine's name server.
  disableReverseLookup: true,
  onAuth: ({ username }, _session, callback) => callback(null, { user: username }),
  onData: async (stream, { envelope }, callback) => {
    try {
      const bodyFor = await read(stream)
      const ids = await Promise.all(envelope.rcptTo.map(({ address }) => submit(bodyFor(address))))
      callback(null, `Message accepted: ${ids[0]}`)
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)))
    }
  }
})
server.on("error", () => {})
server.listen(port, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ port })}\n`))
process.on("SIGTERM", () => process.exit(0))
