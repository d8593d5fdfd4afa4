/** Nothing that a client puts into a message, a command or a name makes the gateway see another message or command. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../kit/GatewayKit.ts"
import { openLoggedInWire, openSecureWire, openWire, type Wire } from "../kit/SmtpWire.ts"

const SMUGGLED = "MAIL FROM:<smuggled@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: boo\r\n\r\nboo"

/** What ends the data for some servers, and what has to arrive of it: nothing of it ends it here. */
const SEQUENCES: ReadonlyArray<readonly [sequence: string, content: string]> = [
  ["\n.\n", "\n.\n"],
  ["\r.\r", "\n.\n"],
  ["\n.\r\n", "\n.\n"],
  ["\r\n.\n", "\n.\n"],
  ["\r.\r\n", "\n.\n"],
  ["\n.\r", "\n.\n"],
  // The NUL goes; what is left of the line was never alone on it when the data was read.
  ["\r\n\0.\r\n", "\n.\n"],
  // The dot is stuffing: a line that begins with one has another before it (RFC 5321 section 4.5.2).
  ["\r\n.\0\r\n", "\n\n"],
  ["\r\n.\r", "\n\n"],
  ["\r\n.\r\0\n", "\n\n\n"]
]

const openTransaction = Effect.fnUntraced(function* (wire: Wire) {
  yield* wire.send("MAIL FROM:<demo@example.com>\r\nRCPT TO:<to@example.com>\r\nDATA\r\n")
  assert.strictEqual((yield* wire.reply).code, 250)
  assert.strictEqual((yield* wire.reply).code, 250)
  assert.strictEqual((yield* wire.reply).code, 354)
})

describe("an end of data that is none", () => {
  for (const [sequence, content] of SEQUENCES) {
    it.live(`${JSON.stringify(sequence)}, cut at every octet, is content`, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { sandbox, smtpPort } = yield* startGateway({ sandbox: { maxMessages: 2_000 } })
          const wire = yield* openLoggedInWire(smtpPort)
          const data = Buffer.from(
            `From: demo@example.com\r\nSubject: one\r\n\r\nbefore${sequence}${SMUGGLED}\r\n.\r\n`,
            "latin1"
          )
          for (let cut = 0; cut < data.length; cut++) {
            yield* openTransaction(wire)
            // Two writes are two TLS records, which the gateway reads one by one.
            yield* wire.send(data.subarray(0, cut))
            yield* wire.send(data.subarray(cut))
            assert.match((yield* wire.reply).raw, /^250 2\.0\.0 Message accepted/)
          }
          // Each octet by itself.
          yield* openTransaction(wire)
          for (const octet of data) yield* wire.send(Uint8Array.of(octet))
          assert.match((yield* wire.reply).raw, /^250 2\.0\.0 Message accepted/)
          // No reply too many: the next one is this one's.
          assert.strictEqual((yield* wire.ask("HELP")).code, 214)

          const captured = yield* sandbox.captured
          assert.strictEqual(captured.length, data.length + 1)
          const expected = `before${content}${SMUGGLED.replaceAll("\r\n", "\n")}\n`
          for (const { recipient, subject, text } of captured) {
            assert.strictEqual(recipient.address, "to@example.com")
            assert.strictEqual(subject, "one")
            assert.strictEqual(text, expected)
          }
        })
      )
    )
  }

  it.live("bare line ends in headers end the header and no more", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPort } = yield* startGateway()
        const wire = yield* openLoggedInWire(smtpPort)
        yield* openTransaction(wire)
        yield* wire.send("From: demo@example.com\rSubject: one\nX-One: a\0b\r\n\r\nhello\r\n.\r\n")
        assert.strictEqual((yield* wire.reply).code, 250)
        const [captured] = yield* sandbox.captured
        assert.strictEqual(captured?.subject, "one")
        assert.strictEqual(captured?.headers.find(({ name }) => name === "X-One")?.value, "ab")
        assert.strictEqual(captured?.text?.trimEnd(), "hello")
      })
    )
  )
})

describe("STARTTLS", () => {
  it.live("throws away what came in the clear behind it, and what was said before it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPort } = yield* startGateway()
        const injected = `AUTH PLAIN ${Buffer.from("\0demo@example.com\0demo").toString("base64")}\r\nMAIL FROM:<evil@example.com>`
        for (const [before, behind] of [
          ["STARTTLS\r\n", `EHLO evil.example.com\r\n${injected}\r\nRCPT TO:<victim@example.com>\r\n`],
          // The first half of a command: the second would come encrypted.
          ["STARTTLS\r\n", "MAIL FROM:<evil@exam"],
          ["STARTTLS\n", "NOOP\nNOOP\n"]
        ] as const) {
          const wire = yield* openWire(smtpPort)
          yield* wire.reply
          yield* wire.ask("EHLO evil.example.com")
          yield* wire.send(`${before}${behind}`)
          assert.strictEqual((yield* wire.reply).raw, "220 2.0.0 Ready to start TLS")
          yield* wire.startTls
          assert.match((yield* wire.ask("MAIL FROM:<demo@example.com>")).raw, /^503 5\.5\.1 /)
          assert.strictEqual((yield* wire.ask("EHLO client.example.com")).code, 250)
          assert.match((yield* wire.ask("MAIL FROM:<demo@example.com>")).raw, /^530 5\.7\.0 /)
          assert.strictEqual((yield* wire.login()).code, 235)
          assert.match((yield* wire.ask("RCPT TO:<victim@example.com>")).raw, /^503 5\.5\.1 /)
          yield* openTransaction(wire)
          yield* wire.send("From: demo@example.com\r\nSubject: x\r\n\r\nhello\r\n.\r\n")
          assert.strictEqual((yield* wire.reply).code, 250)
          assert.strictEqual((yield* wire.ask("HELP")).code, 214)
          assert.notInclude(yield* wire.received, "victim")
        }
        assert.isTrue((yield* sandbox.captured).every(({ recipient }) => recipient.address === "to@example.com"))
      })
    )
  )

  it.live("is no command inside TLS, and nothing but TLS follows it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { smtpPort } = yield* startGateway()
        const secure = yield* openSecureWire(smtpPort)
        assert.match((yield* secure.ask("STARTTLS")).raw, /^503 5\.5\.1 /)
        const plain = yield* openWire(smtpPort)
        yield* plain.reply
        yield* plain.ask("EHLO client.example.com")
        assert.strictEqual((yield* plain.ask("STARTTLS")).code, 220)
        yield* plain.send("EHLO client.example.com\r\n")
        yield* plain.ended
        assert.notInclude((yield* plain.received).split("220 2.0.0")[1] ?? "", "250")
      })
    )
  )
})

describe("long lines", () => {
  /** `AUTH PLAIN ` and an initial response, `length` octets in all. */
  const authLine = (length: number) => `AUTH PLAIN ${"QUFB".repeat(length)}`.slice(0, length)

  it.live("AUTH is read up to 12,288 octets and ends the connection beyond", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { sandbox, smtpPort } = yield* startGateway()
        const wire = yield* openSecureWire(smtpPort)
        // 11 octets, then whole groups of base64.
        const longest = authLine(11 + 4 * Math.floor((12_288 - 11) / 4))
        assert.strictEqual((yield* wire.ask(longest)).code, 501)
        assert.strictEqual((yield* wire.ask("AUTH PLAIN")).code, 334)
        assert.strictEqual((yield* wire.ask("QUFB".repeat(3_072))).code, 501)
        assert.strictEqual((yield* wire.login()).code, 235)
        for (const bomb of [
          authLine(12_289) + "\r\n",
          "AUTH PLAIN\r\n" + "QUFB".repeat(3_073) + "\r\n",
          "AUTH LOGIN\r\n" + "Q".repeat(1_000_000),
          "A".repeat(1_000_000)
        ]) {
          const bomber = yield* openSecureWire(smtpPort)
          yield* bomber.send(bomb)
          yield* bomber.ended
          assert.match(
            yield* bomber.received,
            /\r\n(?:334 [^\r\n]*\r\n)?421 4\.7\.0 Command line too long[^\r\n]*\r\n$/
          )
        }
        assert.strictEqual(yield* sandbox.callsOf("token"), 1)
        assert.strictEqual((yield* wire.ask("NOOP")).code, 250)
      })
    )
  )

  it.live("other commands are read up to 2,048 octets, and the session lives", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { smtpPort } = yield* startGateway()
        const wire = yield* openLoggedInWire(smtpPort)
        const line = (length: number) => "NOOP ".padEnd(length, "x")
        assert.strictEqual((yield* wire.ask(line(2_048))).code, 250)
        assert.match((yield* wire.ask(line(2_049))).raw, /^500 5\.5\.2 /)
        assert.match((yield* wire.ask(`MAIL FROM:<${"a".repeat(5_000)}@example.com>`)).raw, /^500 5\.5\.2 /)
        assert.strictEqual((yield* wire.ask("NOOP")).code, 250)
      })
    )
  )
})
