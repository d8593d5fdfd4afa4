import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startSandbox } from "../../kit/SandboxKit.ts"
import { call, emailV1, emailV2, login, prepareV2, submitV1, submitV2 } from "./SandboxClient.ts"

/** A sandbox where two inboxes and the demo account have submitted something. */
const sandboxWithInboxes = Effect.gen(function* () {
  const kit = yield* startSandbox()
  const send = Effect.fnUntraced(function* (username: string, password: string, subject: string) {
    const { headers, senderId } = yield* prepareV2(kit, username, password)
    yield* submitV2(kit, headers, emailV2(senderId, { content: { type: "transactional", subject, text: "x" } }))
  })
  yield* send("inbox-alice", "anything", "to alice's eyes")
  yield* send("inbox-bob", "something else", "to bob's eyes")
  yield* send("demo@example.com", "demo", "to everybody's eyes")
  const subjects = (path: string) =>
    Effect.map(call(`${kit.url}${path}`), ({ json }): ReadonlyArray<string> =>
      json.messages.map(({ Subject }: { Subject: string }) => Subject)
    )
  return { ...kit, send, subjects }
})

describe("a user name that starts with inbox-", () => {
  it.effect("has an inbox of its own; without ?inbox= they are all there", () =>
    Effect.gen(function* () {
      const { subjects } = yield* sandboxWithInboxes
      assert.deepStrictEqual(yield* subjects("/api/v1/messages?inbox=inbox-alice"), ["to alice's eyes"])
      assert.deepStrictEqual(yield* subjects("/api/v1/messages?inbox=INBOX-BOB"), ["to bob's eyes"])
      assert.deepStrictEqual(yield* subjects("/api/v1/messages?inbox=demo%40example.com"), ["to everybody's eyes"])
      assert.deepStrictEqual(yield* subjects("/api/v1/messages?inbox=inbox-nobody"), [])
      assert.strictEqual((yield* subjects("/api/v1/messages")).length, 3)
      assert.strictEqual((yield* subjects("/api/v1/messages?inbox=")).length, 3)
      assert.deepStrictEqual(yield* subjects("/api/v1/search?query=eyes&inbox=inbox-bob"), ["to bob's eyes"])
    })
  )

  it.effect("is told apart in everything that takes ?inbox=", () =>
    Effect.gen(function* () {
      const { captured, url } = yield* sandboxWithInboxes
      const api = `${url}/api/v1`
      const latest = yield* call(`${api}/message/latest?inbox=inbox-alice`)
      assert.strictEqual(latest.json.Subject, "to alice's eyes")
      assert.strictEqual(latest.json.Username, "inbox-alice")
      const id: string = latest.json.ID
      assert.strictEqual((yield* call(`${api}/message/${id}?inbox=inbox-bob`)).status, 404)
      assert.strictEqual((yield* call(`${api}/message/${id}/raw?inbox=inbox-bob`)).status, 404)
      assert.strictEqual((yield* call(`${api}/message/${id}?inbox=inbox-alice`)).status, 200)
      const waited = yield* call(`${api}/messages/wait?inbox=inbox-bob`)
      assert.strictEqual(waited.json.Subject, "to bob's eyes")
      assert.strictEqual((yield* call(`${api}/info?inbox=inbox-bob`)).json.Messages, 1)

      assert.strictEqual((yield* call(`${api}/info?inbox=inbox-alice`)).json.Unread, 0)
      yield* call(`${api}/messages?inbox=inbox-bob`, { method: "PUT", json: { Read: false } })
      assert.strictEqual((yield* call(`${api}/info?inbox=inbox-alice`)).json.Unread, 0)
      assert.strictEqual((yield* call(`${api}/info?inbox=inbox-bob`)).json.Unread, 1)

      yield* call(`${api}/messages?inbox=inbox-bob`, { method: "DELETE", json: { IDs: [id] } })
      assert.strictEqual((yield* captured).length, 3, "an id of another inbox")
      yield* call(`${api}/messages?inbox=inbox-bob`, { method: "DELETE" })
      yield* call(`${api}/search?query=eyes&inbox=inbox-alice`, { method: "DELETE" })
      assert.deepStrictEqual(
        (yield* captured).map(({ username }) => username),
        ["demo@example.com"]
      )
    })
  )

  it.effect("is listed with its counts", () =>
    Effect.gen(function* () {
      const { send, url } = yield* sandboxWithInboxes
      yield* send("Inbox-Alice", "another password", "once more")
      yield* call(`${url}/api/v1/message/latest`)
      assert.deepStrictEqual((yield* call(`${url}/sandbox/inboxes`)).json, [
        { name: "demo@example.com", total: 1, unread: 1 },
        { name: "inbox-alice", total: 2, unread: 1 },
        { name: "inbox-bob", total: 1, unread: 1 }
      ])
    })
  )

  it.effect("works by the other contract too, and with an address for a name", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const { json } = yield* call(`${kit.url}/v1/auth/validate`, {
        method: "POST",
        json: { username: "inbox-carol@example.com", password: "x" }
      })
      yield* submitV1(kit, { authorization: `Bearer ${json.api_key}` }, emailV1())
      assert.strictEqual((yield* kit.captured)[0]?.username, "inbox-carol@example.com")
      assert.strictEqual((yield* login(kit, "inbox-carol@example.com", "y")).status, 200)
    })
  )

  it.effect("has senders of its own", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox()
      const alice = yield* prepareV2(kit, "inbox-alice", "x")
      const bob = yield* prepareV2(kit, "inbox-bob", "x")
      assert.notStrictEqual(alice.senderId, bob.senderId)
      assert.strictEqual((yield* submitV2(kit, bob.headers, emailV2(alice.senderId))).status, 400)
    })
  )

  it.effect("is as wrong as any other when the sandbox does not let it in", () =>
    Effect.gen(function* () {
      const kit = yield* startSandbox({ openInboxes: false })
      assert.strictEqual((yield* login(kit, "inbox-alice@example.com", "x")).status, 401)
      assert.strictEqual((yield* login(kit, "inbox-alice", "x")).status, 401)
      assert.strictEqual((yield* login(kit)).status, 200)
    })
  )

  for (const name of ["inbox-", "inbox-a b", `inbox-${"x".repeat(65)}`, "inbox-<script>", "notinbox-a", "inbox-../a"]) {
    it.effect(`is no more than that: ${name.slice(0, 20)}`, () =>
      Effect.gen(function* () {
        const kit = yield* startSandbox()
        assert.notStrictEqual((yield* login(kit, name, "x")).status, 200)
      })
    )
  }
})

it.effect("no more inboxes are remembered than there is room for, and the first still works", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox()
    const first = yield* login(kit, "inbox-0", "x")
    yield* Effect.forEach(
      Array.from({ length: 1_050 }, (_, index) => `inbox-${index + 1}`),
      (name) => login(kit, name, "x"),
      { concurrency: 20, discard: true }
    )
    const again = yield* login(kit, "inbox-0", "x")
    assert.notDeepEqual(again.json.accounts, first.json.accounts, "it was forgotten, and is made anew")
    assert.strictEqual(again.status, 200)
  })
)
