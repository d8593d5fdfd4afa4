/** The collector of traces in every bad mood: mail flows, and what waits for it stays within its bounds. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { eventually } from "../kit/SandboxKit.ts"
import { deadPort } from "../kit/ScriptedApi.ts"
import { sendMail, spanNamed, spansNamed, startTracedGateway } from "../kit/TracedGateway.ts"

const QUEUE = 40

/** Few spans wait, in small batches, so that little mail is enough to fill everything. */
const tracing = { queueSize: QUEUE, batchSize: 10, timeout: Duration.millis(50) }

const MAILS = 40

/** Numbers of /metrics, by their names and labels as they stand there. */
const metricsOf = (httpUrl: string) =>
  Effect.promise(async () => {
    const text = await (await fetch(`${httpUrl}/metrics`)).text()
    const values = new Map(
      [...text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm)].map(([, name = "", value]) => [name, Number(value)])
    )
    const spans = (result: string) => values.get(`smtp_spans_total{result="${result}"}`) ?? 0
    return {
      exported: spans("exported"),
      failed: spans("failed"),
      dropped: spans("dropped"),
      waiting: values.get("smtp_spans_waiting") ?? Number.NaN
    }
  })

describe("a collector that", () => {
  for (const mood of [500, 503, 400, 429, "hang"] as const) {
    it.live(`${mood === "hang" ? "does not answer" : `answers ${mood}`} costs spans, and no mail`, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { collector, httpUrl, sandbox, wire } = yield* startTracedGateway({ settings: { tracing } })
          yield* collector.be(mood)
          let most = 0
          for (let mail = 0; mail < MAILS; mail++) {
            assert.match(yield* sendMail(wire), /^250 /)
            most = Math.max(most, (yield* metricsOf(httpUrl)).waiting)
          }
          assert.strictEqual((yield* sandbox.captured).length, MAILS)
          assert.isAtMost(most, QUEUE)
          yield* eventually(Effect.map(metricsOf(httpUrl), ({ dropped, failed }) => failed + dropped > 0))
          assert.strictEqual((yield* metricsOf(httpUrl)).exported, 0)
          assert.isAbove(collector.requests.length, 0)
        })
      )
    )
  }

  it.live("is not there costs spans, and no mail", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const endpoint = `http://127.0.0.1:${yield* deadPort}/v1/traces`
        const { httpUrl, sandbox, wire } = yield* startTracedGateway({
          settings: { tracing: { ...tracing, endpoint } }
        })
        for (let mail = 0; mail < MAILS; mail++) assert.match(yield* sendMail(wire), /^250 /)
        assert.strictEqual((yield* sandbox.captured).length, MAILS)
        yield* eventually(Effect.map(metricsOf(httpUrl), ({ failed, waiting }) => failed > 0 && waiting === 0))
        assert.strictEqual((yield* metricsOf(httpUrl)).exported, 0)
      })
    )
  )

  it.live("is slow gets what fits, and the rest is counted", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const patient = { ...tracing, timeout: Duration.seconds(30) }
        const { collector, httpUrl, wire } = yield* startTracedGateway({ settings: { tracing: patient } })
        yield* collector.be("hang")
        for (let mail = 0; mail < MAILS; mail++) assert.match(yield* sendMail(wire), /^250 /)
        const full = yield* metricsOf(httpUrl)
        assert.strictEqual(full.waiting, QUEUE)
        assert.isAbove(full.dropped, 0)
        assert.strictEqual(full.failed, 0)

        yield* collector.be("ok")
        yield* eventually(Effect.map(metricsOf(httpUrl), ({ exported }) => exported === QUEUE))
        assert.strictEqual(collector.spans.length, QUEUE)
      })
    )
  )

  it.live("was away gets what happens once it is back", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { collector, httpUrl, wire } = yield* startTracedGateway({ settings: { tracing } })
        yield* collector.be(500)
        yield* sendMail(wire)
        yield* eventually(Effect.map(metricsOf(httpUrl), ({ failed, waiting }) => failed > 0 && waiting === 0))
        yield* collector.be("ok")
        yield* sendMail(wire, { headers: ["Message-ID: <back@mail.example>"] })
        yield* eventually(Effect.sync(() => spansNamed(collector.spans, "SMTP message").length === 1))
        const { attributes } = spanNamed(collector.spans, "SMTP message")
        assert.strictEqual(attributes["messaging.message.id"], "<back@mail.example>")
      })
    )
  )
})

describe("tracing that cannot be set up", () => {
  it.live("costs no mail, and the API is told of no trace", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const caPath = "/no/such/authorities.pem"
        const { collector, sandbox, wire } = yield* startTracedGateway({ settings: { tracing: { caPath } } })
        assert.match(yield* sendMail(wire), /^250 /)
        const { last } = yield* sandbox.sandbox.calls.summary
        assert.isAbove(last.length, 0)
        for (const { traceparent } of last) assert.isUndefined(traceparent)
        assert.strictEqual(collector.requests.length, 0)
      })
    )
  )

  it.live("because its authorities are none is as good as a collector that is away", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const endpoint = "https://127.0.0.1:1/v1/traces"
        const caPath = "package.json"
        const settings = { tracing: { ...tracing, endpoint, caPath } }
        const { httpUrl, wire } = yield* startTracedGateway({ settings })
        assert.match(yield* sendMail(wire), /^250 /)
        yield* eventually(Effect.map(metricsOf(httpUrl), ({ failed }) => failed > 0))
      })
    )
  )
})

describe("a client that sends a great many messages in one session", () => {
  it.live("has them exported as they end, while its session goes on", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { collector, httpUrl, wire } = yield* startTracedGateway()
        const messages = 150
        for (let message = 0; message < messages; message++) yield* sendMail(wire)
        yield* eventually(Effect.sync(() => spansNamed(collector.spans, "SMTP message").length === messages))
        assert.deepStrictEqual(spansNamed(collector.spans, "SMTP session"), [])
        yield* eventually(Effect.map(metricsOf(httpUrl), ({ waiting }) => waiting === 0))
        yield* wire.ask("QUIT")
        yield* eventually(Effect.sync(() => spansNamed(collector.spans, "SMTP session").length === 1))
        const session = spanNamed(collector.spans, "SMTP session")
        assert.isBelow(Object.keys(session.attributes).length, 10)
        assert.deepStrictEqual([session.events, session.links], [[], []])
      })
    )
  )
})
