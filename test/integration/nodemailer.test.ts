/** Nodemailer against the whole gateway: many mails, many logins. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { createTransport } from "nodemailer"
import { startGateway } from "../kit/GatewayKit.ts"
import { openSecureWire } from "../kit/SmtpWire.ts"

type Gateway = Effect.Success<ReturnType<typeof startGateway>>

const run = (
  name: string,
  options: NonNullable<Parameters<typeof startGateway>[0]>,
  test: (gateway: Gateway) => Effect.Effect<void, unknown, Scope.Scope>
) => it.live(name, () => Effect.scoped(Effect.flatMap(startGateway(options), test)))

/** A pool in the scope; each mail's answer is the server's reply, whatever it was. */
const openPool = Effect.fnUntraced(function* ({ smtpPort }: Gateway, maxConnections: number) {
  const transport = yield* Effect.acquireRelease(
    Effect.sync(() =>
      createTransport({
        pool: true,
        maxConnections,
        maxMessages: Number.POSITIVE_INFINITY,
        host: "127.0.0.1",
        port: smtpPort,
        requireTLS: true,
        tls: { rejectUnauthorized: false },
        auth: { user: "demo@example.com", pass: "demo" }
      })
    ),
    (pool) => Effect.sync(() => pool.close())
  )
  return (subject: string, text: string) =>
    Effect.tryPromise({
      try: () => transport.sendMail({ from: "demo@example.com", to: "to@example.com", subject, text }),
      catch: (error) => error as { readonly response?: string }
    }).pipe(
      Effect.match({
        onSuccess: ({ response }) => response,
        onFailure: (error) => error.response ?? String(error)
      })
    )
})

const metric = ({ httpUrl }: Gateway, line: string) =>
  Effect.promise(async () => {
    const text = await (await fetch(`${httpUrl}/metrics`)).text()
    return Number(
      text
        .split("\n")
        .find((each) => each.startsWith(`${line} `))
        ?.slice(line.length + 1)
    )
  })

const ACCEPTED_CONNECTIONS = 'smtp_connections_total{status="accepted"}'

describe("Nodemailer", () => {
  run("100 mails over 5 connections arrive once each, after one login", {}, (gateway) =>
    Effect.gen(function* () {
      const send = yield* openPool(gateway, 5)
      const subjects = Array.from({ length: 100 }, (_, number) => `Mail ${number}`)
      const replies = yield* Effect.forEach(subjects, (subject) => send(subject, "It works."), {
        concurrency: "unbounded"
      })
      const captured = yield* gateway.sandbox.captured
      assert.deepStrictEqual(captured.map(({ subject }) => subject).toSorted(), subjects.toSorted())
      // Each reply names the mail that it is for.
      for (const [index, reply] of replies.entries()) {
        const id = /^250 2\.0\.0 Message accepted for delivery: (\S+) ref=/.exec(reply)?.[1]
        assert.strictEqual(captured.find((message) => message.id === id)?.subject, subjects[index], reply)
      }
      assert.isAtMost(yield* metric(gateway, ACCEPTED_CONNECTIONS), 5)
      assert.strictEqual(yield* gateway.sandbox.callsOf("token"), 1)
      assert.strictEqual(yield* metric(gateway, 'smtp_emails_forwarded_total{result="success"}'), 100)
    })
  )
})

run("50 clients that log in for the first time, all at once, make one call", {}, (gateway) =>
  Effect.gen(function* () {
    yield* gateway.sandbox.inject({ endpoint: "token", what: "latency", latency: 200 })
    const wires = yield* Effect.forEach(
      Array.from({ length: 50 }, (_, index) => index),
      () => openSecureWire(gateway.smtpPort),
      { concurrency: 10 }
    )
    const replies = yield* Effect.forEach(wires, (wire) => wire.login(), { concurrency: "unbounded" })
    for (const { raw } of replies) assert.strictEqual(raw, "235 2.7.0 Authentication successful")
    assert.strictEqual(yield* gateway.sandbox.callsOf("token"), 1)
  })
)
