/** Line breaks in addresses, names and reasons: none reaches a reply, a header of the payload or a log line. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGatewayProcess } from "../kit/GatewayProcess.ts"
import { sendMail } from "../kit/MailWire.ts"
import { startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openSecureWire, openWire } from "../kit/SmtpWire.ts"
import { assertLinesOf, assertWellFormed, BREAKS, EVIL } from "./lineBreaks.ts"

/** Every string in the payload that is not a body. */
const headersOf = (payload: unknown): ReadonlyArray<string> => {
  const found: Array<string> = []
  const collect = (value: unknown, name: string): void => {
    if (typeof value === "string") {
      if (name !== "text" && name !== "html" && name !== "text_body" && name !== "html_body") found.push(value)
    } else if (Array.isArray(value)) for (const item of value) collect(item, name)
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        found.push(key)
        collect(item, key)
      }
    }
  }
  collect(payload, "")
  return found
}

const quotedPrintable = (text: string): string =>
  [...Buffer.from(text, "utf8")].map((octet) => `=${octet.toString(16).toUpperCase().padStart(2, "0")}`).join("")

const word = (text: string): string => `=?utf-8?Q?${quotedPrintable(text)}?=`

const percent = (text: string): string =>
  [...Buffer.from(text, "utf8")].map((octet) => `%${octet.toString(16).toUpperCase().padStart(2, "0")}`).join("")

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  describe(`line breaks in names, ${contract}`, () => {
    it.live("stay out of replies, payload and log", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { captured, inject, url } = yield* startSandbox()
          const gateway = yield* startGatewayProcess({
            apiUrl: url,
            environment: { LOG_LEVEL: "DEBUG", CAKEMAIL_API_CONTRACT: contract }
          })

          for (const each of BREAKS) {
            const evil = `x${each}${EVIL}`
            const named = yield* openWire(gateway.smtpPort)
            yield* named.send(`EHLO ${evil}\r\nMAIL FROM:<${evil}@example.com>\r\n${evil}\r\nQUIT\r\n`)
            yield* named.ended
            assertWellFormed(yield* named.received)

            // The name that was understood last stands in Received, in the contract that has one.
            const greeting = yield* openSecureWire(gateway.smtpPort)
            yield* greeting.send(`EHLO evil(x);by=<y>\r\nEHLO evil${each};by=(z)\r\nHELP\r\n`)
            while ((yield* greeting.reply).code !== 214);
            assert.strictEqual((yield* greeting.login()).code, 235)
            assert.match(yield* sendMail(greeting, { from: "demo@example.com" }), /^250 /)
            assertWellFormed(yield* greeting.received)

            const guessing = yield* openSecureWire(gateway.smtpPort)
            yield* guessing.login(`demo${each}${EVIL}@example.com`, `wrong${each}`)
            yield* guessing.send("QUIT\r\n")
            yield* guessing.ended
            assertWellFormed(yield* guessing.received)

            const wire = yield* openLoggedInWire(gateway.smtpPort)
            yield* wire.send(
              `MAIL FROM:<"a${each}b"@example.com> X${each}=1\r\nNOOP ${evil}\r\nVRFY ${evil}\r\nRSET\r\n`
            )
            yield* wire.send("HELP\r\n")
            while ((yield* wire.reply).code !== 214);
            const transaction = Effect.fnUntraced(function* (data: string) {
              yield* wire.ask("MAIL FROM:<demo@example.com>")
              yield* wire.ask("RCPT TO:<to@example.com>")
              yield* wire.ask("DATA")
              return yield* wire.ask(`${data}\r\n.`)
            })
            const folded = evil.replace(/[\r\n]+/g, "")
            const mail = [
              `From: ${word(evil)} <demo@example.com>`,
              `To: ${word(evil)} <to@example.com>`,
              `Reply-To: ${word(`x${each}Bcc: victim@example.com`)} <reply@example.com>`,
              `Subject: ${word(`subject${each}Bcc: victim@example.com`)}`,
              `X-One: ${word(evil)}${folded}`,
              `In-Reply-To: <a${word(each)}@example.com>`,
              `X-Tags: a,${word(each)}b`,
              `X-${each}Two: 1`,
              "MIME-Version: 1.0",
              "Content-Type: multipart/mixed; boundary=b",
              "",
              "--b",
              "",
              "hello",
              "--b",
              "Content-Type: application/pdf",
              `Content-Disposition: attachment; filename*=utf-8''a${percent(`${each}x`)}.pdf`,
              "",
              "pdf",
              "--b--"
            ].join("\r\n")
            assert.match((yield* transaction(mail)).raw, /^250 2\.0\.0 Message accepted/)
            // A file name that is refused stands in the reply.
            const refused = mail.replace(".pdf\r\n", ".exe\r\n").replace("application/pdf", "application/x-evil")
            const answer = yield* transaction(refused)
            if (contract === "email-api-v2") assert.match(answer.raw, /^550 5\.6\.1 Attachment /)

            for (const body of [
              { detail: evil, message: evil },
              { error: evil, message: evil },
              { detail: [{ loc: ["body", `email${each}`], msg: evil, type: evil }] },
              evil
            ]) {
              yield* inject({ endpoint: "emails", what: "status", status: 400, body, next: 1 })
              const reply = yield* transaction("From: demo@example.com\r\nSubject: x\r\n\r\nhello")
              assert.match(reply.raw, /^550 5\.\d\.\d Message rejected: [\x20-\x7e]+$/)
            }
            yield* inject()
            assertWellFormed(yield* wire.received)
          }

          const messages = yield* captured
          assert.isAtLeast(messages.length, BREAKS.length)
          if (contract === "gateway-v1") {
            const received = messages.flatMap(({ payload }) =>
              headersOf(payload).filter((text) => text.includes(" by "))
            )
            for (const line of received)
              assert.match(line, /^from [\w.:[\]-]+ by smtp\.test with ESMTPSA id \S+; [\w, :+]+$/)
            assert.isTrue(received.some((line) => line.includes("evil")))
          }
          for (const { payload } of messages) {
            for (const text of headersOf(payload)) assert.notMatch(text, /[\r\n\0]/, JSON.stringify(text))
          }
          const lines = yield* assertLinesOf(gateway, ["email_received", "auth_failed", "connection_opened"])
          assert.isTrue(lines.some((line) => line.includes(EVIL)))
        })
      )
    )
  })
}
