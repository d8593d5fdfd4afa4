/** Clients that give up before the API has answered, and come back: docs/clients.md says what then. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { createTransport } from "nodemailer"
import { startGateway } from "../kit/GatewayKit.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { Workshop, WorkshopLive } from "./Workshop.ts"

const MAIL = { from: "demo@example.com", to: "you@example.com", subject: "Hello", text: "It works." }

/** Sends the first mail, whose answer comes after the client's patience has ended, and then the second. */
const giveUpAndComeBack = Effect.fnUntraced(function* (first: object, second: object) {
  const { caPem, tls } = yield* Workshop
  const { sandbox, smtpPort } = yield* startGateway({ settings: { tls } })
  const send = (mail: object, socketTimeout: number) =>
    Effect.tryPromise(async () => {
      const auth = { user: "demo@example.com", pass: "demo" }
      const transport = createTransport({
        host: "localhost",
        port: smtpPort,
        requireTLS: true,
        tls: { ca: caPem },
        auth,
        socketTimeout
      })
      const { response } = await transport.sendMail({ ...MAIL, ...mail })
      return response
    })
  yield* sandbox.inject({ endpoint: "emails", what: "latency", latency: 3_000, next: 1 })
  yield* Effect.flip(send(first, 1_500))
  const response = yield* send(second, 20_000)
  yield* eventually(
    Effect.map(sandbox.sandbox.calls.summary, ({ last }) => last.every(({ outcome }) => outcome !== "unanswered"))
  )
  const captured = yield* sandbox.captured
  return { response, ids: captured.map(({ id }) => id) }
})

layer(WorkshopLive, { excludeTestServices: true })("a client that gave up too early", (it) => {
  it.effect("gets the first receipt when it comes back with the same mail", () =>
    Effect.gen(function* () {
      const mail = { messageId: "<1@client.example.com>", date: new Date(0) }
      const { ids, response } = yield* giveUpAndComeBack(mail, mail)
      assert.lengthOf(ids, 1)
      assert.include(response, `250 2.0.0 Message accepted for delivery: ${ids[0]}`)
    })
  )

  it.effect("gets it for a mail that was built anew, too, when it gives a key", () =>
    Effect.gen(function* () {
      const headers = { "Idempotency-Key": "receipt-4711" }
      const { ids, response } = yield* giveUpAndComeBack(
        { messageId: "<1@client.example.com>", date: new Date(0), headers },
        { messageId: "<2@client.example.com>", date: new Date(5_000), headers }
      )
      assert.lengthOf(ids, 1)
      assert.include(response, `250 2.0.0 Message accepted for delivery: ${ids[0]}`)
    })
  )

  it.effect("sends a second mail when it was built anew without one", () =>
    Effect.gen(function* () {
      const { ids } = yield* giveUpAndComeBack(
        { messageId: "<1@client.example.com>" },
        { messageId: "<2@client.example.com>" }
      )
      assert.lengthOf(ids, 2)
    })
  )
})
