/** The way to the API: private CA, proxy, protection. */
import { readFileSync } from "node:fs"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import { CircuitOpen } from "../../../src/domain/GatewayError.ts"
import { apiTransport, ApiTransportLive, type Protect, USER_AGENT } from "../../../src/layers/cakemail/ApiTransport.ts"
import { CakemailClientOverTransport } from "../../../src/layers/cakemail/CakemailClientLive.ts"
import { makeSelfSigned } from "../../../src/layers/tls/selfSigned.ts"
import { CakemailClient } from "../../../src/services/CakemailClient.ts"
import type { GatewaySettings } from "../../../src/services/GatewayConfig.ts"
import { startConnectProxy } from "../../kit/ConnectProxy.ts"
import { aMessage, anIdentity, credentials } from "../../kit/mail.ts"
import { makeLogRecorder } from "../../kit/LogRecorder.ts"
import { layerMetricsRecorder, MetricsRecorder } from "../../kit/MetricsRecorder.ts"
import { eventually } from "../../kit/SandboxKit.ts"
import { startScriptedApi } from "../../kit/ScriptedApi.ts"
import { configWith } from "../../kit/SettingsKit.ts"

const pingWith = (api: Partial<GatewaySettings["api"]>) =>
  Effect.flatMap(CakemailClient, (client) => client.ping).pipe(
    Effect.provide(
      CakemailClientOverTransport.pipe(
        Layer.provide(ApiTransportLive),
        Layer.provide([layerMetricsRecorder, configWith({ api })])
      )
    )
  )

/** An HTTPS server with a certificate that only the file at `caPath` vouches for. */
const startPrivateApi = Effect.gen(function* () {
  const { certificate, privateKey } = yield* TestClock.withLive(makeSelfSigned("api.example.com"))
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const caPath = join(directory, "ca.pem")
  writeFileSync(caPath, certificate)
  const api = yield* startScriptedApi({ cert: certificate, key: Redacted.value(privateKey) })
  api.script("GET /", { status: 200 })
  return { api, caPath, directory }
})

describe("a private CA", () => {
  it.effect("is trusted besides the system's roots", () =>
    Effect.gen(function* () {
      const { api, caPath } = yield* startPrivateApi
      yield* pingWith({ url: api.url, caPath })
      assert.strictEqual(api.countOf("GET /"), 1)
    })
  )

  it.effect("is needed: nothing is sent to a server that nobody vouches for", () =>
    Effect.gen(function* () {
      const { api } = yield* startPrivateApi
      const error = yield* Effect.flip(pingWith({ url: api.url }))
      assert.strictEqual(error._tag, "ApiUnreachable")
      assert.strictEqual(api.requests.length, 0)
    })
  )

  it.effect("that cannot be used stops the start, with the setting's name", () =>
    Effect.gen(function* () {
      const { directory } = yield* startPrivateApi
      const garbage = join(directory, "garbage.pem")
      writeFileSync(garbage, "no certificate")
      for (const caPath of [garbage, join(directory, "absent.pem")]) {
        const error = yield* Effect.flip(pingWith({ caPath }))
        assert.strictEqual(error._tag, "CaCertificateUnusable")
        assert.include(error instanceof Error ? error.message : "", "CAKEMAIL_CA_PATH")
      }
    })
  )
})

describe("a proxy", () => {
  const withProxy = (url: string) => Redacted.make(url)

  it.effect("carries the calls through a tunnel, with its own password", () =>
    Effect.gen(function* () {
      const { api, caPath } = yield* startPrivateApi
      const proxy = yield* startConnectProxy()
      const httpsProxy = withProxy(proxy.url.replace("//", "//proxy-user:proxy-pass@"))
      yield* pingWith({ url: api.url, caPath, httpsProxy })
      assert.deepStrictEqual(proxy.tunnels, [`127.0.0.1:${api.port}`])
      assert.deepStrictEqual(proxy.authorizations, [`Basic ${Buffer.from("proxy-user:proxy-pass").toString("base64")}`])
      assert.strictEqual(api.countOf("GET /"), 1)
      assert.isUndefined(api.requests[0]!.headers["proxy-authorization"])
    })
  )

  it.effect("is left aside for hosts of NO_PROXY and for plain HTTP", () =>
    Effect.gen(function* () {
      const { api, caPath } = yield* startPrivateApi
      const plain = yield* startScriptedApi()
      const proxy = yield* startConnectProxy()
      const httpsProxy = withProxy(proxy.url)
      yield* pingWith({ url: api.url, caPath, httpsProxy, noProxy: "example.org,127.0.0.1" })
      yield* pingWith({ url: plain.url, httpsProxy })
      assert.strictEqual(api.countOf("GET /") + plain.countOf("GET /"), 2)
      assert.deepStrictEqual(proxy.tunnels, [])
    })
  )

  for (const refusal of [407, 502]) {
    it.effect(`that answers ${refusal} leaves the API unreachable`, () =>
      Effect.gen(function* () {
        const { api, caPath } = yield* startPrivateApi
        const proxy = yield* startConnectProxy(refusal)
        const httpsProxy = withProxy(proxy.url.replace("//", "//proxy-user:proxy-pass@"))
        const error = yield* Effect.flip(pingWith({ url: api.url, caPath, httpsProxy }))
        assert.strictEqual(error._tag, "ApiUnreachable")
        assert.notInclude(JSON.stringify(error), "proxy-pass")
        assert.strictEqual(api.requests.length, 0)
      })
    )
  }

  it.effect("that never answers leaves the API unreachable, in time", () =>
    Effect.gen(function* () {
      const { api, caPath } = yield* startPrivateApi
      const proxy = yield* startConnectProxy("hang")
      const timeouts = { timeout: Duration.millis(200), authTimeout: Duration.millis(200) }
      const error = yield* Effect.flip(
        pingWith({ url: api.url, caPath, httpsProxy: withProxy(proxy.url), ...timeouts })
      )
      assert.strictEqual(error._tag, "ApiUnreachable")
      assert.strictEqual(proxy.tunnels.length, 1)
    })
  )

  it.effect("that is not there leaves the API unreachable", () =>
    Effect.gen(function* () {
      const { api, caPath } = yield* startPrivateApi
      const httpsProxy = withProxy("http://127.0.0.1:1")
      const error = yield* Effect.flip(pingWith({ url: api.url, caPath, httpsProxy }))
      assert.strictEqual(error._tag, "ApiUnreachable")
    })
  )
})

describe("a submission", () => {
  const submit = Effect.flatMap(CakemailClient, (client) =>
    client.submit(anIdentity(), { bodyFor: () => [Buffer.from("{}")], sharedBytes: 2, query: "" }, "to@example.com")
  )
  const layerFor = (api: Partial<GatewaySettings["api"]>) =>
    CakemailClientOverTransport.pipe(
      Layer.provide(ApiTransportLive),
      Layer.provide(configWith({ api })),
      Layer.provideMerge(layerMetricsRecorder)
    )

  for (const [drip, error] of [
    ["drip-body", "ApiAnswerUnreadable"],
    ["drip-processing", "ApiOutcomeUnknown"]
  ] as const) {
    it.live(`ends by API_TIMEOUT although the answer goes on coming in pieces (${drip})`, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const api = yield* startScriptedApi()
          api.script("POST /v2/emails", drip)
          const failure = yield* Effect.flip(submit).pipe(
            Effect.provide(layerFor({ url: api.url, timeout: Duration.millis(300) }))
          )
          assert.strictEqual(failure._tag, error)
        })
      )
    )
  }

  it.live("that is broken off is measured, and a possible duplicate only if it had begun to go out", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const api = yield* startScriptedApi()
        api.script("POST /v2/emails", "hang")
        const log = makeLogRecorder()
        yield* Effect.gen(function* () {
          const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(submit, { startImmediately: true }))
          yield* eventually(Effect.sync(() => api.countOf("POST /v2/emails") === 1))
          yield* Fiber.interruptAll(fibers)
          const { value } = yield* MetricsRecorder
          const labels = { error_type: "abandoned", status_code: "abandoned" }
          assert.strictEqual(value("smtp_api_errors_total", labels), 3)
        }).pipe(Effect.provide(Layer.mergeAll(layerFor({ url: api.url, poolSize: 1 }), log.layer)))
        assert.strictEqual(log.events.filter(({ event }) => event === "possible_duplicate").length, 1)
        assert.strictEqual(api.countOf("POST /v2/emails"), 1)
      })
    )
  )
})

describe("protection", () => {
  it.effect("is around every call, and can refuse it", () =>
    Effect.gen(function* () {
      const api = yield* startScriptedApi()
      let open = false
      const seen: Array<string> = []
      const protect: Protect = (call) =>
        Effect.andThen(
          Effect.suspend(() => (open ? Effect.fail(new CircuitOpen()) : Effect.void)),
          call
        ).pipe(Effect.onExit((exit) => Effect.sync(() => void seen.push(exit._tag))))
      api.script("POST /token", { status: 200, body: { access_token: "t" } })
      api.script("GET /brands/default/senders", {
        status: 200,
        body: { data: [{ id: "s", email: "sender@example.com", confirmed: true }] }
      })
      api.script("POST /v2/emails", { status: 201, body: "unreadable" })
      const program = Effect.gen(function* () {
        const client = yield* CakemailClient
        yield* client.login(credentials())
        const prepared = yield* client.prepare(anIdentity(), aMessage())
        yield* Effect.flip(client.submit(anIdentity(), prepared, "a@example.org"))
        assert.deepStrictEqual(seen, ["Success", "Success", "Failure"])
        open = true
        const requests = api.requests.length
        assert.strictEqual((yield* Effect.flip(client.login(credentials())))._tag, "CircuitOpen")
        assert.strictEqual(
          (yield* Effect.flip(client.submit(anIdentity(), prepared, "a@example.org")))._tag,
          "CircuitOpen"
        )
        assert.strictEqual(api.requests.length, requests)
      })
      yield* Effect.provide(
        program,
        CakemailClientOverTransport.pipe(
          Layer.provide(apiTransport(protect)),
          Layer.provide([layerMetricsRecorder, configWith({ api: { url: api.url } })])
        )
      )
    })
  )
})

it("the user agent tells the version of package.json", () => {
  const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ version: Schema.String })))
  const { version } = decode(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"))
  assert.strictEqual(USER_AGENT, `cakemail-smtp-gateway/${version}`)
})
