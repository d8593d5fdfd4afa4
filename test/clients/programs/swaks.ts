/** Sends a task by swaks: a process, and so a connection, for each mail. */
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Ended, runProgram } from "../../kit/ClientProgram.ts"
import type { ClientTask, MailToSend, Outcome } from "../ClientTask.ts"
import { headersOf, recipientsOf } from "./plainHeaders.ts"

export const sendBySwaks = (task: ClientTask, directory: string): Effect.Effect<ReadonlyArray<Outcome>> =>
  Effect.forEach(task.mails, (mail) =>
    Effect.map(
      Effect.suspend(() => runProgram("swaks", request(task, mail, directory), { environment: { HOME: directory } })),
      outcomeOf
    )
  )

const request = (task: ClientTask, mail: MailToSend, directory: string): ReadonlyArray<string> => {
  /** A file: swaks takes `\n` in a text of the command line for the end of a line. */
  const body = (name: string, text: string) => {
    const path = join(directory, `swaks.${name}`)
    writeFileSync(path, text)
    return `@${path}`
  }
  const text = body("txt", mail.text)
  const isPlain = mail.html === null && mail.attachments.length === 0
  return [
    ["--server", task.host, "--port", `${task.port}`],
    ["--tls", "--tls-verify", "--tls-ca-path", task.ca],
    ["--auth", task.mechanism ?? "PLAIN", "--auth-user", task.username, "--auth-password", task.password],
    ["--from", mail.from.address, "--to", recipientsOf(mail).join(",")],
    ...headersOf(mail).map(({ name, value }) => ["--header", `${name}: ${value}`]),
    isPlain ? ["--body", text] : ["--attach-type", "text/plain", "--attach-body", text],
    mail.html === null ? [] : ["--attach-type", "text/html", "--attach-body", body("html", mail.html)],
    ...mail.attachments.map(({ name, path, type }) => [
      "--attach-type",
      type,
      "--attach-name",
      name,
      "--attach",
      `@${path}`
    ])
  ].flat()
}

/** Its transcript marks what the server said within TLS by `<~` or `<~*`. */
const outcomeOf = ({ code, stderr, stdout }: Ended): Outcome => {
  const refused = /^<~\* ([45]\d\d) (.*?)\r?$/m.exec(stdout)
  if (refused !== null) return { code: Number(refused[1]), text: refused[2] ?? "" }
  const accepted = /^<~ {2}(250) (2\.0\.0 Message accepted.*?)\r?$/m.exec(stdout)
  if (accepted !== null && code === 0) return { code: 250, text: accepted[2] ?? "" }
  return { code: 0, text: /^\*\*\* .*$/m.exec(stdout)?.[0] ?? `${stdout}${stderr}` }
}
