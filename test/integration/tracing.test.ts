/** Traces over real sockets: from a client's headers to the API's, and to a collector that reads them by OTLP's schema. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, Schema, type Scope } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeSelfSigned } from "../../src/layers/tls/selfSigned.ts"
import { startSecureCollector } from "../kit/CollectorKit.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { startScriptedApi } from "../kit/ScriptedApi.ts"
import { openLoggedInWire, openSecureWire } from "../kit/SmtpWire.ts"
import {
  sendMail,
  spanCollected,
  spanNamed,
  spansAfterSession,
  spansNamed,
  startTracedGateway
} from "../kit/TracedGateway.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const SENDER = "b7ad6b7169203331"
const TRACEPARENT = `traceparent: 00-${TRACE}-${SENDER}-01`

const PackageJson = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const run = (
  name: string,
  options: Parameters<typeof startTracedGateway>[0],
  test: (traced: Effect.Success<ReturnType<typeof startTracedGateway>>) => Effect.Effect<void, unknown, Scope.Scope>
) => it.live(name, () => Effect.scoped(Effect.flatMap(startTracedGateway(options), test)))

for (const contract of ["email-api-v2", "gateway-v1"] as const) {
  describe(`a session by ${contract}`, () => {
    run("is one trace, from the connection to the last call", { settings: { api: { contract } } }, (traced) =>
      Effect.gen(function* () {
        const { collector, sandbox, smtpPort, wire } = traced
        const reply = yield* sendMail(wire, {
          recipients: ["one@example.com", "two@example.com"],
          headers: ["Message-ID: <m1@mail.example>"]
        })
        assert.match(reply, /^250 /)
        const spans = yield* spansAfterSession(wire, collector)
        const session = spanNamed(spans, "SMTP session")
        const message = spanNamed(spans, "SMTP message")
        const authenticate = spanNamed(spans, "authenticate")
        const login = spanNamed(spans, "login")
        const submits = spansNamed(spans, "submit")

        assert.deepStrictEqual([...new Set(spans.map(({ traceId }) => traceId))], [session.traceId])
        assert.isUndefined(session.parentSpanId)
        assert.strictEqual(message.parentSpanId, session.spanId)
        assert.strictEqual(authenticate.parentSpanId, session.spanId)
        assert.strictEqual(login.parentSpanId, authenticate.spanId)
        assert.strictEqual(spanNamed(spans, "parse").parentSpanId, message.spanId)
        assert.strictEqual(spanNamed(spans, "prepare").parentSpanId, message.spanId)
        assert.deepStrictEqual(
          submits.map(({ parentSpanId }) => parentSpanId),
          [message.spanId, message.spanId]
        )
        if (contract === "email-api-v2") {
          assert.strictEqual(spanNamed(spans, "senders").parentSpanId, spanNamed(spans, "prepare").spanId)
        }
        for (const span of spans) {
          const parent = spans.find(({ spanId }) => spanId === span.parentSpanId)
          assert.isTrue(span.start <= span.end, span.name)
          assert.isTrue(parent === undefined || (parent.start <= span.start && span.end <= parent.end), span.name)
          assert.strictEqual(span.status.code, "STATUS_CODE_UNSET")
        }
        assert.deepStrictEqual(
          [session, message, login, ...submits].map(({ kind }) => kind),
          ["SERVER", "CONSUMER", "CLIENT", "CLIENT", "CLIENT"].map((kind) => `SPAN_KIND_${kind}`)
        )

        for (const { attributes } of [session, message]) {
          assert.strictEqual(attributes["client.address"], "127.0.0.1")
          assert.strictEqual(attributes["server.address"], "smtp.test")
          assert.strictEqual(attributes["server.port"], smtpPort)
          assert.strictEqual(attributes["network.protocol.name"], "smtp")
        }
        assert.strictEqual(authenticate.attributes["smtp.reply.code"], 235)
        assert.strictEqual(session.attributes["tls.protocol.version"], "1.3")
        assert.strictEqual(message.attributes["messaging.message.id"], "<m1@mail.example>")
        assert.strictEqual(message.attributes["smtp.recipient.count"], 2)
        assert.strictEqual(message.attributes["smtp.reply.code"], 250)
        const captured = yield* sandbox.captured
        assert.deepStrictEqual(
          submits.map(({ attributes }) => attributes["cakemail.email.id"]).toSorted(),
          captured.map(({ id }) => id).toSorted()
        )
        const { port } = new URL(sandbox.url)
        for (const { attributes } of submits) {
          const path = contract === "gateway-v1" ? "/v1/emails" : "/v2/emails"
          assert.strictEqual(attributes["http.request.method"], "POST")
          assert.include(String(attributes["url.full"]), `${sandbox.url}${path}`)
          assert.strictEqual(attributes["server.address"], "127.0.0.1")
          assert.strictEqual(attributes["server.port"], Number(port))
          assert.oneOf(attributes["http.response.status_code"], [200, 201, 202])
        }

        // The API is told which span asked.
        const calls = (yield* sandbox.sandbox.calls.summary).last
        const asked = calls.map(({ traceparent }) => traceparent)
        const asking = spans.filter(({ kind }) => kind === "SPAN_KIND_CLIENT")
        assert.deepStrictEqual(
          asked.toSorted(),
          asking.map(({ spanId, traceId }) => `00-${traceId}-${spanId}-01`).toSorted()
        )
      })
    )

    run("passes no trace header on as a header of the mail", { settings: { api: { contract } } }, (traced) =>
      Effect.gen(function* () {
        const { sandbox, smtpPort, wire } = traced
        yield* sendMail(wire, { headers: [TRACEPARENT, "tracestate: a=1", "X-Kept: yes"] })
        const untraced = yield* startGateway({ apiUrl: sandbox.url, settings: { api: { contract } } })
        assert.notStrictEqual(untraced.smtpPort, smtpPort)
        yield* sendMail(yield* openLoggedInWire(untraced.smtpPort), { headers: [TRACEPARENT, "X-Kept: yes"] })
        const captured = yield* sandbox.captured
        assert.strictEqual(captured.length, 2)
        for (const { body } of captured) {
          const text = Buffer.from(body).toString()
          assert.include(text, "X-Kept")
          assert.notMatch(text, /trace(parent|state)/i)
          assert.notInclude(text, TRACE)
        }
      })
    )
  })
}

describe("a mail that was sent within a trace", () => {
  run("continues it, links to its session, and takes the API along", {}, ({ collector, sandbox, wire }) =>
    Effect.gen(function* () {
      yield* sendMail(wire, { headers: [TRACEPARENT, "tracestate: vendor=opaque, other=1"] })
      const spans = yield* spansAfterSession(wire, collector)
      const message = spanNamed(spans, "SMTP message")
      const session = spanNamed(spans, "SMTP session")
      assert.deepStrictEqual([message.traceId, message.parentSpanId], [TRACE, SENDER])
      assert.strictEqual(message.traceState, "vendor=opaque,other=1")
      assert.deepStrictEqual(message.links, [{ traceId: session.traceId, spanId: session.spanId }])
      const submit = spanNamed(spans, "submit")
      assert.deepStrictEqual([submit.traceId, submit.parentSpanId], [TRACE, message.spanId])
      const { last } = yield* sandbox.sandbox.calls.summary
      assert.strictEqual(last.at(-1)?.traceparent, `00-${TRACE}-${submit.spanId}-01`)
    })
  )

  it.live("gives the API its tracestate", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const api = yield* startScriptedApi()
        api.script("POST /v1/auth/validate", { status: 200, body: { api_key: "key" } })
        api.script("POST /v1/emails", { status: 202, body: { message_id: "m1", status: "queued" } })
        const settings = { api: { contract: "gateway-v1" } } as const
        const { wire } = yield* startTracedGateway({ apiUrl: api.url, settings })
        assert.match(yield* sendMail(wire, { headers: [TRACEPARENT, "tracestate: vendor=opaque"] }), /^250 /)
        assert.match(yield* sendMail(wire), /^250 /)
        const [login, within, without] = api.requests.map(({ headers }) => headers)
        assert.notProperty(login, "tracestate")
        assert.match(within?.["traceparent"] ?? "", new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
        assert.strictEqual(within?.["tracestate"], "vendor=opaque")
        assert.match(without?.["traceparent"] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
        assert.notProperty(without, "tracestate")
      })
    )
  )

  const invalid = ["00-1-2-01", `ff-${TRACE}-${SENDER}-01`, `00-${"0".repeat(32)}-${SENDER}-01`]
  for (const value of invalid) {
    run(`that is none is part of its session: ${value}`, {}, ({ collector, wire }) =>
      Effect.gen(function* () {
        yield* sendMail(wire, { headers: [`traceparent: ${value}`] })
        const spans = yield* spansAfterSession(wire, collector)
        const message = spanNamed(spans, "SMTP message")
        assert.strictEqual(message.parentSpanId, spanNamed(spans, "SMTP session").spanId)
      })
    )
  }
})

describe("what goes wrong", () => {
  run("a call that is made again is one span, with an event for each failure", {}, ({ collector, sandbox, wire }) =>
    Effect.gen(function* () {
      yield* sandbox.inject({ endpoint: "emails", what: "status", status: 503, next: 1 })
      assert.match(yield* sendMail(wire), /^250 /)
      const submit = spanNamed(yield* spansAfterSession(wire, collector), "submit")
      assert.deepStrictEqual(submit.events, [
        { name: "retry", attributes: { "error.type": "ApiFailed", "http.response.status_code": 503 } }
      ])
      assert.strictEqual(submit.attributes["http.response.status_code"], 201)
      assert.strictEqual(submit.attributes["http.request.resend_count"], 1)
      assert.strictEqual(submit.status.code, "STATUS_CODE_UNSET")
      assert.notProperty(submit.attributes, "error.type")
    })
  )

  run("a recipient that is refused is an error of its own call", {}, ({ collector, sandbox, wire }) =>
    Effect.gen(function* () {
      yield* sandbox.inject({
        endpoint: "emails",
        what: "refuse",
        recipient: "two@example.com",
        reason: "two@example.com is unknown"
      })
      assert.match(yield* sendMail(wire, { recipients: ["one@example.com", "two@example.com"] }), /^250 /)
      const spans = yield* spansAfterSession(wire, collector)
      const [refused, ...others] = spansNamed(spans, "submit").filter(
        ({ status }) => status.code !== "STATUS_CODE_UNSET"
      )
      assert.isDefined(refused)
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual(refused.status, {
        code: "STATUS_CODE_ERROR",
        message: "550 5.1.3 Message rejected: <address> is unknown (email)"
      })
      assert.strictEqual(refused.attributes["error.type"], "SubmissionRejected")
      assert.strictEqual(refused.attributes["smtp.reply.code"], 550)
      const [exception] = refused.events
      assert.strictEqual(exception?.name, "exception")
      assert.strictEqual(exception?.attributes["exception.type"], "SubmissionRejected")
      assert.strictEqual(exception?.attributes["exception.message"], refused.status.message)
      assert.notInclude(String(exception?.attributes["exception.stacktrace"]), "\n")
      const message = spanNamed(spans, "SMTP message")
      assert.strictEqual(message.status.code, "STATUS_CODE_UNSET")
      assert.strictEqual(message.attributes["smtp.recipient.failed_count"], 1)
    })
  )

  run("a message that is refused says how", {}, ({ collector, sandbox, wire }) =>
    Effect.gen(function* () {
      yield* sandbox.inject({ endpoint: "emails", what: "status", status: 400, body: { detail: "No thanks" } })
      assert.strictEqual(yield* sendMail(wire), "550 5.6.0 Message rejected: No thanks")
      const { attributes, status } = spanNamed(yield* spansAfterSession(wire, collector), "SMTP message")
      assert.strictEqual(attributes["smtp.reply.code"], 550)
      assert.strictEqual(attributes["smtp.reply.enhanced_code"], "5.6.0")
      assert.deepStrictEqual(status, {
        code: "STATUS_CODE_ERROR",
        message: "550 5.6.0 Message rejected: No thanks"
      })
    })
  )

  run("a token that has ended is renewed within the call that found out", {}, ({ collector, sandbox, wire }) =>
    Effect.gen(function* () {
      yield* sendMail(wire)
      yield* sandbox.sandbox.revokeTokens
      assert.match(yield* sendMail(wire), /^250 /)
      const spans = yield* spansAfterSession(wire, collector)
      const [, renewal] = spansNamed(spans, "login")
      assert.strictEqual(renewal?.parentSpanId, spansNamed(spans, "submit")[1]?.spanId)
    })
  )

  run("a wrong password is an error of the login, and is not in it", {}, ({ collector, smtpPort }) =>
    Effect.gen(function* () {
      const wire = yield* openSecureWire(smtpPort)
      assert.strictEqual((yield* wire.login("demo@example.com", "hunter2")).code, 535)
      const spans = yield* spansAfterSession(wire, collector)
      const failed = spans.filter(({ status }) => status.code === "STATUS_CODE_ERROR")
      assert.deepStrictEqual(failed.map(({ name }) => name).toSorted(), ["authenticate", "login"])
      for (const { attributes, status } of failed) {
        assert.strictEqual(status.message, "535 5.7.8 Authentication failed")
        assert.deepStrictEqual([attributes["smtp.reply.code"], attributes["smtp.reply.enhanced_code"]], [535, "5.7.8"])
      }
    })
  )
})

describe("what the collector is told", () => {
  run(
    "holds no address, no password, no token, nothing of the content, and no header of its own calls",
    { settings: { tracing: { headers: Redacted.make({ "x-api-key": "hunter3" }) } } },
    ({ collector, sandbox, wire }) =>
      Effect.gen(function* () {
        yield* sandbox.inject({ endpoint: "emails", what: "refuse", recipient: "gone@example.com" })
        yield* sendMail(wire, { recipients: ["you@example.com", "gone@example.com"] })
        yield* sandbox.inject({ endpoint: "emails", what: "status", status: 500 })
        yield* sendMail(wire)
        yield* spansAfterSession(wire, collector)
        const told = Buffer.concat([...collector.bodies]).toString("latin1")
        assert.include(told, "SMTP message")
        for (const secret of ["@example.com", "demo", "secret", "Bearer", "hunter3"]) assert.notInclude(told, secret)
        assert.strictEqual(collector.requests[0]?.headers["x-api-key"], "hunter3")
        assert.strictEqual(collector.requests[0]?.headers["content-type"], "application/x-protobuf")
        assert.strictEqual(collector.requests[0]?.path, "/v1/traces")
      })
  )

  const named = { serviceName: "mail-in", resourceAttributes: { "deployment.environment.name": "test" } }
  run("names the service", { settings: { tracing: named } }, ({ collector, wire }) =>
    Effect.gen(function* () {
      const [span] = yield* spansAfterSession(wire, collector)
      assert.strictEqual(span?.resource["service.name"], "mail-in")
      const { version } = yield* Schema.decodeEffect(PackageJson)(readFileSync("package.json", "utf8"))
      assert.strictEqual(span?.resource["service.version"], version)
      assert.strictEqual(span?.resource["deployment.environment.name"], "test")
      assert.match(String(span?.resource["service.instance.id"]), /^[0-9a-f-]{36}$/)
    })
  )
})

describe("a collector with a certificate of a private authority", () => {
  it.live("is trusted by OTEL_EXPORTER_OTLP_CERTIFICATE alone", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { certificate, privateKey } = yield* makeSelfSigned("collector.example.com")
        const directory = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "collector-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true }))
        )
        const caPath = join(directory, "ca.pem")
        writeFileSync(caPath, certificate)
        const collector = yield* startSecureCollector({ cert: certificate, key: Redacted.value(privateKey) })
        const tracing = { endpoint: `${collector.url}/v1/traces`, timeout: Duration.millis(200) }

        const stranger = yield* startTracedGateway({ settings: { tracing } })
        yield* sendMail(stranger.wire)
        yield* stranger.wire.ask("QUIT")
        const friend = yield* startTracedGateway({ settings: { tracing: { ...tracing, caPath } } })
        yield* sendMail(friend.wire)
        yield* spansAfterSession(friend.wire, collector)
        assert.strictEqual(spansNamed(collector.spans, "SMTP message").length, 1)
      })
    )
  )
})

describe("a collector that asks for a certificate", () => {
  it.live("gets that of OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, and the spans, compressed if they are to be", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { certificate, privateKey } = yield* makeSelfSigned("collector.example.com")
        const directory = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "collector-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true }))
        )
        const clientCertificatePath = join(directory, "client.pem")
        const clientKeyPath = join(directory, "client.key")
        writeFileSync(clientCertificatePath, certificate)
        writeFileSync(clientKeyPath, Redacted.value(privateKey))
        const collector = yield* startSecureCollector({
          cert: certificate,
          key: Redacted.value(privateKey),
          clientCa: certificate
        })
        const tracing = {
          endpoint: `${collector.url}/v1/traces`,
          timeout: Duration.millis(200),
          compression: "gzip",
          caPath: clientCertificatePath
        } as const
        const stranger = yield* startTracedGateway({ settings: { tracing } })
        yield* sendMail(stranger.wire)
        yield* stranger.wire.ask("QUIT")
        const friend = yield* startTracedGateway({
          settings: { tracing: { ...tracing, clientCertificatePath, clientKeyPath } }
        })
        yield* sendMail(friend.wire)
        yield* spansAfterSession(friend.wire, collector)
        assert.strictEqual(spansNamed(collector.spans, "SMTP message").length, 1)
        assert.strictEqual(collector.requests[0]?.headers["content-encoding"], "gzip")
      })
    )
  )
})

describe("sampling", () => {
  for (const sampler of ["always_off", "parentbased_traceidratio"] as const) {
    run(
      `${sampler}: nothing is exported, and the API is told so`,
      { settings: { tracing: { sampler, sampledShare: 0 } } },
      ({ collector, sandbox, wire }) =>
        Effect.gen(function* () {
          assert.match(yield* sendMail(wire), /^250 /)
          yield* wire.ask("QUIT")
          yield* wire.ended
          const { last } = yield* sandbox.sandbox.calls.summary
          for (const { traceparent } of last) assert.match(traceparent ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
          assert.strictEqual(collector.spans.length, 0)
        })
    )
  }

  run(
    "parentbased: a mail whose sender keeps its trace is kept, its session is not",
    { settings: { tracing: { sampler: "parentbased_always_off" } } },
    ({ collector, sandbox, wire }) =>
      Effect.gen(function* () {
        yield* sendMail(wire, { headers: [TRACEPARENT] })
        yield* spanCollected(collector, "SMTP message")
        const names = collector.spans.map(({ name }) => name).toSorted()
        assert.deepStrictEqual(names, ["SMTP message", "parse", "prepare", "senders", "submit"])
        const { last } = yield* sandbox.sandbox.calls.summary
        assert.match(last.at(-1)?.traceparent ?? "", new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
      })
  )

  run(
    "always_on: a mail whose sender drops its trace is kept",
    { settings: { tracing: { sampler: "always_on" } } },
    ({ collector, wire }) =>
      Effect.gen(function* () {
        yield* sendMail(wire, { headers: [TRACEPARENT.replace(/01$/, "00")] })
        const spans = yield* spansAfterSession(wire, collector)
        assert.strictEqual(spanNamed(spans, "SMTP message").traceId, TRACE)
      })
  )
})
