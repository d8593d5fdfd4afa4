/**
 * The published advisories of Mailpit, class by class, against the sandbox. What a browser is needed for is in
 * test/browser/hostile.test.ts, requests of other pages in RequestGuard.test.ts, names of files in Downloads.test.ts.
 */
import { request } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { openConnectionTrap } from "../../kit/ConnectionTrap.ts"
import { startGateway } from "../../kit/GatewayKit.ts"
import { openLoggedInWire } from "../../kit/SmtpWire.ts"
import { type RunningSandboxKit, startSandbox } from "../../kit/SandboxKit.ts"
import { capturedMessage } from "./capturedMessage.ts"
import { call, emailV1, prepareV1, submitV1 } from "./SandboxClient.ts"

const submit = Effect.fnUntraced(function* (kit: RunningSandboxKit, changes: object) {
  const { json } = yield* submitV1(kit, yield* prepareV1(kit), emailV1(changes))
  const id: string = json.message_id
  return id
})

describe("requests on behalf of a mail (GHSA-8v65-47jx-7mfr, GHSA-6jxm-fv7w-rw5j, GHSA-mpf7-p9x7-96r3, GHSA-j3fj-qppj-fmmc, GHSA-w4mc-hhc6-xp28)", () => {
  it.live("are never made: nothing is fetched for a mail, whatever is asked of it", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const trap = yield* openConnectionTrap
      const at = `http://${trap.host}/`
      const id = yield* submit(kit, {
        subject: at,
        html_body: `<link rel=stylesheet href="${at}"><style>@import "${at}"</style><img src="${at}"><a href="${at}">x</a>`,
        text_body: at,
        headers: { "List-Unsubscribe": `<${at}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", Link: at },
        attachments: [{ filename: "a.html", content: "PGltZz4=", content_type: "text/html" }]
      })
      const api = `${kit.url}/api/v1/message/${id}`
      for (const path of ["", "/headers", "/raw", "/part/1", "/part/1?open=true"]) {
        assert.strictEqual((yield* call(api + path)).status, 200, path)
      }
      for (const path of ["/html-check", "/link-check", "/link-check?follow=true", "/sa-check", "/part/1/thumb"]) {
        assert.strictEqual((yield* call(api + path)).status, 404, path)
      }
      assert.strictEqual(
        (yield* call(`${api}/release`, { method: "POST", json: { To: ["a@example.com"] } })).status,
        404
      )
      for (const path of [
        `/proxy?url=${at}`,
        `/proxy?data=${Buffer.from(at).toString("base64")}`,
        "/screenshot/latest"
      ]) {
        assert.strictEqual((yield* call(kit.url + path)).status, 404, path)
      }
      for (const path of [`/view/${id}.html`, `/view/${id}.html?remote=true`, `/sandbox/messages/${id}/story`]) {
        assert.strictEqual((yield* call(kit.url + path)).status, 200, path)
      }
      assert.deepStrictEqual(trap.caught(), [])
    })
  )
})

describe("another page that listens (GHSA-524m-q5m7-79mm, GHSA-8r62-w5wh-fc5m)", () => {
  it.live("gets no WebSocket, because there is none", () =>
    Effect.gen(function* () {
      const { url } = yield* startSandbox()
      for (const path of ["/api/events", "/api/v1/events", "/api/%65vents"]) {
        for (const origin of ["https://evil.example.com", url]) {
          const status = yield* Effect.callback<number | undefined>((resume) => {
            const headers = {
              connection: "upgrade",
              upgrade: "websocket",
              origin,
              "sec-websocket-version": "13",
              "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
            }
            const asked = request(url + path, { headers }, (answer) => {
              resume(Effect.succeed(answer.statusCode))
              answer.destroy()
            })
            asked.on("upgrade", () => resume(Effect.succeed(101)))
            asked.on("error", () => resume(Effect.succeed(0)))
            asked.end()
          })
          assert.notStrictEqual(status, 101, `${path} ${origin}`)
        }
      }
    })
  )
})

describe("line breaks in what becomes a header (GHSA-54wq-72mp-cq7c)", () => {
  it.live("add no header, neither to the source nor to an answer", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const injected = "x\r\nX-Injected: yes\r\n\r\n<script>"
      const id = yield* submit(kit, {
        from: { email: "sender@example.com", name: injected },
        to: [{ email: "you@example.com", name: injected }],
        reply_to: { email: "reply@example.com", name: injected },
        subject: injected,
        attachments: [{ filename: injected, content: "YQ==", content_type: "text/csv" }]
      })
      const raw = yield* call(`${kit.url}/api/v1/message/${id}/raw`)
      assert.notMatch(raw.text, /^X-Injected/im)
      for (const path of ["part/1", "part/1?open=true", "raw?download=true"]) {
        const { headers } = yield* call(`${kit.url}/api/v1/message/${id}/${path}`)
        assert.notProperty(headers, "x-injected", path)
        assert.notMatch(String(headers["content-disposition"]), /[\r\n"<>]/, path)
      }
      const refused = yield* submitV1(kit, yield* prepareV1(kit), emailV1({ headers: { "X-A": injected } }))
      assert.strictEqual(refused.status, 400)
      const named = yield* submit(kit, { headers: { "X-A\r\nX-Injected": "1" } })
      assert.notInclude((yield* call(`${kit.url}/api/v1/message/${named}/raw`)).text, "X-Injected")
    })
  )
})

describe("ids (GHSA-qx5x-85p8-vg4j)", () => {
  it.live("are chosen here, cannot be guessed, and lead to no file", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const id = yield* submit(kit, { headers: { "Message-ID": "<../../etc/passwd>", "X-Request-Id": "../x" } })
      assert.match(id, /^msg_[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
      const names = [
        "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "..%5c..%5cpackage.json",
        "%2e%2e/%2e%2e/package.json",
        "....//....//package.json",
        "%00",
        "__proto__",
        "constructor",
        "x".repeat(5_000)
      ]
      const places = ["/assets/", "/view/", "/api/v1/message/", "/sandbox/messages/", "/sandbox/refusals/", "/"]
      for (const place of places) {
        for (const name of [
          ...names,
          ...names.map((each) => `${each}.html`),
          ...names.map((each) => `${each}/story`)
        ]) {
          const { status, text } = yield* call(kit.url + place + name)
          assert.strictEqual(status, 404, place + name)
          assert.notMatch(text, /root:|cakemail-smtp-gateway/)
        }
      }
      for (const part of ["0", "2", "-1", "1.0", "__proto__", "..%2f1"]) {
        assert.strictEqual((yield* call(`${kit.url}/api/v1/message/${id}/part/${part}`)).status, 404, part)
      }
    })
  )
})

describe("bodies without an end (GHSA-fpxj-m5q8-fphw, GHSA-28pq-6qxg-wg5r, GHSA-r553-m4fv-5v97)", () => {
  it.live("are refused wherever a body is taken", () =>
    Effect.gen(function* () {
      const { captured, sandbox, url } = yield* startSandbox()
      yield* sandbox.messages.add(capturedMessage())
      const large = JSON.stringify({ IDs: Array.from({ length: 200_000 }, () => "") })
      for (const [method, path] of [
        ["PUT", "/api/v1/messages"],
        ["DELETE", "/api/v1/messages"],
        ["PUT", "/sandbox/faults"]
      ] as const) {
        for (const body of [large.padEnd(1_100_000), "x".repeat(1_100_000)]) {
          assert.strictEqual((yield* call(url + path, { method, body })).status, 413, `${method} ${path}`)
        }
      }
      assert.strictEqual((yield* captured).length, 1, "nothing was deleted")
    })
  )

  it.live("are refused by SMTP too, in a line that has not ended", () =>
    Effect.gen(function* () {
      const { sandbox, smtpPort } = yield* startGateway({ settings: { smtp: { messageSizeLimit: 65_536 } } })
      const wire = yield* openLoggedInWire(smtpPort)
      for (const line of ["MAIL FROM:<demo@example.com>", "RCPT TO:<you@example.com>", "DATA"]) yield* wire.ask(line)
      yield* wire.send("x".repeat(262_144))
      assert.include([421, 552], (yield* wire.reply).code)
      yield* wire.ended
      assert.deepStrictEqual(yield* sandbox.captured, [])
    })
  )
})

describe("scripts in what is kept (the stored XSS of version 1.19.3, and types of attachments)", () => {
  it.live("have no answer that a page would run: each has a type of ours, and a policy", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const content = Buffer.from("alert(1)//<script>alert(1)</script>").toString("base64")
      const types = ["text/html", "application/javascript", "text/javascript", "image/svg+xml", "text/css", "text/xml"]
      const id = yield* submit(kit, {
        html_body: "<script>alert(1)</script>",
        text_body: "<script>alert(1)</script>",
        attachments: types.map((content_type, index) => ({ filename: `a${index}.js`, content, content_type }))
      })
      const parts = types.flatMap((_, index) => [`part/${index + 1}`, `part/${index + 1}?open=true`])
      const paths = [...parts, "raw", "raw?download=true"].map((path) => `/api/v1/message/${id}/${path}`)
      for (const path of [...paths, `/view/${id}.txt`, `/view/${id}.html`, `/view/${id}.html?remote=true`]) {
        const { headers } = yield* call(kit.url + path)
        const type = path.includes(".html")
          ? /^text\/html/
          : /^(?:application\/octet-stream|text\/plain; charset=utf-8)$/
        assert.match(String(headers["content-type"]), type, path)
        assert.strictEqual(headers["x-content-type-options"], "nosniff", path)
        const policy = String(headers["content-security-policy"])
        assert.match(policy, /^default-src 'none'; .*sandbox/, path)
        assert.notMatch(policy, /script-src|allow-scripts|allow-same-origin/, path)
      }
    })
  )
})

describe("messages made to bring a server down (GHSA-v887-64wg-qqc9, GHSA-75mr-qw9x-3r39)", () => {
  it.live("are shown from all sides like any other", () =>
    Effect.gen(function* () {
      const { sandbox, url } = yield* startSandbox()
      const odd = fc.oneof(
        fc.string({ unit: "binary", maxLength: 60 }),
        fc.constantFrom(
          "<".repeat(50_000),
          "<!--".repeat(20_000),
          "<script".repeat(10_000),
          "&#x110000;&#99999999;",
          '"'.repeat(20_000),
          "\\".repeat(20_000),
          "<a@b,".repeat(10_000),
          "=?utf-8?B?=?=".repeat(3_000),
          "\ud800\udc00\ud800"
        )
      )
      const strange = fc.record({
        subject: odd,
        text: odd,
        html: odd,
        sender: fc.record({ address: odd, name: odd }),
        headers: fc.array(
          fc.record({ name: fc.constantFrom("Cc", "Reply-To", "Date", "List-Unsubscribe", "Message-ID"), value: odd }),
          { maxLength: 3 }
        ),
        attachments: fc.array(fc.record({ fileName: odd, contentType: odd, size: fc.nat() }), { maxLength: 2 })
      })
      for (const [index, changes] of fc.sample(strange, { numRuns: 60, seed: 8 }).entries()) {
        const id = `id-${index}`
        yield* sandbox.messages.add(capturedMessage({ id, ...changes }))
        for (const path of ["", "/headers", "/raw", "/raw?download=true", "/part/1"]) {
          const { status } = yield* call(`${url}/api/v1/message/${id}${path}`)
          assert.include([200, 404], status, `${path} of ${JSON.stringify(changes).slice(0, 300)}`)
        }
        assert.strictEqual((yield* call(`${url}/view/${id}.html`)).status, 200)
        assert.strictEqual((yield* call(`${url}/sandbox/messages/${id}/story`)).status, 200)
      }
      assert.strictEqual((yield* call(`${url}/api/v1/messages?limit=100`)).json.count, 60)
      for (const query of [
        '"'.repeat(5_000),
        "-".repeat(5_000),
        "a:".repeat(2_000),
        "after:x before:y larger:z",
        "(((("
      ]) {
        const { status } = yield* call(`${url}/api/v1/search?query=${encodeURIComponent(query)}`)
        assert.strictEqual(status, 200)
      }
    })
  )
})
