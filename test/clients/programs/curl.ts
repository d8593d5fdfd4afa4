/** Sends a task by curl: its own MIME builder makes the mail, and `--next` keeps the connection for the one after it. */
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Ended, runProgram } from "../../kit/ClientProgram.ts"
import type { AttachedFile, ClientTask, MailToSend, Outcome } from "../ClientTask.ts"
import { headersOf, recipientsOf } from "./plainHeaders.ts"

export const sendByCurl = (task: ClientTask, directory: string): Effect.Effect<ReadonlyArray<Outcome>> =>
  Effect.map(
    Effect.suspend(() =>
      runProgram("curl", ["--config", "-"], {
        input: task.mails.map((mail, index) => request(task, mail, directory, index).join("\n")).join("\nnext\n"),
        environment: { HOME: directory }
      })
    ),
    (ended) => outcomesOf(task, ended)
  )

const request = (task: ClientTask, mail: MailToSend, directory: string, index: number): ReadonlyArray<string> => {
  /** A file: curl takes `;` and `,` in a text of the command line for its own. */
  const body = (name: string, text: string) => {
    const path = join(directory, `curl-${index}.${name}`)
    writeFileSync(path, text)
    return path
  }
  const text = `=<${body("txt", mail.text)};type=text/plain; charset=UTF-8;encoder=quoted-printable`
  const html =
    mail.html === null ? [] : [`=<${body("html", mail.html)};type=text/html; charset=UTF-8;encoder=quoted-printable`]
  const files = mail.attachments.filter(({ contentId }) => contentId === null)
  const images = mail.attachments.filter(({ contentId }) => contentId !== null)
  return [
    `url = "smtp://${task.host}:${task.port}"`,
    "silent",
    "show-error",
    "verbose",
    "ssl-reqd",
    `cacert = ${quoted(task.ca)}`,
    `user = ${quoted(`${task.username}:${task.password}`)}`,
    ...(task.mechanism === null ? [] : [`login-options = "AUTH=${task.mechanism}"`]),
    `mail-from = ${quoted(mail.from.address)}`,
    ...recipientsOf(mail).map((recipient) => `mail-rcpt = ${quoted(recipient)}`),
    ...headersOf(mail).map(({ name, value }) => `header = ${quoted(`${name}: ${value}`)}`),
    ...multipart("alternative", [text, ...multipart("related", [...html, ...images.map(filePart)])]).map(
      (form) => `form = ${quoted(form)}`
    ),
    ...files.map((file) => `form = ${quoted(filePart(file))}`)
  ]
}

const multipart = (kind: string, parts: ReadonlyArray<string>): ReadonlyArray<string> =>
  parts.length < 2 ? parts : [`=(;type=multipart/${kind}`, ...parts, "=)"]

const filePart = ({ contentId, name, path, type }: AttachedFile): string =>
  [
    `=@${path}`,
    `filename="${name}"`,
    `type=${type}`,
    "encoder=base64",
    ...(contentId === null ? [] : [`headers="Content-ID: <${contentId}>"`])
  ].join(";")

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`

/** The replies that end a mail, as the transcript has them. */
const outcomesOf = (task: ClientTask, { stderr }: Ended): ReadonlyArray<Outcome> => {
  const replies = [...stderr.matchAll(/^< (250) (2\.0\.0 Message accepted.*?)\r?$|^< ([45]\d\d) (.*?)\r?$/gm)].map(
    ([, accepted, receipt = "", refused, reason = ""]) => ({
      code: Number(accepted ?? refused),
      text: accepted === undefined ? reason : receipt
    })
  )
  const unanswered = { code: 0, text: /^curl: .*$/m.exec(stderr)?.[0] ?? stderr }
  return task.mails.map((_, index) => replies[index] ?? unanswered)
}
