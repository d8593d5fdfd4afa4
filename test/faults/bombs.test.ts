/**
 * Messages made to be dear: each gets a typed reply, the process keeps serving others, and gives the memory back. CPU
 * is that of the gateway's own process and compared with what a plain text of 25 MB costs on the same machine.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { startGatewayProcess } from "../kit/GatewayProcess.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire, type Wire } from "../kit/SmtpWire.ts"

const MIB = 1024 * 1024

/** Up to 25 MiB on the wire. */
const FULL = 25 * MIB

const repeated = (text: string, octets: number): string => text.repeat(Math.floor(octets / text.length))

const HEAD = "From: demo@example.com\r\nTo: to@example.com\r\nSubject: bomb\r\n"

/** A header of `octets`, folded as RFC 5322 asks. */
const longHeader = (name: string, start: string, item: string, octets: number): string =>
  `${name}: ${start}${repeated(item, octets)}\r\n`

const levels = (depth: number): string => {
  let body = ""
  for (let level = 0; level < depth; level++) {
    body += `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`
  }
  return body
}

/** Less than the 256 KiB that a header block may have. */
const HEADER = 250_000

/** What is sent, and the reply; `250` where it is only large. */
const BOMBS: ReadonlyArray<readonly [name: string, reply: RegExp, data: () => string]> = [
  ["a dot on every line", /^250 /, () => `${HEAD}\r\n${repeated("..\r\n", FULL - 200)}`],
  ["empty lines", /^250 /, () => `${HEAD}\r\n${repeated("\r\n", FULL - 200)}`],
  [
    "bare carriage returns, twice as many octets in JSON",
    /^552 5\.3\.4 /,
    () => `${HEAD}\r\n${repeated("\r", FULL - 200)}\r\n`
  ],
  ["one line", /^250 /, () => `${HEAD}\r\n${repeated("x", FULL - 200)}\r\n`],
  [
    "10,000 parts",
    /^550 5\.6\.0 /,
    () => `${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(10_000)}--b--\r\n`
  ],
  ["1,000 levels", /^550 5\.6\.0 /, () => `${HEAD}${levels(1_000)}`],
  [
    "a million lines that are nearly a boundary",
    /^250 /,
    () => `${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${"--bx\r\n".repeat(1_000_000)}--b--\r\n`
  ],
  ["a million headers", /^550 5\.6\.0 /, () => `${HEAD}${"X-A: b\r\n".repeat(1_000_000)}\r\nx\r\n`],
  ["a million lines that are no header", /^(250|550|554) /, () => `${HEAD}${"rubbish\r\n \r\n".repeat(1_000_000)}`],
  [
    "a boundary of 200,000 octets and lines that nearly are it",
    /^250 /,
    () =>
      `${HEAD}Content-Type: multipart/mixed; boundary=${"b".repeat(200_000)}\r\n\r\n--${"b".repeat(200_000)}\r\n\r\n${`--${"b".repeat(199_999)}c\r\n`.repeat(100)}`
  ],
  [
    "a thousand empty multiparts",
    /^(250|550|554) /,
    () =>
      `${HEAD}Content-Type: multipart/mixed; boundary=o\r\n\r\n${"--o\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--x\r\n".repeat(990)}--o--\r\n`
  ],
  [
    "base64 of 30 MB in one line",
    /^250 /,
    () =>
      `${HEAD}Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${repeated("QUFB", 40_000_000)}\r\n`
  ],
  [
    "base64 with a foreign character",
    /^250 /,
    () =>
      `${HEAD}Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n!${repeated("QUFB\r\n", FULL)}`
  ],
  [
    "quoted-printable of soft breaks",
    /^250 /,
    () => `${HEAD}Content-Transfer-Encoding: quoted-printable\r\n\r\n${repeated("=\r\n", FULL)}`
  ],
  [
    "a subject of 100 KB",
    /^250 /,
    () => longHeader("Subject", "", "x", 100_000) + "From: demo@example.com\r\n\r\nx\r\n"
  ],
  [
    "a subject of encoded words",
    /^250 /,
    () => longHeader("Subject", "", "=?utf-8?q?a?=\r\n ", HEADER) + "From: demo@example.com\r\n\r\nx\r\n"
  ],
  [
    "a subject that nearly is encoded words",
    /^250 /,
    () => longHeader("Subject", "", "=?utf-8?b?", HEADER) + "From: demo@example.com\r\n\r\nx\r\n"
  ],
  [
    "50,000 recipients in To",
    /^550 5\.6\.0 /,
    () => `From: demo@example.com\r\n${longHeader("To", "", "someone@example.com,\r\n ", 22 * 50_000)}\r\nx\r\n`
  ],
  [
    "as many recipients in To as a header can hold",
    /^250 /,
    () => `From: demo@example.com\r\n${longHeader("To", "", "a@example.com,", HEADER)}\r\nx\r\n`
  ],
  ["open comments in To", /^250 /, () => `From: demo@example.com\r\n${longHeader("To", "", "(", HEADER)}\r\nx\r\n`],
  ["open brackets in To", /^250 /, () => `From: demo@example.com\r\n${longHeader("To", "", "<", HEADER)}\r\nx\r\n`],
  ["quotes in To", /^250 /, () => `From: demo@example.com\r\n${longHeader("To", "", '"\\', HEADER)}\r\nx\r\n`],
  ["groups in To", /^250 /, () => `From: demo@example.com\r\n${longHeader("To", "", "a:", HEADER)}\r\nx\r\n`],
  ["names in To", /^250 /, () => `From: demo@example.com\r\n${longHeader("To", "", "a b ", HEADER)}\r\nx\r\n`],
  [
    "encoded names in To",
    /^250 /,
    () => `From: demo@example.com\r\n${longHeader("To", "", "=?utf-8?q?a?= <a@b>,", HEADER)}\r\nx\r\n`
  ],
  [
    "parameters of Content-Type",
    /^250 /,
    () => `${HEAD}${longHeader("Content-Type", "text/plain", "; a=b", HEADER)}\r\nx\r\n`
  ],
  [
    "a file name in 10,000 pieces",
    /^250 /,
    () =>
      `${HEAD}Content-Type: application/pdf\r\nContent-Disposition: attachment${Array.from({ length: 10_000 }, (_, at) => `;\r\n filename*${at}=a`).join("")}\r\n\r\nx\r\n`
  ],
  ["references", /^250 /, () => `${HEAD}${longHeader("References", "", "<a@b>\r\n ", HEADER)}\r\nx\r\n`],
  ["tags", /^250 /, () => `${HEAD}${longHeader("X-Tags", "", "a,b,", HEADER)}\r\nx\r\n`],
  ["blanks in a header", /^250 /, () => `${HEAD}${longHeader("X-A", "a", " ", HEADER)} b\r\n\r\nx\r\n`],
  [
    "HTML of cid: references",
    /^250 /,
    () => `${HEAD}Content-Type: text/html\r\n\r\n${repeated("<img src=cid:a%41>", FULL - 200)}\r\n`
  ],
  [
    "HTML of open meta elements",
    /^250 /,
    () => `${HEAD}Content-Type: text/html\r\n\r\n${repeated("<meta charset ", FULL - 200)}\r\n`
  ],
  [
    "format=flowed that never ends a paragraph",
    /^250 /,
    () => `${HEAD}Content-Type: text/plain; format=flowed\r\n\r\n${repeated("> a \r\n", FULL - 200)}`
  ]
]

describe("mails made to be dear", () => {
  it.live(
    "are answered while others are served, for less than 20 times the CPU of a plain mail of 25 MB",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, url } = yield* startSandbox({ maxBytes: MIB })
          const gateway = yield* startGatewayProcess({
            apiUrl: url,
            environment: {
              // Room for 30 MB in base64; the other bombs stay below the usual limits.
              MESSAGE_SIZE_LIMIT: "48 MiB",
              ATTACHMENT_SIZE_LIMIT: "48 MiB",
              API_TIMEOUT: "60",
              SUBMIT_DEADLINE: "90"
            }
          })
          const wire = yield* openLoggedInWire(gateway.smtpPort)
          const other = yield* openLoggedInWire(gateway.smtpPort)

          const measure = Effect.fnUntraced(function* (data: string) {
            const octets = Buffer.from(`${data}\r\n.\r\n`, "latin1")
            yield* begin(wire)
            // Read anew, both count from here on.
            yield* gateway.metric("nodejs_eventloop_lag_max_seconds")
            const before = yield* gateway.cpu
            const asked = { over: false }
            let answered = 0
            const asking = yield* Effect.gen(function* () {
              while (!asked.over) {
                yield* other.ask("NOOP")
                if (!asked.over) answered++
                yield* Effect.sleep("10 millis")
              }
            }).pipe(Effect.forkChild)
            yield* wire.send(octets)
            const { raw } = yield* wire.reply
            asked.over = true
            yield* Fiber.join(asking)
            const cpu = (yield* gateway.cpu) - before
            return { raw, cpu, answered, blocked: (yield* gateway.metric("nodejs_eventloop_lag_max_seconds")) * 1000 }
          })

          const plain = () =>
            `${HEAD}\r\n${repeated(`${"All work and no play makes Jack a dull boy. ".repeat(2)}\r\n`, FULL - 200)}`
          yield* measure(plain())
          const reference = yield* measure(plain())
          assert.match(reference.raw, /^250 /)
          const report = [row("plain text of 25 MB", reference)]
          for (const [name, reply, data] of BOMBS) {
            const measured = yield* measure(data())
            report.push(row(name, measured))
            assert.match(measured.raw, reply, name)
            assert.isBelow(measured.cpu, 20 * Math.max(reference.cpu, 100), name)
            // A bomb of a few milliseconds may be over before anybody asks.
            if (measured.cpu >= 200) assert.isAbove(measured.answered, 0, name)
            yield* sandbox.messages.clear
          }
          console.log(report.join("\n"))

          // The last message is settled, and nothing of any is held.
          yield* eventually(Effect.map(gateway.metric("smtp_inflight_message_bytes"), (held) => held === 0))
          const { now, peak } = yield* gateway.memory
          console.log(`resident: ${Math.round(now / MIB)} MiB, at most ${Math.round(peak / MIB)} MiB`)
          assert.isBelow(peak, 1024 * MIB)
        })
      ),
    120_000
  )
})

const row = (
  name: string,
  { answered, blocked, cpu, raw }: { raw: string; cpu: number; answered: number; blocked: number }
): string =>
  `${`${cpu}`.padStart(6)} ms CPU, loop blocked ${`${Math.round(blocked)}`.padStart(5)} ms, ${`${answered}`.padStart(4)} others served: ${name}: ${raw.slice(0, 9)}`

const begin = Effect.fnUntraced(function* (wire: Wire) {
  yield* wire.ask("MAIL FROM:<demo@example.com>")
  yield* wire.ask("RCPT TO:<to@example.com>")
  assert.strictEqual((yield* wire.ask("DATA")).code, 354)
})
