import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { MessageRateExceeded } from "../../../src/domain/GatewayError.ts"
import type { Submission } from "../../../src/domain/Submission.ts"
import { SmtpServer } from "../../../src/layers/smtp/SmtpServerLive.ts"
import { MessageBudget } from "../../../src/services/MessageBudget.ts"
import { MessageSink } from "../../../src/services/MessageSink.ts"
import { RateLimiter } from "../../../src/services/RateLimiter.ts"
import { eventually } from "../../kit/SandboxKit.ts"
import { settableClock } from "../../kit/SetClock.ts"
import { smtpPort, smtpServerWith } from "../../kit/SmtpServerKit.ts"
import { openLoggedInWire, openSecureWire, openWire } from "../../kit/SmtpWire.ts"

/** Each test has its own server, real sockets and the real clock. */
const run = (
  name: string,
  test: Effect.Effect<void, unknown, SmtpServer | Scope.Scope>,
  options: Parameters<typeof smtpServerWith>[0] = {}
) => it.live(name, () => Effect.scoped(test).pipe(Effect.provide(smtpServerWith(options))))

const proxied: Array<Submission> = []

const text = (submission: Submission | undefined) => Buffer.from(submission?.raw ?? []).toString("latin1")

describe("SmtpServer", () => {
  describe("before TLS", () => {
    run(
      "greets without an enhanced code and offers STARTTLS, not AUTH",
      Effect.gen(function* () {
        const wire = yield* openWire(yield* smtpPort)
        assert.strictEqual((yield* wire.reply).raw, "220 smtp.test ESMTP")
        const ehlo = yield* wire.ask("EHLO client.example.com")
        assert.deepStrictEqual(ehlo.lines, [
          "smtp.test",
          "PIPELINING",
          "8BITMIME",
          "SMTPUTF8",
          "ENHANCEDSTATUSCODES",
          "STARTTLS",
          "SIZE 26214400"
        ])
      })
    )

    run(
      "refuses AUTH, MAIL, RCPT and DATA with 530",
      Effect.gen(function* () {
        const wire = yield* openWire(yield* smtpPort)
        yield* wire.reply
        yield* wire.ask("EHLO client.example.com")
        for (const line of [
          "AUTH PLAIN AGRlbW8AZGVtbw==",
          "AUTH LOGIN",
          "MAIL FROM:<a@example.com>",
          "RCPT TO:<b@example.com>",
          "DATA"
        ]) {
          assert.strictEqual((yield* wire.ask(line)).raw, "530 5.7.0 Must issue a STARTTLS command first", line)
        }
      })
    )

    run(
      "wants EHLO first, and answers NOOP, RSET, VRFY, HELP and QUIT",
      Effect.gen(function* () {
        const wire = yield* openWire(yield* smtpPort)
        yield* wire.reply
        assert.strictEqual((yield* wire.ask("MAIL FROM:<a@example.com>")).raw, "503 5.5.1 Send EHLO first")
        assert.strictEqual((yield* wire.ask("HELO client.example.com")).raw, "250 smtp.test")
        assert.strictEqual((yield* wire.ask("NOOP")).raw, "250 2.0.0 OK")
        assert.strictEqual((yield* wire.ask("RSET")).raw, "250 2.0.0 Transaction dropped")
        assert.match((yield* wire.ask("VRFY a@example.com")).raw, /^252 2\.0\.0 /)
        assert.match((yield* wire.ask("HELP")).raw, /^214 2\.0\.0 /)
        assert.match((yield* wire.ask("EXPN list")).raw, /^502 5\.5\.1 /)
        assert.strictEqual((yield* wire.ask("FOO")).raw, "500 5.5.1 Command not recognized")
        assert.match((yield* wire.ask("EHLO")).raw, /^501 /)
        assert.match((yield* wire.ask("STARTTLS now")).raw, /^501 5\.5\.4 /)
        assert.strictEqual((yield* wire.ask("QUIT")).raw, "221 2.0.0 Bye")
        yield* wire.ended
      })
    )

    run(
      "throws away what was pipelined behind STARTTLS",
      Effect.gen(function* () {
        const wire = yield* openWire(yield* smtpPort)
        yield* wire.reply
        yield* wire.ask("EHLO client.example.com")
        yield* wire.send("STARTTLS\r\nEHLO injected.example.com\r\nNOOP\r\n")
        assert.strictEqual((yield* wire.reply).raw, "220 2.0.0 Ready to start TLS")
        yield* wire.startTls
        assert.strictEqual((yield* wire.ask("NOOP")).raw, "250 2.0.0 OK")
        assert.strictEqual((yield* wire.ask("MAIL FROM:<a@example.com>")).raw, "503 5.5.1 Send EHLO first")
      })
    )
  })

  describe("AUTH", () => {
    const base64 = (value: string) => Buffer.from(value).toString("base64")
    const PLAIN = base64("\0demo@example.com\0demo")

    run(
      "is offered after TLS, with the mechanisms PLAIN and LOGIN",
      Effect.gen(function* () {
        const wire = yield* openSecureWire(yield* smtpPort)
        const { lines } = yield* wire.ask("EHLO client.example.com")
        assert.include(lines, "AUTH PLAIN LOGIN")
        assert.notInclude(lines, "STARTTLS")
        assert.strictEqual((yield* wire.ask("STARTTLS")).raw, "503 5.5.1 TLS is already active")
        assert.strictEqual((yield* wire.ask("MAIL FROM:<a@example.com>")).raw, "530 5.7.0 Authentication required")
      })
    )

    const accepted: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      ["PLAIN with an initial response", [`AUTH PLAIN ${PLAIN}`]],
      ["PLAIN without one", ["AUTH PLAIN", PLAIN]],
      ["PLAIN in lower case", [`auth plain ${PLAIN}`]],
      ["PLAIN with an authorization identity", [`AUTH PLAIN ${base64("other\0demo@example.com\0demo")}`]],
      ["LOGIN with an initial response", [`AUTH LOGIN ${base64("demo@example.com")}`, base64("demo")]],
      ["LOGIN without one", ["AUTH LOGIN", base64("demo@example.com"), base64("demo")]]
    ]
    for (const [name, lines] of accepted) {
      run(
        `takes ${name}`,
        Effect.gen(function* () {
          const wire = yield* openSecureWire(yield* smtpPort)
          const replies = yield* Effect.forEach(lines, wire.ask)
          assert.strictEqual(replies.at(-1)?.raw, "235 2.7.0 Authentication successful")
          for (const challenge of replies.slice(0, -1)) assert.strictEqual(challenge.code, 334)
          assert.strictEqual((yield* wire.ask(`AUTH PLAIN ${PLAIN}`)).raw, "503 5.5.1 Already authenticated")
        })
      )
    }

    const refused: ReadonlyArray<readonly [string, ReadonlyArray<string>, string]> = [
      ["a cancelled PLAIN", ["AUTH PLAIN", "*"], "501 5.7.0 Authentication cancelled"],
      ["a cancelled LOGIN", ["AUTH LOGIN", "*"], "501 5.7.0 Authentication cancelled"],
      ["a LOGIN cancelled at the password", ["AUTH LOGIN", base64("demo"), "*"], "501 5.7.0 Authentication cancelled"],
      ["bad base64 as initial response", ["AUTH PLAIN ???="], "501 5.5.2 Not base64"],
      ["bad base64 as answer", ["AUTH PLAIN", "a b!"], "501 5.5.2 Not base64"],
      ["bad base64 as user name", ["AUTH LOGIN", "a"], "501 5.5.2 Not base64"],
      ["an empty initial response", ["AUTH PLAIN ="], "501 5.5.2 Credentials are not in the form of the mechanism"],
      [
        "a PLAIN of two fields",
        [`AUTH PLAIN ${base64("a\0b")}`],
        "501 5.5.2 Credentials are not in the form of the mechanism"
      ],
      ["an unknown mechanism", ["AUTH CRAM-MD5"], "504 5.5.4 Use AUTH PLAIN or AUTH LOGIN"]
    ]
    for (const [name, lines, expected] of refused) {
      run(
        `refuses ${name} and goes on`,
        Effect.gen(function* () {
          const wire = yield* openSecureWire(yield* smtpPort)
          const replies = yield* Effect.forEach(lines, wire.ask)
          assert.strictEqual(replies.at(-1)?.raw, expected)
          assert.strictEqual((yield* wire.login()).code, 235)
        })
      )
    }

    run(
      "closes a second after a wrong password",
      Effect.gen(function* () {
        const wire = yield* openSecureWire(yield* smtpPort)
        assert.strictEqual((yield* wire.login("demo@example.com", "no")).raw, "535 5.7.8 Authentication failed")
        yield* wire.ended
      })
    )

    run(
      "lets a client try LOGIN after PLAIN, and closes then",
      Effect.gen(function* () {
        const wire = yield* openSecureWire(yield* smtpPort)
        yield* wire.login("demo@example.com", "no")
        yield* wire.ask("AUTH LOGIN")
        yield* wire.ask(base64("demo@example.com"))
        assert.strictEqual((yield* wire.ask(base64("no"))).raw, "535 5.7.8 Authentication failed")
        yield* wire.ended
      })
    )
  })

  describe("a transaction", () => {
    const submissions: Array<Submission> = []

    run(
      "keeps the order of commands",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        assert.strictEqual((yield* wire.ask("RCPT TO:<b@example.com>")).raw, "503 5.5.1 Send MAIL first")
        assert.strictEqual((yield* wire.ask("DATA")).raw, "503 5.5.1 Send RCPT first")
        assert.strictEqual((yield* wire.ask("MAIL FROM:<a@example.com>")).raw, "250 2.1.0 Sender accepted")
        assert.strictEqual(
          (yield* wire.ask("MAIL FROM:<a@example.com>")).raw,
          "503 5.5.1 A transaction is already open"
        )
        assert.strictEqual((yield* wire.ask("DATA")).raw, "503 5.5.1 Send RCPT first")
        assert.strictEqual((yield* wire.ask("RSET")).code, 250)
        assert.strictEqual((yield* wire.ask("RCPT TO:<b@example.com>")).raw, "503 5.5.1 Send MAIL first")
        assert.strictEqual((yield* wire.ask("MAIL FROM:<>")).raw, "250 2.1.0 Sender accepted")
        assert.strictEqual((yield* wire.ask("RCPT TO:<b@example.com>")).raw, "250 2.1.5 Recipient accepted")
        assert.strictEqual((yield* wire.ask("EHLO again.example.com")).code, 250)
        assert.strictEqual((yield* wire.ask("DATA")).code, 503)
      })
    )

    run(
      "refuses addresses and parameters by name",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        assert.strictEqual((yield* wire.ask("MAIL FROM:<a b@c>")).raw, "501 5.1.7 Sender address is not understood")
        assert.strictEqual(
          (yield* wire.ask("MAIL FROM:<a@example.com> FOO=1")).raw,
          "555 5.5.4 Parameter FOO is not recognized"
        )
        assert.strictEqual((yield* wire.ask("MAIL FROM:<a@example.com> RET=FULL")).code, 555)
        assert.strictEqual((yield* wire.ask("MAIL FROM:a@example.com FOO")).code, 555)
        assert.strictEqual((yield* wire.ask("MAIL FROM:<a@example.com> SIZE=99999999")).raw.slice(0, 9), "552 5.3.4")
        assert.strictEqual((yield* wire.ask("MAIL FROM:<a@example.com> SIZE=x")).raw.slice(0, 9), "501 5.5.4")
        assert.strictEqual((yield* wire.ask("MAIL FROM:<a@example.com>SIZE=1")).code, 250)
        assert.strictEqual((yield* wire.ask("RCPT TO:<>")).raw, "501 5.1.3 Recipient address is not understood")
        assert.strictEqual((yield* wire.ask("RCPT TO:<b@example.com> NOTIFY=NEVER")).code, 555)
      })
    )

    run(
      "gives the session the envelope as it was spelled, each mailbox once",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        yield* wire.ask("MAIL FROM:<jörg@bücher.example> BODY=8BITMIME SMTPUTF8 SIZE=30")
        for (const address of [
          "b@xn--bcher-kva.example",
          "B@example.com",
          "b@example.com",
          "b@EXAMPLE.com",
          "ü@example.com"
        ]) {
          assert.strictEqual((yield* wire.ask(`RCPT TO:<${address}>`)).code, 250)
        }
        assert.strictEqual((yield* wire.ask("DATA")).raw, "354 End data with <CR><LF>.<CR><LF>")
        assert.match(
          (yield* wire.ask("Subject: x\r\n\r\n..dot\r\n.")).raw,
          /^250 2\.0\.0 Message accepted for delivery: id-\d+ ref=/
        )
        const submission = submissions.at(-1)
        assert.deepStrictEqual(submission?.envelope, {
          sender: "jörg@bücher.example",
          recipients: ["b@xn--bcher-kva.example", "B@example.com", "b@example.com", "ü@example.com"],
          smtpUtf8: true
        })
        assert.strictEqual(text(submission), "Subject: x\r\n\r\n.dot\r\n")
        assert.strictEqual(submission?.transit.protocol, "ESMTPSA")
        assert.strictEqual(submission?.transit.clientName, "client.example.com")
        assert.strictEqual(submission?.transit.clientAddress, "127.0.0.1")
      }),
      { submissions }
    )

    let refusals = 1
    run(
      "keeps nothing of a MAIL that was refused",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        assert.strictEqual((yield* wire.ask("MAIL FROM:<jörg@example.com> SMTPUTF8")).code, 451)
        yield* wire.ask("MAIL FROM:<a@example.com>")
        yield* wire.ask("RCPT TO:<b@example.com>")
        yield* wire.ask("DATA")
        assert.strictEqual((yield* wire.ask("Subject: x\r\n\r\nx\r\n.")).code, 250)
        assert.isFalse(submissions.at(-1)?.envelope.smtpUtf8)
      }),
      {
        submissions,
        limiter: Layer.mock(RateLimiter, {
          connection: () => Effect.void,
          address: () => Effect.void,
          message: () =>
            Effect.suspend(() =>
              refusals-- > 0 ? Effect.fail(new MessageRateExceeded({ limit: "address", retryAfter: 1 })) : Effect.void
            )
        })
      }
    )

    run(
      "counts recipients to the limit and goes on with those it has",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        yield* wire.ask("MAIL FROM:<a@example.com>")
        yield* wire.ask("RCPT TO:<1@example.com>")
        yield* wire.ask("RCPT TO:<2@example.com>")
        assert.strictEqual((yield* wire.ask("RCPT TO:<3@example.com>")).raw, "452 4.5.3 Too many recipients")
        assert.strictEqual((yield* wire.ask("RCPT TO:<2@example.com>")).code, 250)
        yield* wire.ask("DATA")
        assert.strictEqual((yield* wire.ask("x\r\n.")).code, 250)
      }),
      { settings: { smtp: { maxRecipients: 2 } } }
    )

    run(
      "takes a whole pipelined transaction in one segment, twice",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        const before = submissions.length
        const transaction = "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
        yield* wire.send(`${transaction}one\r\n.\r\n${transaction}two\r\n.\r\nQUIT\r\n`)
        const codes: Array<number> = []
        for (let count = 0; count < 9; count++) codes.push((yield* wire.reply).code)
        assert.deepStrictEqual(codes, [250, 250, 354, 250, 250, 250, 354, 250, 221])
        assert.deepStrictEqual(submissions.slice(before).map(text), ["one\r\n", "two\r\n"])
      }),
      { submissions }
    )

    run(
      "answers oversize data with 552 at its end, and takes the next message",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        yield* wire.ask("MAIL FROM:<a@example.com>")
        yield* wire.ask("RCPT TO:<b@example.com>")
        yield* wire.ask("DATA")
        yield* wire.send("x".repeat(1_500))
        assert.strictEqual((yield* wire.ask("\r\n.")).raw, "552 5.3.4 Message too large: the limit is 1000 bytes")
        yield* wire.ask("MAIL FROM:<a@example.com>")
        yield* wire.ask("RCPT TO:<b@example.com>")
        yield* wire.ask("DATA")
        assert.strictEqual((yield* wire.ask("small\r\n.")).code, 250)
      }),
      { settings: { smtp: { messageSizeLimit: 1_000 } } }
    )

    run(
      "closes on data past twice the limit",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        yield* wire.ask("MAIL FROM:<a@example.com>")
        yield* wire.ask("RCPT TO:<b@example.com>")
        yield* wire.ask("DATA")
        yield* wire.send("x".repeat(3_000))
        assert.match((yield* wire.reply).raw, /^421 4\.3\.4 /)
        yield* wire.ended
      }),
      { settings: { smtp: { messageSizeLimit: 1_000 } } }
    )
  })

  describe("limits of a connection", () => {
    run(
      "refuses a long command line and goes on; an AUTH line may be longer",
      Effect.gen(function* () {
        const wire = yield* openSecureWire(yield* smtpPort)
        assert.strictEqual((yield* wire.ask(`NOOP ${"x".repeat(3_000)}`)).raw, "500 5.5.2 Command line too long")
        const long = Buffer.from(`\0demo@example.com\0${"p".repeat(4_000)}`).toString("base64")
        assert.strictEqual((yield* wire.ask(`AUTH PLAIN ${long}`)).raw, "535 5.7.8 Authentication failed")
      })
    )

    run(
      "closes on a line that does not end",
      Effect.gen(function* () {
        const wire = yield* openSecureWire(yield* smtpPort)
        yield* wire.send("A".repeat(20_000))
        assert.match((yield* wire.reply).raw, /^421 4\.7\.0 /)
        yield* wire.ended
      })
    )

    run(
      "closes after too many bad commands",
      Effect.gen(function* () {
        const wire = yield* openSecureWire(yield* smtpPort)
        let last = 500
        for (let count = 0; count < 20 && last === 500; count++) last = (yield* wire.ask("FOO")).code
        assert.strictEqual(last, 421)
        yield* wire.ended
      })
    )

    for (const [name, line] of [
      ["lines that are too long", `NOOP ${"x".repeat(3_000)}`],
      ["mechanisms that are not offered", "AUTH FOO"],
      ["credentials that are no base64", "AUTH PLAIN !!!"],
      ["credentials in the wrong form", "AUTH PLAIN AAAA"],
      ["STARTTLS under TLS", "STARTTLS"]
    ] as const) {
      run(
        `closes after too many ${name}`,
        Effect.gen(function* () {
          const wire = yield* openSecureWire(yield* smtpPort)
          yield* wire.ask("EHLO client.example.com")
          const codes: Array<number> = []
          while (codes.length < 100 && codes.at(-1) !== 421) codes.push((yield* wire.ask(line)).code)
          assert.strictEqual(codes.length, 21)
          yield* wire.ended
        })
      )
    }

    run(
      "lets a login see a whole transaction refused, and counts anew with every message that is accepted",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        const refusals = Effect.fnUntraced(function* (count: number) {
          for (let refusal = 0; refusal < count; refusal++) {
            assert.strictEqual((yield* wire.ask("RCPT TO:<b@example.com>")).code, 503)
          }
        })
        yield* refusals(22)
        yield* wire.ask("MAIL FROM:<a@example.com>")
        yield* wire.ask("RCPT TO:<b@example.com>")
        yield* wire.ask("DATA")
        assert.strictEqual((yield* wire.ask("x\r\n.")).code, 250)
        yield* refusals(22)
        assert.strictEqual(
          (yield* wire.ask("RCPT TO:<b@example.com>")).raw,
          "421 4.7.0 Too many errors, closing connection"
        )
        yield* wire.ended
      }),
      { settings: { smtp: { maxRecipients: 2 } } }
    )

    run(
      "closes an idle connection with 421 4.4.2, though octets trickle in",
      Effect.gen(function* () {
        const wire = yield* openWire(yield* smtpPort)
        yield* wire.reply
        yield* wire.send("NO")
        assert.strictEqual((yield* wire.reply).raw, "421 4.4.2 Timeout, closing connection")
        yield* wire.ended
      }),
      { settings: { smtp: { connectionTimeout: Duration.millis(400) } } }
    )

    run(
      "closes a DATA that takes too long",
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(yield* smtpPort)
        yield* wire.ask("MAIL FROM:<a@example.com>")
        yield* wire.ask("RCPT TO:<b@example.com>")
        yield* wire.ask("DATA")
        yield* wire.send("slow")
        assert.match((yield* wire.reply).raw, /^421 4\.4\.2 /)
        yield* wire.ended
      }),
      { settings: { smtp: { dataTimeout: Duration.millis(400) } } }
    )
  })

  describe("data of a client that goes", () => {
    let held = 0
    const counted = Layer.succeed(MessageBudget, {
      admit: Effect.void,
      reservation: Effect.succeed({
        grow: (bytes: number) => {
          held += bytes
          return true
        },
        transfer: () => Effect.void,
        release: Effect.void
      }),
      held: Effect.sync(() => held)
    })
    run(
      "is let go at once, not with the connection",
      Effect.gen(function* () {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const wire = yield* openLoggedInWire(yield* smtpPort)
            yield* wire.ask("MAIL FROM:<a@example.com>")
            yield* wire.ask("RCPT TO:<b@example.com>")
            yield* wire.ask("DATA")
            yield* wire.send("x".repeat(100_000))
            yield* eventually(Effect.sync(() => held === 100_000))
          })
        )
        yield* eventually(Effect.sync(() => held === 0))
      }),
      { budget: counted }
    )
  })

  describe("data that is refused before its end", () => {
    const noRoom = Layer.succeed(MessageBudget, {
      admit: Effect.void,
      reservation: Effect.succeed({ grow: () => false, transfer: () => Effect.void, release: Effect.void }),
      held: Effect.succeed(0)
    })
    const begin = Effect.gen(function* () {
      const wire = yield* openLoggedInWire(yield* smtpPort)
      yield* wire.ask("MAIL FROM:<a@example.com>")
      yield* wire.ask("RCPT TO:<b@example.com>")
      yield* wire.ask("DATA")
      return wire
    })
    const beginRefused = Effect.tap(begin, (wire) => wire.send("refused"))

    run(
      "is thrown away to its end, answered 452, and the session goes on",
      Effect.gen(function* () {
        const wire = yield* beginRefused
        yield* wire.send("x".repeat(1_500))
        assert.match((yield* wire.ask("\r\n.")).raw, /^452 4\.3\.1 /)
        assert.strictEqual((yield* wire.ask("NOOP")).code, 250)
      }),
      { budget: noRoom, settings: { smtp: { messageSizeLimit: 1_000 } } }
    )

    run(
      "is not too large for having ended before it was refused",
      Effect.gen(function* () {
        const wire = yield* begin
        assert.match((yield* wire.ask("all at once\r\n.")).raw, /^452 4\.3\.1 /)
      }),
      { budget: noRoom, settings: { smtp: { messageSizeLimit: 1_000 } } }
    )

    run(
      "is read up to twice the size limit",
      Effect.gen(function* () {
        const wire = yield* beginRefused
        yield* wire.send("x".repeat(3_000))
        assert.match((yield* wire.reply).raw, /^421 4\.3\.4 /)
        yield* wire.ended
      }),
      { budget: noRoom, settings: { smtp: { messageSizeLimit: 1_000 } } }
    )

    run(
      "has the deadline of all data, and not that of idle clients",
      Effect.gen(function* () {
        const wire = yield* beginRefused
        const trickle = wire.send("x").pipe(Effect.delay("50 millis"), Effect.forever)
        const { raw } = yield* Effect.raceFirst(wire.reply, trickle)
        assert.match(raw, /^421 4\.4\.2 (?!Timeout)/)
        yield* wire.ended
      }),
      {
        budget: noRoom,
        settings: { smtp: { dataTimeout: Duration.millis(900), connectionTimeout: Duration.millis(400) } }
      }
    )

    it.effect("leaves the client as long to go on as any other, from its end on", () =>
      Effect.gen(function* () {
        const refused = yield* Deferred.make<void>()
        const budget = Layer.succeed(MessageBudget, {
          admit: Effect.void,
          reservation: Effect.succeed({
            grow: () => false,
            transfer: () => Effect.void,
            release: Deferred.succeed(refused, undefined)
          }),
          held: Effect.succeed(0)
        })
        const settings = { smtp: { connectionTimeout: Duration.seconds(20) } }
        yield* Effect.gen(function* () {
          const wire = yield* beginRefused
          yield* Deferred.await(refused)
          yield* TestClock.adjust("19 seconds")
          assert.match((yield* wire.ask("\r\n.")).raw, /^452 4\.3\.1 /)
          yield* TestClock.adjust("19 seconds")
          assert.strictEqual((yield* wire.ask("NOOP")).code, 250)
          yield* TestClock.adjust("20 seconds")
          assert.strictEqual((yield* wire.reply).raw, "421 4.4.2 Timeout, closing connection")
          yield* wire.ended
        }).pipe(Effect.scoped, Effect.provide(smtpServerWith({ budget, settings })))
      })
    )
  })

  it.effect("leaves a client that took long for its handshake as long to go on as any other", () =>
    Effect.gen(function* () {
      // With TLS 1.2 the server has the last word: the client knows that it is done, too.
      const wire = yield* openWire(yield* smtpPort, { tls: { maxVersion: "TLSv1.2" } })
      yield* wire.reply
      yield* wire.ask("EHLO client.example.com")
      yield* wire.ask("STARTTLS")
      yield* TestClock.adjust("4 seconds")
      yield* wire.startTls
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* wire.ask("NOOP")).code, 250)
      yield* TestClock.adjust("5250 millis")
      assert.strictEqual((yield* wire.reply).raw, "421 4.4.2 Timeout, closing connection")
      yield* wire.ended
    }).pipe(
      Effect.scoped,
      Effect.provide(smtpServerWith({ settings: { smtp: { connectionTimeout: Duration.seconds(5) } } }))
    )
  )

  describe("a machine whose clock is set", () => {
    const begun = Effect.gen(function* () {
      const idle = yield* openLoggedInWire(yield* smtpPort)
      const sending = yield* openLoggedInWire(yield* smtpPort)
      yield* sending.ask("MAIL FROM:<a@example.com>")
      yield* sending.ask("RCPT TO:<b@example.com>")
      yield* sending.ask("DATA")
      yield* sending.send("Subject: x\r\n\r\n")
      return { idle, sending }
    })
    const settings = { smtp: { connectionTimeout: Duration.seconds(60), dataTimeout: Duration.seconds(60) } }

    it.effect("forward cuts nobody", () =>
      Effect.gen(function* () {
        const clock = yield* settableClock
        yield* Effect.gen(function* () {
          const { idle, sending } = yield* begun
          clock.set("1 hour")
          yield* TestClock.adjust("25 seconds")
          assert.strictEqual((yield* idle.ask("NOOP")).code, 250)
          assert.strictEqual((yield* sending.ask(".")).code, 250)
          // The drain would wait for them on the clock of the test.
          yield* Effect.forEach([idle, sending], (wire) => Effect.andThen(wire.ask("QUIT"), wire.ended))
        }).pipe(
          Effect.scoped,
          Effect.provide(smtpServerWith({ settings })),
          Effect.provideService(Clock.Clock, clock.machine)
        )
      })
    )

    it.effect("back lets nobody stay longer", () =>
      Effect.gen(function* () {
        const clock = yield* settableClock
        yield* Effect.gen(function* () {
          const { idle, sending } = yield* begun
          clock.set("-1 hour")
          yield* TestClock.adjust("60 seconds")
          assert.strictEqual((yield* idle.reply).raw, "421 4.4.2 Timeout, closing connection")
          assert.match((yield* sending.reply).raw, /^421 4\.4\.2 Message data too slow/)
        }).pipe(
          Effect.scoped,
          Effect.provide(smtpServerWith({ settings })),
          Effect.provideService(Clock.Clock, clock.machine)
        )
      })
    )
  })

  describe("the PROXY protocol", () => {
    for (const [name, pieces] of [
      ["1 in two pieces", ["PRO", "XY TCP4 198.51.100.7 192.0.2.1 50000 587\r\n"]],
      ["2 octet by octet", [..."\r\n\r\n\0\r\nQUIT\n!"]]
    ] as const) {
      run(
        `version ${name} from a stranger closes the connection, and no command in it is obeyed`,
        Effect.gen(function* () {
          const wire = yield* openWire(yield* smtpPort)
          assert.strictEqual((yield* wire.reply).code, 220)
          for (const piece of pieces) {
            yield* wire.send(piece)
            yield* Effect.sleep("5 millis")
          }
          yield* wire.ended
          assert.notMatch(yield* wire.received, /221/)
        })
      )
    }

    for (const [name, header] of [
      ["1", Buffer.from("PROXY TCP4 198.51.100.7 192.0.2.1 50000 587\r\n")],
      ["2", Buffer.from("0d0a0d0a000d0a515549540a2111000cc6336407c0000201c350024b", "hex")]
    ] as const) {
      run(
        `version ${name} from a trusted peer tells the client's address`,
        Effect.gen(function* () {
          const { port } = (yield* SmtpServer).ports[0] ?? { port: 0 }
          const wire = yield* openWire(port)
          yield* wire.send(header)
          assert.strictEqual((yield* wire.reply).code, 220)
          yield* wire.ask("EHLO client.example.com")
          yield* wire.ask("STARTTLS")
          yield* wire.startTls
          yield* wire.ask("EHLO client.example.com")
          yield* wire.login()
          yield* wire.ask("MAIL FROM:<a@example.com>")
          yield* wire.ask("RCPT TO:<b@example.com>")
          yield* wire.ask("DATA")
          assert.strictEqual((yield* wire.ask("x\r\n.")).code, 250)
          assert.strictEqual(proxied.at(-1)?.transit.clientAddress, "198.51.100.7")
        }),
        { settings: { smtp: { proxyTrusted: ["127.0.0.0/8"] } }, submissions: proxied }
      )

      run(
        `version ${name} from a stranger closes the connection without a word`,
        Effect.gen(function* () {
          const wire = yield* openWire(yield* smtpPort)
          yield* wire.send(Buffer.concat([header, Buffer.from("EHLO client.example.com\r\n")]))
          yield* wire.ended
          const said = yield* Effect.exit(wire.reply)
          assert.isTrue(said._tag === "Failure" || said.value.code === 220)
        })
      )
    }

    run(
      "is demanded of a trusted peer",
      Effect.gen(function* () {
        const wire = yield* openWire(yield* smtpPort)
        yield* wire.send("EHLO client.example.com\r\n")
        yield* wire.ended
        assert.strictEqual((yield* Effect.exit(wire.reply))._tag, "Failure")
      }),
      { settings: { smtp: { proxyTrusted: ["127.0.0.0/8"] } } }
    )
  })

  run(
    "speaks TLS from the first octet on the port of its own",
    Effect.gen(function* () {
      const { ports } = yield* SmtpServer
      const port = ports.find(({ implicitTls }) => implicitTls)?.port ?? 0
      const wire = yield* openWire(port, { implicitTls: true })
      assert.strictEqual((yield* wire.reply).raw, "220 smtp.test ESMTP")
      assert.include((yield* wire.ask("EHLO client.example.com")).lines, "AUTH PLAIN LOGIN")
      assert.strictEqual((yield* wire.login()).code, 235)
    }),
    {
      settings: {
        smtp: {
          ports: [
            { port: 0, implicitTls: false },
            { port: 0, implicitTls: true }
          ]
        }
      }
    }
  )

  it.live("drains: idle clients get 421 4.3.2, a message at the sink is finished", () => {
    const submissions: Array<Submission> = []
    return Effect.gen(function* () {
      const seen: Array<string> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          const gate = Promise.withResolvers<void>()
          const sink = Layer.succeed(MessageSink, {
            accept: (submission) =>
              Effect.promise(() => gate.promise).pipe(
                Effect.map(() => {
                  submissions.push(submission)
                  return { receipts: [{ recipient: "b@example.com", messageId: "slow" }] as const }
                })
              )
          })
          const scope = yield* Effect.scope
          yield* Effect.gen(function* () {
            const port = yield* smtpPort
            const { idle, busy } = yield* Effect.all({
              idle: openLoggedInWire(port),
              busy: openLoggedInWire(port)
            }).pipe(Effect.provideService(Scope.Scope, scope))
            yield* busy.ask("MAIL FROM:<a@example.com>")
            yield* busy.ask("RCPT TO:<b@example.com>")
            yield* busy.ask("DATA")
            yield* busy.send("hello\r\n.\r\n")
            yield* Effect.forkIn(
              Effect.gen(function* () {
                seen.push((yield* idle.reply).raw)
                gate.resolve()
                seen.push((yield* busy.reply).raw.slice(0, 48))
              }),
              scope
            )
          }).pipe(Effect.provide(smtpServerWith({ sink })))
        })
      )
      assert.deepStrictEqual(seen, [
        "421 4.3.2 Service shutting down, try again",
        "250 2.0.0 Message accepted for delivery: slow re"
      ])
      assert.strictEqual(submissions.length, 1)
    })
  })
})
