import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startSandbox } from "../../kit/SandboxKit.ts"
import { objectionTo } from "../../../src/layers/sandbox/RequestGuard.ts"
import { call } from "./SandboxClient.ts"

const NAMES = new Set(["localhost", "sandbox"])

const isRefused = (headers: Readonly<Record<string, string>>, method = "GET"): boolean =>
  objectionTo(method, headers, NAMES) !== undefined

describe("Host", () => {
  it.each(["localhost", "localhost:8025", "LocalHost:8025", "localhost.:8025", "a.localhost:1", "127.0.0.1:8025"])(
    "%s is this sandbox",
    (host) => assert.isFalse(isRefused({ host }))
  )

  it.each(["[::1]:8025", "[::1]", "192.168.1.7:8025", "0.0.0.0:8025", "sandbox:8025", "SANDBOX"])(
    "%s is this sandbox too",
    (host) => assert.isFalse(isRefused({ host }))
  )

  // An attacker's name that resolves to 127.0.0.1 once the page is loaded.
  it.each([
    "rebound.example.com:8025",
    "localhost.example.com",
    "127.0.0.1.example.com",
    "127.0.0.1.nip.io:8025",
    "xlocalhost",
    "sandbox.example.com",
    "127.0.0.1@example.com",
    "127.0.0.1:8025:example.com",
    "localhost, example.com",
    "[::1].example.com",
    "1.2.3.4.5",
    "",
    " "
  ])("%s is refused", (host) => assert.isTrue(isRefused({ host })))

  it("none at all is refused", () => assert.isTrue(isRefused({})))
})

describe("Origin", () => {
  const host = "127.0.0.1:8025"

  it.each(["http://127.0.0.1:8025", "https://127.0.0.1:8025"])("%s is the page itself", (origin) =>
    assert.isFalse(isRefused({ host, origin }, "PUT"))
  )

  it.each([
    "https://evil.example.com",
    "http://127.0.0.1",
    "http://127.0.0.1:3000",
    "http://localhost:8025",
    "http://127.0.0.1:8025.example.com",
    "http://example.com/127.0.0.1:8025",
    "HTTP://127.0.0.1:8025",
    "file://",
    "null",
    ""
  ])("%s is another page", (origin) => {
    for (const method of ["GET", "PUT", "DELETE", "POST", "OPTIONS"]) assert.isTrue(isRefused({ host, origin }, method))
  })
})

describe("Fetch Metadata", () => {
  const host = "localhost:8025"
  const from = (site: string, mode: string, dest: string) => ({
    host,
    "sec-fetch-site": site,
    "sec-fetch-mode": mode,
    "sec-fetch-dest": dest
  })

  it("the page itself, the address bar and a link are let in", () => {
    assert.isFalse(isRefused(from("same-origin", "cors", "empty")))
    assert.isFalse(isRefused(from("none", "navigate", "document")))
    assert.isFalse(isRefused(from("cross-site", "navigate", "document")))
  })

  it("pictures, scripts, frames, forms and requests of other pages are not", () => {
    for (const site of ["cross-site", "same-site"]) {
      assert.isTrue(isRefused(from(site, "no-cors", "image")))
      assert.isTrue(isRefused(from(site, "no-cors", "script")))
      assert.isTrue(isRefused(from(site, "navigate", "iframe")))
      assert.isTrue(isRefused(from(site, "cors", "empty")))
      assert.isTrue(isRefused(from(site, "navigate", "document"), "POST"))
    }
  })
})

describe("every path", () => {
  const PATHS = [
    "/",
    "/docs",
    "/openapi.json",
    "/assets/x.js",
    "/api/v1/messages",
    "/api/v1/events",
    "/api/v1/%65vents",
    "/api/v1/%2565vents",
    "//api/v1/events",
    "/view/latest.html",
    "/sandbox/faults",
    "/livez",
    "/nowhere"
  ]

  it.effect("is closed to other names and other origins, however it is spelt", () =>
    Effect.gen(function* () {
      const { url } = yield* startSandbox()
      for (const path of PATHS) {
        for (const headers of [
          { host: "evil.example.com" },
          { origin: "https://evil.example.com" },
          { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }
        ]) {
          const { status } = yield* call(url + path, { headers })
          assert.strictEqual(status, 403, `${path} ${JSON.stringify(headers)}`)
        }
      }
    })
  )

  it.effect("answers HEAD as it answers GET, without the body", () =>
    Effect.gen(function* () {
      const { url } = yield* startSandbox()
      for (const path of ["/", "/docs", "/favicon.ico", "/openapi.json", "/api/v1/messages", "/readyz", "/nowhere"]) {
        const get = yield* call(url + path)
        const head = yield* call(url + path, { method: "HEAD" })
        assert.strictEqual(head.status, get.status, path)
        assert.strictEqual(head.headers["content-type"], get.headers["content-type"], path)
        assert.strictEqual(head.text, "", path)
        if (path !== "/nowhere") assert.strictEqual(get.status, 200, path)
      }
    })
  )

  it.effect("answers with a policy, and never with leave for other origins", () =>
    Effect.gen(function* () {
      const { url } = yield* startSandbox()
      for (const path of PATHS.filter((each) => !each.includes("vents"))) {
        const { headers } = yield* call(url + path)
        assert.strictEqual(headers["x-content-type-options"], "nosniff", path)
        assert.match(String(headers["content-security-policy"]), /^default-src 'none'; .*frame-ancestors/, path)
        assert.strictEqual(headers["cross-origin-resource-policy"], "same-origin", path)
        assert.strictEqual(headers["referrer-policy"], "no-referrer", path)
        assert.notProperty(headers, "access-control-allow-origin", path)
      }
      const preflight = yield* call(`${url}/sandbox/faults`, {
        method: "OPTIONS",
        headers: { origin: "http://localhost:3000", "access-control-request-method": "PUT" }
      })
      assert.strictEqual(preflight.status, 403)
      assert.notProperty(preflight.headers, "access-control-allow-methods")
    })
  )

  it.effect("of a sandbox that was given more names answers by them", () =>
    Effect.gen(function* () {
      const { url } = yield* startSandbox({ allowedHosts: ["Mail.test"] })
      assert.strictEqual((yield* call(`${url}/livez`, { headers: { host: "mail.test:8025" } })).status, 200)
      assert.strictEqual((yield* call(`${url}/livez`, { headers: { host: "other.test" } })).status, 403)
    })
  )

  it.effect("changes nothing for another page", () =>
    Effect.gen(function* () {
      const { callsOf, sandbox, url } = yield* startSandbox()
      const headers = { origin: "https://evil.example.com", "content-type": "text/plain" }
      const faults = '[{"endpoint":"*","what":"hang"}]'
      yield* call(`${url}/sandbox/faults`, { method: "PUT", headers, body: faults })
      yield* call(`${url}/token`, { method: "POST", headers, body: "grant_type=password" })
      assert.deepStrictEqual(yield* sandbox.faults.current, [])
      assert.strictEqual(yield* callsOf("token"), 0)
    })
  )
})

describe("PUT /sandbox/faults", () => {
  const put = (url: string, body: string) => call(`${url}/sandbox/faults`, { method: "PUT", body })

  it.effect("takes a list of a hundred, and texts and times that somebody may have meant", () =>
    Effect.gen(function* () {
      const { sandbox, url } = yield* startSandbox()
      const list = (length: number) => JSON.stringify(Array.from({ length }, () => ({ endpoint: "*", what: "hang" })))
      assert.strictEqual((yield* put(url, list(100))).status, 200)
      const wrong = [
        list(101),
        '[{"endpoint":"*","what":"latency","latency":1e300}]',
        '[{"endpoint":"*","what":"latency","latency":"999999999m"}]',
        '[{"endpoint":"*","what":"status","status":99}]',
        '[{"endpoint":"*","what":"status","status":"200"}]',
        '[{"endpoint":"*","what":"rate-limit","retryAfter":1e15}]',
        `[{"endpoint":"emails","what":"refuse","recipient":"${"x".repeat(1_001)}"}]`,
        '[{"endpoint":"*","what":"hang","next":0}]',
        '[{"endpoint":"*","what":"hang","__proto__":{"next":1}}]',
        '{"endpoint":"*"}',
        "null",
        "",
        "["
      ]
      for (const body of wrong) {
        const { json, status } = yield* put(url, body)
        assert.strictEqual(status, 400, body.slice(0, 80))
        assert.isString(json.error)
      }
      assert.strictEqual((yield* sandbox.faults.current).length, 100, "what is wrong changes nothing")
      assert.strictEqual((yield* put(url, `[${" ".repeat(1_100_000)}]`)).status, 413)
    })
  )
})
