/** From an SMTP client's socket to the API's door and back, over the wire in both contracts. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, type Scope } from "effect"
import { createTransport, type SendMailOptions } from "nodemailer"
import { startGateway } from "../kit/GatewayKit.ts"
import { openLoggedInWire } from "../kit/SmtpWire.ts"

interface Refusal {
  readonly responseCode: number
  readonly response: string
}

/** Sends by Nodemailer; gives the server's reply, whatever it was. */
const send = (port: number, mail: SendMailOptions, login = { user: "demo@example.com", pass: "demo" }) =>
  Effect.tryPromise({
    try: async () => {
      const transport = createTransport({
        host: "127.0.0.1",
        port,
        requireTLS: true,
        tls: { rejectUnauthorized: false },
        auth: login
      })
      try {
        return (await transport.sendMail({ from: "Demo <demo@example.com>", to: "to@example.com", ...mail })).response
      } finally {
        transport.close()
      }
    },
    catch: (error) => error as Refusal
  }).pipe(Effect.catch((error) => Effect.succeed(error.response ?? String(error))))

const run = (
  name: string,
  options: Parameters<typeof startGateway>[0],
  test: (gateway: Effect.Success<ReturnType<typeof startGateway>>) => Effect.Effect<void, unknown, Scope.Scope>
) => it.live(name, () => Effect.scoped(Effect.flatMap(startGateway(options), test)))

const HELLO = { subject: "Hello", text: "It works." }

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  const settings = { api: { contract } } as const

  describe(`forwarding by ${contract}`, () => {
    run("delivers a plain mail and answers with the API's id", { settings }, ({ sandbox, smtpPort }) =>
      Effect.gen(function* () {
        const response = yield* send(smtpPort, HELLO)
        const [captured, ...others] = yield* sandbox.captured
        assert.strictEqual(others.length, 0)
        assert.match(response, /^250 2\.0\.0 Message accepted for delivery: \S+ ref=\S+$/)
        assert.include(response, captured?.id ?? "nothing captured")
        assert.strictEqual(captured?.recipient.address, "to@example.com")
        assert.strictEqual(captured?.subject, "Hello")
        assert.strictEqual(captured?.text?.trimEnd(), "It works.")
      })
    )

    run("delivers HTML with text and attachments", { settings }, ({ sandbox, smtpPort }) =>
      Effect.gen(function* () {
        const pdf = Buffer.from("%PDF-1.4 not really", "latin1")
        const response = yield* send(smtpPort, {
          ...HELLO,
          html: "<p>Grüße, <b>it works</b></p>",
          attachments: [
            { filename: "Übersicht 2026.pdf", content: pdf },
            { filename: "data.csv", content: "a,b\r\n1,2\r\n" }
          ]
        })
        assert.match(response, /^250 /)
        const [captured] = yield* sandbox.captured
        assert.strictEqual(captured?.html?.trimEnd(), "<p>Grüße, <b>it works</b></p>")
        assert.strictEqual(captured?.attachments.length, 2)
        assert.deepStrictEqual(Buffer.from(captured?.attachmentBase64(0) ?? "", "base64"), pdf)
      })
    )

    run(
      "submits for each recipient, the hidden one too, and shows nobody's Bcc",
      { settings },
      ({ sandbox, smtpPort }) =>
        Effect.gen(function* () {
          const response = yield* send(smtpPort, {
            ...HELLO,
            to: "one@example.com",
            cc: "two@example.com",
            bcc: "hidden@example.com"
          })
          assert.match(response, /\(\+2 more\)/)
          const captured = yield* sandbox.captured
          assert.deepStrictEqual(captured.map(({ recipient }) => recipient.address).toSorted(), [
            "hidden@example.com",
            "one@example.com",
            "two@example.com"
          ])
          for (const { recipient, payload } of captured) {
            if (recipient.address !== "hidden@example.com") assert.notInclude(JSON.stringify(payload), "hidden@")
          }
        })
    )

    run("answers 250 when one of three is refused, 550 when all are", { settings }, ({ sandbox, smtpPort }) =>
      Effect.gen(function* () {
        const to = ["one@example.com", "two@example.com", "three@example.com"]
        yield* sandbox.inject({ endpoint: "emails", what: "refuse", recipient: "two@example.com" })
        assert.match(yield* send(smtpPort, { ...HELLO, to }), /^250 .*\(\+1 more\)/)
        yield* sandbox.inject({ endpoint: "emails", what: "status", status: 400 })
        assert.match(yield* send(smtpPort, { ...HELLO, to }), /^550 5\.\d\.\d Message rejected: /)
      })
    )

    run("answers a wrong password with 535", { settings }, ({ smtpPort }) =>
      Effect.gen(function* () {
        const response = yield* send(smtpPort, HELLO, { user: "demo@example.com", pass: "wrong" })
        assert.strictEqual(response, "535 5.7.8 Authentication failed")
      })
    )

    run("passes the API's reason on with 550", { settings }, ({ sandbox, smtpPort }) =>
      Effect.gen(function* () {
        const body = contract === "gateway-v1" ? { error: "x", message: "Bad news" } : { detail: "Bad news" }
        yield* sandbox.inject({ endpoint: "emails", what: "status", status: 400, body: JSON.stringify(body) })
        assert.match(yield* send(smtpPort, HELLO), /^550 5\.6\.0 Message rejected: Bad news/)
      })
    )

    run("renews a token that ended in mid-session, with one login", { settings }, ({ sandbox, smtpPort }) =>
      Effect.gen(function* () {
        const wire = yield* openLoggedInWire(smtpPort)
        yield* sandbox.sandbox.revokeTokens
        yield* wire.ask("MAIL FROM:<demo@example.com>")
        yield* wire.ask("RCPT TO:<to@example.com>")
        yield* wire.ask("DATA")
        assert.match((yield* wire.ask("From: demo@example.com\r\nSubject: x\r\n\r\nhello\r\n.")).raw, /^250 /)
        assert.strictEqual(yield* sandbox.callsOf(contract === "gateway-v1" ? "auth" : "token"), 2)
      })
    )

    const failures = [
      {
        name: "429 with Retry-After",
        fault: { what: "rate-limit", retryAfter: 7 },
        reply: "451 4.7.1 Rate limit exceeded, retry after 7s"
      },
      { name: "500", fault: { what: "status", status: 500 }, reply: "451 4.3.0 Temporary failure, try again later" },
      { name: "a timeout", fault: { what: "hang" }, reply: "451 4.4.1 Service temporarily unavailable" },
      { name: "a reset", fault: { what: "reset-after-body" }, reply: "451 4.4.1 Service temporarily unavailable" },
      {
        name: "garbage",
        fault: { what: "garbage", form: "invalid-json" },
        reply: "451 4.4.1 Service temporarily unavailable"
      }
    ] as const
    for (const { fault, name, reply } of failures) {
      run(
        `answers ${name} with ${reply.slice(0, 9)}`,
        { settings: { api: { contract, timeout: Duration.millis(300), maxRetries: 0 } } },
        ({ sandbox, smtpPort }) =>
          Effect.gen(function* () {
            yield* sandbox.inject({ endpoint: "emails", ...fault } as Parameters<typeof sandbox.inject>[0])
            assert.strictEqual(yield* send(smtpPort, HELLO), reply)
          })
      )
    }
  })
}
