/** Sends what stdin describes by Nodemailer, and prints what came of each mail; ../ClientTask.ts says in what form. */
import { readFileSync } from "node:fs"
import { createTransport } from "nodemailer"
import type { Address, ClientTask, MailToSend } from "../ClientTask.ts"

const task = JSON.parse(readFileSync(0, "utf8")) as ClientTask

const transport = createTransport({
  host: task.host,
  port: task.port,
  requireTLS: true,
  tls: { ca: readFileSync(task.ca) },
  ...(task.mechanism !== null && { authMethod: task.mechanism }),
  auth: { user: task.username, pass: task.password },
  pool: true,
  maxConnections: 1,
  maxMessages: Number.POSITIVE_INFINITY
})

const one = ({ address, name }: Address) => ({ address, name })

const message = (mail: MailToSend) => ({
  from: one(mail.from),
  to: mail.to.map(one),
  cc: mail.cc.map(one),
  bcc: mail.bcc.map(one),
  ...(mail.replyTo !== null && { replyTo: one(mail.replyTo) }),
  subject: mail.subject,
  text: mail.text,
  ...(mail.html !== null && { html: mail.html }),
  headers: mail.headers.map(({ name, value }) => ({ key: name, value })),
  attachments: mail.attachments.map(({ contentId, name, path, type }) => ({
    path,
    filename: name,
    contentType: type,
    ...(contentId !== null && { cid: contentId })
  }))
})

const outcomes = []
for (const mail of task.mails) {
  try {
    const { response } = await transport.sendMail(message(mail))
    outcomes.push({ code: Number(response.slice(0, 3)), text: response.slice(4) })
  } catch (caught) {
    const error = caught as Error & { readonly responseCode?: number; readonly response?: string }
    outcomes.push({ code: error.responseCode ?? 0, text: error.response?.slice(4) ?? error.message })
  }
}
transport.close()
console.log(JSON.stringify(outcomes))
