/**
 * Messages made to be dear: each gets a typed reply, the process keeps serving others, and gives the memory back. What
 * they cost is compared with plain text of the same size, on the same machine.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { type GatewayProcess, startGatewayProcess } from "../kit/GatewayProcess.ts"
import { beginMail } from "../kit/MailWire.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"

const MIB = 1024 * 1024

/** What a mail may have on the wire. */
const FULL = 25 * MIB

/** Enough to tell what grows faster than the mail. */
const LARGE = 10 * MIB

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
  ["empty lines", /^250 /, () => `${HEAD}\r\n${repeated("\r\n", LARGE - 200)}`],
  [
    "bare carriage returns, twice as many octets in JSON",
    /^552 5\.3\.4 /,
    () => `${HEAD}\r\n${repeated("\r", FULL - 200)}\r\n`
  ],
  ["one line", /^250 /, () => `${HEAD}\r\n${repeated("x", LARGE - 200)}\r\n`],
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
      `${HEAD}Content-Type: multipart/mixed; boundary=${"b".repeat(200_000)}\r\n\r\n--${"b".repeat(200_000)}\r\n\r\n${`--${"b".repeat(199_999)}c\r\n`.repeat(50)}`
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
      `${HEAD}Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n!${repeated("QUFB\r\n", LARGE)}`
  ],
  [
    "quoted-printable of soft breaks",
    /^250 /,
    () => `${HEAD}Content-Transfer-Encoding: quoted-printable\r\n\r\n${repeated("=\r\n", LARGE)}`
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
    () => `${HEAD}Content-Type: text/html\r\n\r\n${repeated("<img src=cid:a%41>", LARGE - 200)}\r\n`
  ],
  [
    "HTML of open meta elements",
    /^250 /,
    () => `${HEAD}Content-Type: text/html\r\n\r\n${repeated("<meta charset ", LARGE - 200)}\r\n`
  ],
  [
    "format=flowed that never ends a paragraph",
    /^250 /,
    () => `${HEAD}Content-Type: text/plain; format=flowed\r\n\r\n${repeated("> a \r\n", LARGE - 200)}`
  ]
]

/** What mails cost the gateway, in milliseconds of its own time on a processor. */
interface Cost {
  /** The last reply. */
  readonly raw: string
  readonly cpu: number
  /** The longest that it worked without a word to somebody else who asks. */
  readonly blocked: number
}

/** Sends a mail so many times over one connection, while another is there that asks, and asks again. */
const makeScales = Effect.fnUntraced(function* (gateway: GatewayProcess) {
  const wire = yield* openLoggedInWire(gateway.smtpPort)
  const other = yield* openLoggedInWire(gateway.smtpPort)
  return Effect.fnUntraced(function* (data: string, times: number) {
    const octets = Buffer.from(`${data}\r\n.\r\n`, "latin1")
    const before = yield* gateway.cpu
    let last = before
    let blocked = 0
    const sending = yield* Effect.gen(function* () {
      let raw = ""
      for (let time = 0; time < times; time++) {
        assert.strictEqual((yield* beginMail(wire)).code, 354)
        yield* wire.send(octets)
        raw = (yield* wire.reply).raw
      }
      return raw
    }).pipe(Effect.forkChild)
    while (sending.pollUnsafe() === undefined) {
      yield* other.ask("NOOP")
      const now = yield* gateway.cpu
      blocked = Math.max(blocked, now - last)
      last = now
      yield* Effect.sleep("5 millis")
    }
    const cost: Cost = { raw: yield* Fiber.join(sending), cpu: (yield* gateway.cpu) - before, blocked }
    return cost
  })
})

/** Small ones are sent several times, or their cost would be lost among the others. */
const timesOf = (octets: number): number => Math.max(1, Math.ceil((2 * MIB) / octets))

/** Sizes that are compared with the same plain mail. */
const sizeClass = (octets: number): number => (octets < MIB ? MIB / 4 : Math.ceil(octets / (5 * MIB)) * 5 * MIB)

const plain = (octets: number): string =>
  `${HEAD}\r\n${repeated(`${"All work and no play makes Jack a dull boy. ".repeat(2)}\r\n`, octets - 200)}`

/**
 * How many plain mails of its size a mail may cost. Those are hardly more than copied; a small one may be all header,
 * where an encoded word takes as long to read as a thousand octets of text.
 */
const DEAREST = 20
const DEAREST_SMALL = 80

describe("mails made to be dear", () => {
  it.live(
    `cost less than ${DEAREST} plain mails of their size, ${DEAREST_SMALL} if small, and keep nobody waiting for longer`,
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
          const weigh = yield* makeScales(gateway)
          const references = new Map<string, Cost>()
          const referenceFor = Effect.fnUntraced(function* (octets: number) {
            const size = sizeClass(octets)
            const times = timesOf(octets)
            const key = `${times} x ${size}`
            const known = references.get(key)
            if (known !== undefined) return known
            // Code that runs for the first time costs more.
            yield* weigh(plain(size), times)
            const reference = yield* weigh(plain(size), times)
            assert.match(reference.raw, /^250 /)
            references.set(key, reference)
            return reference
          })

          const report = [row("plain text of 25 MB", yield* referenceFor(FULL - 200), undefined)]
          for (const [name, reply, make] of BOMBS) {
            const data = make()
            const reference = yield* referenceFor(data.length)
            const cost = yield* weigh(data, timesOf(data.length))
            report.push(row(name, cost, reference))
            assert.match(cost.raw, reply, name)
            if (data.length < MIB) {
              assert.isBelow(cost.cpu, DEAREST_SMALL * reference.cpu, name)
            } else {
              assert.isBelow(cost.cpu, DEAREST * reference.cpu, name)
              assert.isBelow(cost.blocked, DEAREST * reference.blocked, name)
            }
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
    240_000
  )
})

const row = (name: string, { blocked, cpu, raw }: Cost, reference: Cost | undefined): string => {
  const share = (of: number, by: number | undefined) => (by === undefined ? "" : ` (${(of / by).toFixed(1)} x plain)`)
  const told = `${Math.round(cpu)} ms CPU${share(cpu, reference?.cpu)}, ${Math.round(blocked)} at a time${share(blocked, reference?.blocked)}`
  return `${told.padEnd(58)} ${name}: ${raw.slice(0, 9)}`
}
