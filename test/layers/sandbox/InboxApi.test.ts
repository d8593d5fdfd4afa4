/** The description of the REST API is true: every path answers, and every answer is of the form that it says. */
import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { Effect, Result, Schema } from "effect"
import * as Mailpit from "../../../src/layers/sandbox/MailpitSchema.ts"
import * as SandboxJson from "../../../src/layers/sandbox/SandboxSchema.ts"
import { startSandbox } from "../../kit/SandboxKit.ts"
import { openEvents } from "./EventStream.ts"
import { call, emailV2, prepareV2, submitV2 } from "./SandboxClient.ts"

/** A sandbox in which there is something of everything. */
const fullSandbox = Effect.gen(function* () {
  const kit = yield* startSandbox()
  yield* kit.sandbox.announceSmtp({ host: "127.0.0.1", port: 2587, username: "demo@example.com", password: "demo" })
  const { headers, senderId } = yield* prepareV2(kit)
  yield* submitV2(kit, headers, emailV2("unknown"))
  yield* kit.inject({ endpoint: "token", what: "latency", latency: 1 })
  const { json } = yield* submitV2(
    kit,
    { ...headers, traceparent: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01` },
    emailV2(senderId, {
      list_id: 3,
      tags: ["t"],
      tracking: { opens: true },
      content: { type: "transactional", subject: "Hello", html: "<p>Hello</p>", text: "Hello" },
      additional_headers: [{ name: "Reply-To", value: "Re <re@example.com>" }],
      attachment: [{ filename: "a.csv", type: "csv", content: "YSxi" }]
    })
  )
  const id: string = json.data.id
  const [refusal] = yield* kit.sandbox.refusals.all
  return { ...kit, id, refusalId: refusal?.id ?? "" }
})

/** Of each endpoint: a call of it, and what its answer is to be decoded as. */
const endpoints = (id: string, refusalId: string) =>
  ({
    "get /api/v1/messages": ["/api/v1/messages?start=0&limit=5", Mailpit.MessagesJson],
    "get /api/v1/search": ["/api/v1/search?query=hello", Mailpit.MessagesJson],
    "get /api/v1/messages/wait": ["/api/v1/messages/wait", Mailpit.MessageJson],
    "get /api/v1/message/{id}": [`/api/v1/message/${id}`, Mailpit.MessageJson],
    "get /api/v1/message/{id}/headers": [`/api/v1/message/${id}/headers`, Mailpit.HeadersJson],
    "get /api/v1/message/{id}/raw": [`/api/v1/message/${id}/raw`, undefined],
    "get /api/v1/message/{id}/part/{part}": [`/api/v1/message/${id}/part/1`, undefined],
    "get /api/v1/info": ["/api/v1/info", Mailpit.InfoJson],
    "get /api/v1/tags": ["/api/v1/tags", Schema.Array(Schema.String)],
    "get /view/{file}": [`/view/${id}.html`, undefined],
    "get /sandbox/info": ["/sandbox/info", SandboxJson.InfoJson],
    "get /sandbox/inboxes": ["/sandbox/inboxes", SandboxJson.InboxesJson],
    "get /sandbox/messages/{id}/story": [`/sandbox/messages/${id}/story`, SandboxJson.StoryJson],
    "get /sandbox/refusals": ["/sandbox/refusals", SandboxJson.RefusalsJson],
    "get /sandbox/refusals/{id}/story": [`/sandbox/refusals/${refusalId}/story`, SandboxJson.StoryJson],
    "get /sandbox/faults": ["/sandbox/faults", SandboxJson.FaultsJson],
    "put /sandbox/faults": ["/sandbox/faults", SandboxJson.FaultsJson],
    "get /sandbox/calls": ["/sandbox/calls", SandboxJson.CallsJson],
    "put /api/v1/messages": ["/api/v1/messages", undefined],
    "delete /sandbox/faults": ["/sandbox/faults", undefined],
    "delete /sandbox/calls": ["/sandbox/calls", undefined],
    "delete /sandbox/refusals": ["/sandbox/refusals", undefined],
    "delete /api/v1/search": ["/api/v1/search?query=nothing", undefined],
    "delete /api/v1/messages": ["/api/v1/messages", undefined]
  }) satisfies Record<string, readonly [path: string, answer: Schema.ConstraintDecoder<unknown> | undefined]>

const BODIES: Readonly<Record<string, unknown>> = {
  "put /sandbox/faults": [{ endpoint: "emails", what: "refuse", latency: "200ms" }],
  "put /api/v1/messages": { Read: true }
}

const METHODS = { get: "GET", put: "PUT", delete: "DELETE" } as const

interface Operation {
  readonly summary?: string
  readonly responses: Readonly<Record<string, unknown>>
}

describe("/openapi.json", () => {
  it.live("describes every endpoint, and every endpoint answers as described", () =>
    Effect.gen(function* () {
      const { id, refusalId, url } = yield* fullSandbox
      const { json } = yield* call(`${url}/openapi.json`)
      assert.match(json.openapi, /^3\.1/)
      const paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> = json.paths
      const described = Object.entries(paths).flatMap(([path, operations]) =>
        Object.entries(operations).map(([method, operation]) => [`${method} ${path}`, operation] as const)
      )
      const known = endpoints(id, refusalId)
      assert.sameMembers(
        described.map(([name]) => name),
        [...Object.keys(known), "get /api/v1/events"]
      )
      for (const [name, operation] of described) assert.isString(operation.summary, name)
      const operations = new Map<string, Operation>(described)
      for (const [name, [path, answer]] of Object.entries(known)) {
        const method = METHODS[name.startsWith("get") ? "get" : name.startsWith("put") ? "put" : "delete"]
        const body = BODIES[name]
        const { json, status } = yield* call(url + path, { method, ...(body === undefined ? {} : { json: body }) })
        assert.isBelow(status, 300, name)
        assert.property(operations.get(name)?.responses, String(status), name)
        if (answer === undefined) continue
        const decoded = Schema.decodeUnknownResult(answer, { onExcessProperty: "error" })(json)
        assert.isTrue(Result.isSuccess(decoded), Result.isFailure(decoded) ? `${name}: ${decoded.failure.message}` : "")
      }
    })
  )

  it.live("describes the stream of events", () =>
    Effect.gen(function* () {
      const { url } = yield* startSandbox()
      const { json } = yield* call(`${url}/openapi.json`)
      assert.property(json.paths["/api/v1/events"].get.responses["200"].content, "text/event-stream")
      const { next } = yield* openEvents(`${url}/api/v1/events`)
      assert.strictEqual((yield* next).name, "ready")
    })
  )
})

describe("/docs", () => {
  it.live("needs nothing from elsewhere: each script is in the page, and allowed by its hash", () =>
    Effect.gen(function* () {
      const { url } = yield* startSandbox()
      const { headers, status, text } = yield* call(`${url}/docs`)
      assert.strictEqual(status, 200)
      const policy = String(headers["content-security-policy"])
      const allowed = /script-src ([^;]+);/.exec(policy)?.[1]?.split(" ") ?? []
      const scripts = [...text.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script = ""]) => script)
      assert.isNotEmpty(scripts)
      assert.deepStrictEqual(
        allowed,
        scripts.map((script) => `'sha256-${createHash("sha256").update(script).digest("base64")}'`)
      )
      assert.notMatch(text, /<(?:script|link|img)[^>]+(?:src|href)=/)
      assert.notMatch(policy, /https?:|\*|unsafe-eval/)
    })
  )
})
