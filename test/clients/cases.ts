/** What every client library is put through. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { startGateway } from "../kit/GatewayKit.ts"
import { metricOf } from "../kit/metricOf.ts"
import { arrivals, expectedOf, numbersOf } from "./arrivals.ts"
import type { ClientTask, MailToSend, Outcome } from "./ClientTask.ts"
import type { Library } from "./libraries.ts"
import { DEMO, mailWith, numberedMails, YOU } from "./sampleMails.ts"
import { Workshop } from "./Workshop.ts"

export type Gateway = Effect.Success<ReturnType<typeof startGateway>>

export type GatewaySettings = NonNullable<NonNullable<Parameters<typeof startGateway>[0]>["settings"]>

/** A library in front of a gateway of its own. */
export interface Bench {
  readonly library: Library
  readonly gateway: Gateway
  readonly workshop: Workshop["Service"]
  /** What became of each mail. */
  readonly send: (
    mails: ReadonlyArray<MailToSend>,
    overrides?: Partial<ClientTask>
  ) => Effect.Effect<ReadonlyArray<Outcome>>
}

interface Case {
  readonly settings?: GatewaySettings
  readonly run: (bench: Bench) => Effect.Effect<void>
}

export const SMTP = {
  ports: [
    { port: 0, implicitTls: false },
    { port: 0, implicitTls: true }
  ],
  /** Less than the mail that is too large, and more than half of it: it is read to its end. */
  messageSizeLimit: 131_072
}

const GREETINGS = "Grüße aus Québec, 東京 und Київ 👋"

/** Dots at the start of lines, a line that mailboxes alter, blanks at the end of one, and a long one. */
const TEXT = [
  "It works.",
  ".",
  "..",
  ".hidden",
  "",
  "From here on",
  "to there = all",
  GREETINGS,
  "long ".repeat(120) + "end"
].join("\n")

const HTML = `<html><body><p class="a">It works. <b>${GREETINGS}</b></p>\n.\n<p>a=b &amp; c</p></body></html>`

const RECEIPT = /^2\.0\.0 Message accepted for delivery: (\S+)/

/** Everything that was sent was accepted, and is at the API as it was told. */
const arrives = Effect.fnUntraced(function* (bench: Bench, mail: MailToSend, expected = expectedOf(mail)) {
  const outcomes = yield* bench.send([mail])
  assert.deepStrictEqual(
    outcomes.map(({ code }) => code),
    [250],
    JSON.stringify(outcomes)
  )
  const { gateway, library } = bench
  const captured = yield* gateway.sandbox.captured
  const [{ text: told } = { text: null }] = outcomes
  if (told !== null)
    assert.include(
      captured.map(({ id }) => id),
      RECEIPT.exec(told)?.[1],
      told
    )
  const alter = library.alters ?? ((text) => text)
  const altered = { ...expected, ...(expected.text !== undefined && { text: alter(expected.text) }) }
  const { recipients, seen } = arrivals(captured, altered)
  assert.deepStrictEqual(recipients, [...mail.to, ...mail.cc, ...mail.bcc].map(({ address }) => address).toSorted())
  for (const each of seen) assert.deepStrictEqual(each, altered)
  return captured
})

const connections = ({ gateway }: Bench) => metricOf(gateway.httpUrl, 'smtp_connections_total{status="accepted"}')

const subjects = ({ gateway }: Bench) =>
  Effect.map(gateway.sandbox.captured, (captured) => captured.map(({ subject }) => subject))

/** The reply, where the library shows it, and its code in any case. */
const assertReply = (outcome: Outcome | undefined, code: number, text: string) => {
  assert.strictEqual(outcome?.code, code, JSON.stringify(outcome))
  if (outcome?.text !== null) assert.include(outcome?.text, text)
}

/** Not a word of the password is said to a server that cannot show who it is. */
const refusesToLogIn = Effect.fnUntraced(function* (bench: Bench, overrides: Partial<ClientTask>) {
  const [outcome] = yield* bench.send([mailWith()], overrides)
  assert.strictEqual(outcome?.code, 0, JSON.stringify(outcome))
  assert.isAtLeast(yield* connections(bench), 1)
  assert.strictEqual(yield* bench.gateway.sandbox.callsOf("token"), 0)
  assert.deepStrictEqual(yield* bench.gateway.sandbox.captured, [])
})

const authenticatesBy = (mechanism: "PLAIN" | "LOGIN"): Case => ({
  run: (bench) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* bench.send([mailWith()], { mechanism }))[0]?.code, 250)
      const [captured] = yield* bench.gateway.sandbox.captured
      const { log } = yield* bench.gateway.sandbox.sandbox.stories.ofMessage(captured!)
      const logins = log.filter(({ event }) => event === "auth_success").map(({ fields }) => fields["mechanism"])
      assert.deepStrictEqual(logins, [mechanism])
    })
})

const cases = {
  "verifies the certificate": {
    run: (bench) => arrives(bench, mailWith())
  },
  "refuses a certificate of an unknown authority": {
    run: (bench) => refusesToLogIn(bench, { ca: bench.workshop.strangersCa })
  },
  "refuses a certificate for another name": {
    run: (bench) => refusesToLogIn(bench, { host: "127.0.0.1" })
  },
  "AUTH PLAIN": authenticatesBy("PLAIN"),
  "AUTH LOGIN": authenticatesBy("LOGIN"),
  "plain text": {
    run: (bench) => arrives(bench, mailWith({ text: TEXT }))
  },
  "HTML with a text": {
    run: (bench) => arrives(bench, mailWith({ text: TEXT, html: HTML }))
  },
  attachments: {
    run: (bench) => {
      const { docx, named, pdf, png } = bench.workshop
      const attachments = [pdf, png, docx, named]
      const mail = mailWith({ text: TEXT, html: HTML, attachments })
      return arrives(
        bench,
        mail,
        expectedOf(
          mail,
          attachments.map((file) => ({ name: file.plainName, content: file.content }))
        )
      )
    }
  },
  "attachments by their own names": {
    settings: { api: { contract: "gateway-v1" } },
    run: (bench) => {
      const { docx, named } = bench.workshop
      const mail = mailWith({ attachments: [docx, named] })
      return arrives(bench, mail, expectedOf(mail, [docx, named]))
    }
  },
  "inline image": {
    settings: { api: { inlineImages: "data" } },
    run: (bench) => {
      const { png } = bench.workshop
      const html = (source: string) => `<html><body><p>Logo:</p><img src="${source}"></body></html>`
      const mail = mailWith({
        html: html("cid:logo@example.com"),
        attachments: [{ ...png, contentId: "logo@example.com" }]
      })
      // That the image is in its place shows that HTML and image still know each other, whatever the library calls it.
      const data = `data:image/png;base64,${png.content.toString("base64")}`
      return arrives(bench, mail, { ...expectedOf(mail, []), html: html(data) })
    }
  },
  "three recipients, one of them hidden": {
    run: (bench) =>
      Effect.gen(function* () {
        const one = { name: "One", address: "one@example.com" }
        const two = { name: "Two", address: "two@example.com" }
        const hidden = { name: "Hidden", address: "hidden@example.com" }
        const captured = yield* arrives(bench, mailWith({ to: [one], cc: [two], bcc: [hidden] }))
        for (const { body, recipient } of captured) {
          if (recipient.address !== hidden.address)
            assert.notInclude(Buffer.from(body).toString().toLowerCase(), "hidden")
        }
      })
  },
  "non-ASCII subject and names": {
    run: (bench) =>
      arrives(
        bench,
        mailWith({
          from: { name: "Zoë Müller-Łukasz", address: DEMO.address },
          to: [{ name: "田中太郎", address: YOU.address }],
          subject: `${GREETINGS} — ${"Ünïcödé ".repeat(12)}end`
        })
      )
  },
  "names of the recipients": {
    settings: { api: { contract: "gateway-v1" } },
    run: (bench) =>
      Effect.gen(function* () {
        const to = [
          { name: "Zoë, Ärztin", address: "zoe@example.com" },
          { name: "田中太郎", address: "tanaka@example.com" }
        ]
        const cc = [{ name: "O'Neill", address: "oneill@example.com" }]
        const captured = yield* arrives(bench, mailWith({ to, cc }))
        const told = captured
          .map(({ recipient }) => recipient)
          .toSorted((one, other) => one.address.localeCompare(other.address))
        assert.deepStrictEqual(
          told,
          [...to, ...cc].toSorted((one, other) => one.address.localeCompare(other.address))
        )
      })
  },
  "Reply-To and headers of its own": {
    run: (bench) =>
      arrives(
        bench,
        mailWith({
          replyTo: { name: "Zoë Answers", address: "answers@example.com" },
          headers: [
            { name: "X-Campaign", value: "spring-2026" },
            { name: "X-Note", value: `${"a value that has to be folded ".repeat(6)}end` },
            { name: "List-Unsubscribe", value: "<mailto:leave@example.com>, <https://example.com/leave?a=b>" }
          ]
        })
      )
  },
  "wrong password": {
    run: (bench) =>
      Effect.gen(function* () {
        const [outcome] = yield* bench.send([mailWith()], { password: "wrong" })
        assertReply(outcome, 535, "Authentication failed")
        // Some try PLAIN, then LOGIN: the second answer comes from memory.
        assert.strictEqual(yield* bench.gateway.sandbox.callsOf("token"), 1)
        assert.deepStrictEqual(yield* bench.gateway.sandbox.captured, [])
      })
  },
  "refused recipient": {
    run: (bench) =>
      Effect.gen(function* () {
        const refused = { name: "", address: "refused@example.com" }
        yield* bench.gateway.sandbox.inject({
          endpoint: "emails",
          what: "refuse",
          recipient: refused.address,
          reason: "mailbox is unknown"
        })
        const [first, second] = yield* bench.send([mailWith({ to: [refused] }), mailWith({ subject: "After it" })])
        assertReply(first, 550, "mailbox is unknown")
        assert.strictEqual(second?.code, 250, JSON.stringify(second))
        assert.deepStrictEqual(yield* subjects(bench), ["After it"])
      })
  },
  oversize: {
    run: (bench) =>
      Effect.gen(function* () {
        const large = mailWith({ subject: "Too large", text: `${"0123456789".repeat(7)}\n`.repeat(2_500) })
        const [first, second] = yield* bench.send([large, mailWith({ subject: "After it" })])
        // At MAIL from those that tell the size, else after the data.
        assertReply(first, 552, "essage")
        assert.strictEqual(second?.code, 250, JSON.stringify(second))
        assert.deepStrictEqual(yield* subjects(bench), ["After it"])
      })
  },
  "five mails over one connection": {
    run: (bench) =>
      Effect.gen(function* () {
        const mails = numberedMails(5)
        const outcomes = yield* bench.send(mails)
        assert.deepStrictEqual(
          outcomes.map(({ code }) => code),
          [250, 250, 250, 250, 250],
          JSON.stringify(outcomes)
        )
        assert.deepStrictEqual(
          yield* subjects(bench),
          mails.map(({ subject }) => subject)
        )
        assert.strictEqual(yield* connections(bench), 1)
      })
  },
  "50 mails": {
    run: (bench) =>
      Effect.gen(function* () {
        const mails = numberedMails(50)
        const outcomes = yield* bench.send(mails)
        assert.deepStrictEqual(
          outcomes.filter(({ code }) => code !== 250),
          []
        )
        assert.deepStrictEqual(
          numbersOf(yield* bench.gateway.sandbox.captured),
          mails.map(({ subject }) => subject)
        )
        assert.strictEqual(yield* bench.gateway.sandbox.callsOf("token"), 1)
      })
  }
} satisfies Readonly<Record<string, Case>>

export type CaseName = keyof typeof cases

export const CASES: Readonly<Record<CaseName, Case>> = cases
