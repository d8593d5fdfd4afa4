/** What the sandbox shows of the way of a mail, and of mails that did not get through, with a gateway in front of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { startGateway } from "../kit/GatewayKit.ts"
import { eventually } from "../kit/SandboxKit.ts"
import { spanNamed, spansAfterSession, startTracedGateway } from "../kit/TracedGateway.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"

type Gateway = Effect.Success<ReturnType<typeof startGateway>>

const run = (name: string, test: (gateway: Gateway) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(Effect.flatMap(startGateway({ shown: true, settings: SETTINGS }), test)))

const SETTINGS = { api: { createSenders: true }, smtp: { messageSizeLimit: 65_536 } }

type Wire = Effect.Success<ReturnType<typeof openLoggedInWire>>

const send = Effect.fnUntraced(function* (wire: Wire, subject: string, recipients: ReadonlyArray<string>, head = "") {
  yield* wire.ask("MAIL FROM:<sender@example.com>")
  for (const recipient of recipients) yield* wire.ask(`RCPT TO:<${recipient}>`)
  yield* wire.ask("DATA")
  return (yield* wire.ask(`From: sender@example.com\r\nSubject: ${subject}\r\n${head}\r\nIt works.\r\n.`)).raw
})

const storyOf = Effect.fnUntraced(function* ({ sandbox }: Gateway, subject: string, recipient = "you@example.com") {
  const captured = yield* sandbox.captured
  const message = captured.find((each) => each.subject === subject && each.recipient.address === recipient)
  return yield* sandbox.sandbox.stories.ofMessage(message ?? assert.fail(`${subject} was not captured`))
})

const refusalsOf = ({ sandbox }: Gateway) => sandbox.sandbox.refusals.all

describe("the story of a message", () => {
  run("has each call with its JSON and its answer, and the log of the session", (gateway) =>
    Effect.gen(function* () {
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      assert.match(yield* send(wire, "First", ["you@example.com"]), /^250 /)
      const { exchanges, log } = yield* storyOf(gateway, "First")
      assert.deepStrictEqual(
        exchanges.map(({ endpoint, method, outcome }) => [endpoint, method, outcome]),
        [
          ["token", "POST", 200],
          ["senders", "GET", 200],
          ["senders", "POST", 201],
          ["emails", "POST", 201]
        ]
      )
      const submission = exchanges.at(-1)
      assert.strictEqual(JSON.parse(submission?.request.text ?? "").content.subject, "First")
      assert.strictEqual(JSON.parse(submission?.answer.text ?? "").data.status, "queued")
      assert.strictEqual(submission?.username, "demo@example.com")
      assert.isNumber(submission?.duration)
      const events = log.map(({ event }) => event)
      for (const event of ["connection_opened", "auth_success", "api_request_complete", "email_received"]) {
        assert.include(events, event)
      }
    })
  )

  it.live("names the trace of a mail whose trace is told to a collector", () =>
    Effect.gen(function* () {
      const gateway = yield* startTracedGateway({ shown: true, settings: SETTINGS })
      yield* send(gateway.wire, "Traced", ["you@example.com"])
      const { traceId } = yield* storyOf(gateway, "Traced")
      const submit = spanNamed(yield* spansAfterSession(gateway.wire, gateway.collector), "submit")
      assert.match(submit.traceId, /^[\da-f]{32}$/)
      assert.strictEqual(traceId, submit.traceId)
    })
  )

  run("holds no password and no token", (gateway) =>
    Effect.gen(function* () {
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      yield* send(wire, "First", ["you@example.com"])
      const story = yield* storyOf(gateway, "First")
      const login = story.exchanges.find(({ endpoint }) => endpoint === "token")
      assert.deepInclude(JSON.parse(login?.request.text ?? ""), { username: "demo@example.com", password: "(hidden)" })
      const answer = JSON.parse(login?.answer.text ?? "")
      assert.strictEqual(answer.access_token, "(hidden)")
      assert.strictEqual(answer.refresh_token, "(hidden)")
      assert.strictEqual(answer.token_type, "bearer")
      assert.notMatch(JSON.stringify(story), /[\da-f]{48}/, "tokens of the sandbox look like that")
    })
  )

  run("is of one message, where a session sends several to several", (gateway) =>
    Effect.gen(function* () {
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      yield* send(wire, "First", ["you@example.com"])
      yield* send(wire, "Second", ["you@example.com", "other@example.com"])
      const { exchanges, log } = yield* storyOf(gateway, "Second", "other@example.com")
      const submissions = exchanges.filter(({ endpoint }) => endpoint === "emails")
      assert.deepStrictEqual(
        submissions.map(({ recipient }) => recipient),
        ["other@example.com"]
      )
      assert.strictEqual(log.filter(({ event }) => event === "email_received").length, 1)
      assert.strictEqual(log.filter(({ event }) => event === "auth_success").length, 1)
    })
  )

  run("tells of the attempts before the one that went well", (gateway) =>
    Effect.gen(function* () {
      yield* gateway.sandbox.inject({ endpoint: "emails", what: "status", status: 503, next: 1 })
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      assert.match(yield* send(wire, "Twice", ["you@example.com"]), /^250 /)
      const { exchanges } = yield* storyOf(gateway, "Twice")
      assert.deepStrictEqual(
        exchanges.filter(({ endpoint }) => endpoint === "emails").map(({ outcome }) => outcome),
        [503, 201]
      )
      yield* eventually(Effect.map(refusalsOf(gateway), (refusals) => refusals.length === 0))
    })
  )

  run("shows long contents cut, and the rest of the JSON as it is", (gateway) =>
    Effect.gen(function* () {
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      const content = Buffer.alloc(30_000, "a").toString("base64").replace(/.{76}/g, "$&\r\n")
      const head = [
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nText\r\n--b',
        "Content-Type: text/csv; name=a.csv",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment",
        "",
        `${content}\r\n--b--`
      ].join("\r\n")
      assert.match(yield* send(wire, "Large", ["you@example.com"], head), /^250 /)
      const { exchanges } = yield* storyOf(gateway, "Large")
      const [attachment] = JSON.parse(exchanges.at(-1)?.request.text ?? "").attachment
      assert.match(attachment.content, /^[\w+/=]{200}\.\.\. \(40,000 characters\)$/)
      assert.strictEqual(attachment.filename, "a.csv")
    })
  )
})

describe("what was refused", () => {
  run("by the API is told once, in its words and with the reply to the client", (gateway) =>
    Effect.gen(function* () {
      yield* gateway.sandbox.inject({
        endpoint: "emails",
        what: "refuse",
        recipient: "you@example.com",
        reason: "mailbox is unknown"
      })
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      const reply = yield* send(wire, "Refused", ["you@example.com"])
      yield* eventually(Effect.map(refusalsOf(gateway), ([first]) => first?.reply !== undefined))
      const [refusal, ...others] = yield* refusalsOf(gateway)
      assert.deepStrictEqual(others, [])
      assert.containSubset(refusal, {
        by: "api",
        username: "demo@example.com",
        recipient: "you@example.com",
        subject: "Refused",
        reason: "400: email: mailbox is unknown"
      })
      assert.isTrue(reply.startsWith(refusal?.reply ?? "-"), reply)
      const story = yield* gateway.sandbox.sandbox.refusals.story(refusal?.id ?? "")
      assert.strictEqual(story?.exchanges.at(-1)?.outcome, 400)
      assert.isTrue(story?.log.some(({ event }) => event === "dead_letter"))
    })
  )

  run("after three attempts is told once", (gateway) =>
    Effect.gen(function* () {
      yield* gateway.sandbox.inject({ endpoint: "emails", what: "status", status: 500 })
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      assert.match(yield* send(wire, "Broken", ["you@example.com"]), /^451 /)
      yield* eventually(Effect.map(refusalsOf(gateway), ([first]) => first?.reply !== undefined))
      const [refusal, ...others] = yield* refusalsOf(gateway)
      assert.deepStrictEqual(others, [])
      assert.match(refusal?.reply ?? "", /^451 4\.3\.0 /)
      const story = yield* gateway.sandbox.sandbox.refusals.story(refusal?.id ?? "")
      assert.strictEqual(story?.exchanges.filter(({ outcome }) => outcome === 500).length, 3)
    })
  )

  run("by the gateway, before it asked, is told too", (gateway) =>
    Effect.gen(function* () {
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      const head = 'Content-Type: application/x-msdownload; name="a.exe"\r\nContent-Disposition: attachment\r\n'
      const reply = yield* send(wire, "Program", ["you@example.com"], head)
      assert.match(reply, /^550 5\.6\.1 /)
      yield* eventually(Effect.map(refusalsOf(gateway), (refusals) => refusals.length === 1))
      const [refusal] = yield* refusalsOf(gateway)
      assert.containSubset(refusal, { by: "gateway", recipient: "you@example.com", sender: "sender@example.com" })
      // The log names no file.
      assert.match(refusal?.reply ?? "", /^550 5\.6\.1 Attachment /)
    })
  )

  run("when it was too large is told too", (gateway) =>
    Effect.gen(function* () {
      const wire = yield* openLoggedInWire(gateway.smtpPort)
      yield* wire.ask("MAIL FROM:<sender@example.com>")
      yield* wire.ask("RCPT TO:<you@example.com>")
      yield* wire.ask("DATA")
      const { raw } = yield* wire.ask(`${"x".repeat(70_000)}\r\n.`)
      assert.match(raw, /^552 5\.3\.4 /)
      yield* eventually(Effect.map(refusalsOf(gateway), (refusals) => refusals.length === 1))
      const [refusal] = yield* refusalsOf(gateway)
      assert.containSubset(refusal, { by: "gateway", sender: "sender@example.com", reply: raw })
    })
  )

  run("as a login is told without its password, and cleared when asked to", (gateway) =>
    Effect.gen(function* () {
      const wire = yield* openSecureWire(gateway.smtpPort)
      const { raw } = yield* wire.login("demo@example.com", "hunter2")
      yield* eventually(Effect.map(refusalsOf(gateway), (refusals) => refusals.length === 1))
      const [refusal] = yield* refusalsOf(gateway)
      assert.strictEqual(refusal?.by, "login")
      assert.strictEqual(refusal?.username, "demo@example.com")
      assert.match(raw, /^535 /)
      assert.strictEqual(refusal?.reply, raw)
      assert.strictEqual(refusal?.reason, "wrong user name or password")
      const story = yield* gateway.sandbox.sandbox.refusals.story(refusal?.id ?? "")
      assert.notInclude(JSON.stringify([refusal, story]), "hunter2")
      yield* gateway.sandbox.sandbox.refusals.clear
      assert.deepStrictEqual(yield* refusalsOf(gateway), [])
    })
  )
})
