/** Random conversations, held against a model, and random octets, held against nothing but the promise to answer or to close. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { fuzz } from "../kit/fuzz.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { mailData, sendMail } from "../kit/MailWire.ts"
import { metricOf } from "../kit/metricOf.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { CONNECTED, type LineName, LINES, type ModelState, step } from "../kit/SmtpModel.ts"
import { openLoggedInWire, openWire, type Wire } from "../kit/SmtpWire.ts"

type Gateway = Effect.Success<ReturnType<typeof startGateway>>

/** What is written at once, and the codes that come back for it; the last may be 354, or 220 to STARTTLS. */
interface Flight {
  octets: string
  readonly lines: Array<LineName | "content">
  readonly codes: Array<number>
}

/** The model's view of a conversation: nothing is left behind STARTTLS, and data comes when it was asked for. */
const flightsOf = (names: ReadonlyArray<LineName>) => {
  const flights: Array<Flight> = [{ octets: "", lines: [], codes: [] }]
  let state: ModelState = CONNECTED
  let mails = 0
  for (const name of names) {
    if (state.closed) {
      // Pipelined behind the end: never answered.
      flights.at(-1)!.octets += `${LINES[name]}\r\n`
      continue
    }
    for (const line of state.challenged ? (["cancel", name] as const) : [name]) {
      const flight = flights.at(-1)!
      const { code, next } = step(state, line)
      flight.octets += `${LINES[line]}\r\n`
      flight.lines.push(line)
      flight.codes.push(code)
      state = next
      if (code === 354) {
        mails++
        flights.push({ octets: mailData(), lines: ["content"], codes: [250] })
      } else if (line === "starttls" && code === 220) {
        flights.push({ octets: "", lines: [], codes: [] })
      }
      if (state.closed) break
    }
  }
  return { flights, mails, closed: state.closed, challenged: state.challenged }
}

/** Writes the octets in pieces, each in a turn of its own. */
const sendCut = Effect.fnUntraced(function* (wire: Wire, octets: string, cuts: ReadonlyArray<number>) {
  const places = [...new Set(cuts.map((cut) => Math.floor(cut * octets.length)))].toSorted((one, other) => one - other)
  let from = 0
  for (const to of [...places, octets.length]) {
    if (to === from) continue
    yield* wire.send(octets.slice(from, to))
    yield* nextTurn
    from = to
  }
})

const nextTurn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

interface Conversation {
  readonly names: ReadonlyArray<LineName>
  readonly cuts: ReadonlyArray<number>
}

/** Returns how many mails were accepted. */
const converse = Effect.fnUntraced(function* ({ smtpPort }: Gateway, { cuts, names }: Conversation) {
  const { challenged, closed, flights, mails } = flightsOf(names)
  const wire = yield* openWire(smtpPort)
  assert.strictEqual((yield* wire.reply).code, 220)
  let loggedIn = false
  let recipients = 0
  for (const { codes, lines, octets } of flights) {
    yield* sendCut(wire, octets, cuts)
    for (const [index, line] of lines.entries()) {
      const { code, raw } = yield* wire.reply
      const told = `${line}, after ${lines.slice(0, index).join(" ")}: ${raw}`
      assert.strictEqual(code, codes[index], told)
      // What must hold whatever the model says.
      if (code === 235) loggedIn = true
      if (code === 250 && (line.startsWith("mail") || line.startsWith("rcpt"))) assert.isTrue(loggedIn, told)
      if (code === 250 && line.startsWith("rcpt")) recipients++
      if (code === 354) {
        assert.isTrue(loggedIn && recipients > 0, told)
        recipients = 0
      }
      if (code === 250 && (line === "rset" || isGreeting(line))) recipients = 0
      // RFC 2034 section 3: on every reply but the greeting and those to EHLO and HELO.
      if (code < 300 || code >= 400) assert.strictEqual(/^([245])\d\d \1\.\d\.\d /.test(raw), !isGreeting(line), told)
      if (line === "starttls" && code === 220) yield* wire.startTls
    }
  }
  if (!closed) {
    if (challenged) assert.strictEqual((yield* wire.ask("*")).code, 501)
    assert.strictEqual((yield* wire.ask("QUIT")).code, 221)
  }
  yield* wire.ended
  // One reply a line, and none after the last.
  const replies = (yield* wire.received).match(/^\d{3} .*\r\n/gm) ?? []
  const asked = flights.reduce((count, { codes }) => count + codes.length, 0)
  assert.strictEqual(replies.length, 1 + asked + (closed ? 0 : challenged ? 2 : 1))
  return mails
})

const isGreeting = (line: string): boolean => /(?:ehlo|helo)$/i.test(line)

/** Most lines of a random order are refused: some come in the right one, so that conversations get somewhere. */
const conversations: fc.Arbitrary<Conversation> = fc.record({
  names: fc
    .array(
      fc.oneof(
        {
          weight: 6,
          arbitrary: fc
            .constantFrom<LineName>(
              ...(Object.keys(LINES) as Array<LineName>).filter((name) => name !== "quit" && name !== "http")
            )
            .map((name): ReadonlyArray<LineName> => [name])
        },
        { weight: 3, arbitrary: fc.constant<ReadonlyArray<LineName>>(["ehlo", "starttls", "ehlo", "login"]) },
        { weight: 3, arbitrary: fc.constant<ReadonlyArray<LineName>>(["mail", "rcpt"]) },
        { weight: 3, arbitrary: fc.constant<ReadonlyArray<LineName>>(["rset", "mail", "rcpt", "data"]) },
        {
          weight: 1,
          arbitrary: fc.constantFrom<LineName>("quit", "http").map((name): ReadonlyArray<LineName> => [name])
        }
      ),
      { maxLength: 14 }
    )
    .map((parts) => parts.flat()),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 })
})

/** Octets as a fuzzer sends them: pieces of commands, line ends of all kinds, and anything at all. */
const noise: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.constantFrom(...Object.values(LINES)).map((line) => Buffer.from(line)),
      fc
        .constantFrom("\r\n", "\n", "\r", "\r\n.\r\n", "\n.\n", "\0", " ", "\t", "=", "*", "\x7f", "\u2028")
        .map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 300 }),
      fc.constant(Buffer.alloc(13_000, "A")),
      fc
        .constantFrom("AUTH PLAIN ", "AUTH LOGIN\r\n", "MAIL FROM:<", "RCPT TO:<é@", "EHLO \x01")
        .map((text) => Buffer.from(text))
    ),
    { maxLength: 20 }
  )
  .map((pieces) => Buffer.concat(pieces))

const WELL_FORMED = /^(?:\d{3}(?:-[\x20-\x7e]*|(?: [\x20-\x7e]*)?)\r\n)*$/

/** Whatever came before: data is ended, a challenge cancelled, and then the connection. */
const ENDING = "\r\n.\r\n*\r\nQUIT\r\n"

const endure = Effect.fnUntraced(function* (
  { smtpPort }: Gateway,
  phase: "plain" | "tls" | "login",
  octets: Uint8Array
) {
  const wire = yield* openWire(smtpPort)
  yield* wire.reply
  if (phase !== "plain") {
    yield* wire.ask("EHLO client.example.com")
    yield* wire.ask("STARTTLS")
    yield* wire.startTls
  }
  if (phase === "login") {
    yield* wire.ask("EHLO client.example.com")
    yield* wire.login()
  }
  const before = (yield* wire.received).length
  yield* wire.send(octets)
  yield* nextTurn
  yield* wire.send(ENDING)
  yield* wire.ended
  const received = (yield* wire.received).slice(before)
  assert.match(received, WELL_FORMED)

  const replies = received.match(/^\d{3}(?: .*)?(?=\r\n)/gm) ?? []
  const sent = Buffer.concat([octets, Buffer.from(ENDING)]).toString("latin1")
  const lines = sent.split("\n").length - 1
  // The connection may have ended before the last line; of what comes too fast for that, 421 tells.
  assert.isAtMost(replies.length, lines + (replies.at(-1)?.startsWith("421") === true ? 1 : 0), received)
  // Lines of data have one reply for all, and those behind STARTTLS none.
  const lineByLine = !replies.some((reply) => /^(?:354|220) /.test(reply)) && !/quit/i.test(octetsOf(octets))
  if (lineByLine && replies.at(-1)?.startsWith("221") === true) assert.strictEqual(replies.length, lines, received)
})

const octetsOf = (octets: Uint8Array): string => Buffer.from(octets).toString("latin1")

describe("the protocol", () => {
  it.live(
    "answers random conversations as the model does, in whatever pieces they come",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const gateway = yield* startGateway({
            sandbox: { maxMessages: 100_000 },
            settings: { api: { contract: "gateway-v1" } }
          })
          let mails = 0
          const runs = yield* fuzz({
            name: "conversations",
            values: conversations,
            holds: (conversation) =>
              Effect.map(Effect.scoped(converse(gateway, conversation)), (accepted) => (mails += accepted)),
            least: 100
          })
          // Conversations that never get to a mail would prove little.
          assert.isAbove(mails, runs / 10)
          assert.strictEqual((yield* gateway.sandbox.captured).length, mails)
          assert.strictEqual(yield* metricOf(gateway.httpUrl, "smtp_defects_total"), 0)
        })
      ),
    180_000
  )

  for (const phase of ["plain", "tls", "login"] as const) {
    it.live(
      `endures random octets (${phase}), and other sessions go on`,
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const gateway = yield* startGateway({ settings: { api: { contract: "gateway-v1" } } })
            const other = yield* openLoggedInWire(gateway.smtpPort)
            yield* fuzz({
              name: `octets (${phase})`,
              values: noise,
              holds: (octets) =>
                Effect.andThen(
                  Effect.scoped(endure(gateway, phase, octets)),
                  Effect.map(other.ask("NOOP"), ({ raw }) => assert.strictEqual(raw, "250 2.0.0 OK"))
                ),
              least: 50
            })
            const before = (yield* gateway.sandbox.captured).length
            assert.match(yield* sendMail(other), /^250 /)
            assert.strictEqual((yield* gateway.sandbox.captured).length, before + 1)
            yield* eventually(Effect.map(metricOf(gateway.httpUrl, "smtp_active_connections"), (open) => open === 1))
            assert.strictEqual(yield* metricOf(gateway.httpUrl, "smtp_defects_total"), 0)
          })
        ),
      180_000
    )
  }
})
