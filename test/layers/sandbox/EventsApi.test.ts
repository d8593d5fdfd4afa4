import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import { eventually, startSandbox } from "../../kit/SandboxKit.ts"
import { capturedMessage } from "./capturedMessage.ts"
import { openEvents } from "./EventStream.ts"
import { call, emailV2, prepareV2, submitV2 } from "./SandboxClient.ts"

const sandboxWithSender = Effect.fnUntraced(function* (options: Parameters<typeof startSandbox>[0] = {}) {
  const kit = yield* startSandbox(options)
  const demo = yield* prepareV2(kit)
  const alice = yield* prepareV2(kit, "inbox-alice", "x")
  const submit = Effect.fnUntraced(function* (subject: string, from = demo) {
    const content = { type: "transactional", subject, text: "x" }
    const { json } = yield* submitV2(kit, from.headers, emailV2(from.senderId, { content }))
    const id: string = json.data?.id ?? ""
    return id
  })
  return { ...kit, submit, alice, events: (query = "") => openEvents(`${kit.url}/api/v1/events${query}`) }
})

describe("GET /api/v1/events", () => {
  it.effect("tells of messages that come, are read and go", () =>
    Effect.gen(function* () {
      const { events, submit, url } = yield* sandboxWithSender()
      const { next } = yield* events()
      assert.strictEqual((yield* next).name, "ready")
      const id = yield* submit("one")
      const added = yield* next
      assert.strictEqual(added.name, "new")
      assert.strictEqual(added.data.ID, id)
      assert.strictEqual(added.data.Subject, "one")
      assert.deepStrictEqual(added.data, (yield* call(`${url}/api/v1/messages`)).json.messages[0])
      yield* call(`${url}/api/v1/message/${id}`)
      assert.deepStrictEqual(yield* next, { name: "update", data: { IDs: [id], Read: true } })
      yield* call(`${url}/api/v1/message/${id}`)
      yield* call(`${url}/api/v1/messages`, { method: "DELETE", json: { IDs: [id, "unknown"] } })
      assert.deepStrictEqual(yield* next, { name: "delete", data: { IDs: [id] } }, "reading it again changed nothing")
    })
  )

  it.effect("tells of messages that go because others come", () =>
    Effect.gen(function* () {
      const { events, submit } = yield* sandboxWithSender({ maxMessages: 1 })
      const { next } = yield* events()
      yield* next
      const first = yield* submit("one")
      yield* next
      const second = yield* submit("two")
      assert.strictEqual((yield* next).data.ID, second)
      assert.deepStrictEqual(yield* next, { name: "delete", data: { IDs: [first] } })
    })
  )

  it.effect("of one inbox tells of no message of another", () =>
    Effect.gen(function* () {
      const { alice, events, submit } = yield* sandboxWithSender()
      const { next } = yield* events("?inbox=inbox-alice")
      yield* next
      yield* submit("to demo")
      yield* submit("to alice", alice)
      assert.strictEqual((yield* next).data.Subject, "to alice")
    })
  )

  it.effect("tells that faults and refusals have changed", () =>
    Effect.gen(function* () {
      const { events, inject, submit, url } = yield* sandboxWithSender()
      const { next } = yield* events()
      yield* next
      yield* inject({ endpoint: "emails", what: "status", status: 500 })
      assert.strictEqual((yield* next).name, "faults")
      yield* submit("refused")
      assert.sameMembers([(yield* next).name, (yield* next).name], ["faults", "refusals"])
      yield* call(`${url}/sandbox/refusals`, { method: "DELETE" })
      assert.strictEqual((yield* next).name, "refusals")
    })
  )

  it.effect("numbers what happens to messages, and a list says what it knows of", () =>
    Effect.gen(function* () {
      const { submit, url } = yield* sandboxWithSender()
      const lastChange = Effect.map(call(`${url}/api/v1/messages`), ({ headers }) => Number(headers["last-change"]))
      const before = yield* lastChange
      const id = yield* submit("one")
      assert.strictEqual(yield* lastChange, before + 1)
      yield* call(`${url}/api/v1/message/${id}`)
      yield* call(`${url}/api/v1/message/${id}`)
      assert.strictEqual(yield* lastChange, before + 2, "reading it again changed nothing")
      const { headers } = yield* call(`${url}/api/v1/search?query=one`)
      assert.strictEqual(Number(headers["last-change"]), before + 2)
    })
  )

  it.effect("says when it has lost events, and goes on", () =>
    Effect.gen(function* () {
      const { events, sandbox, submit } = yield* sandboxWithSender()
      const { next } = yield* events()
      yield* next
      // In one go: nobody has a chance to look in between.
      const many = Array.from({ length: 3_000 }, (_, index) => capturedMessage({ id: `id-${index}` }))
      yield* Effect.forEach(many, sandbox.messages.add, { discard: true })
      const id = yield* submit("the last")
      const seen: Array<string> = []
      for (;;) {
        const { data, name } = yield* next
        seen.push(name)
        if (data.ID === id) break
      }
      assert.include(seen, "reload")
      assert.isBelow(seen.length, 3_000)
    })
  )

  it.effect("is not open to other pages, nor to names that point here", () =>
    Effect.gen(function* () {
      const { url } = yield* sandboxWithSender()
      for (const headers of [{ origin: "https://evil.example.com" }, { host: "evil.example.com" }]) {
        const error = yield* Effect.flip(openEvents(`${url}/api/v1/events`, headers))
        assert.strictEqual(error.status, 403)
      }
    })
  )

  it.effect("has a hundred streams at most, and room again when one ends", () =>
    Effect.gen(function* () {
      const { events } = yield* sandboxWithSender()
      const scope = yield* Scope.make()
      yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => Effect.flatMap(events(), ({ next }) => next).pipe(Scope.provide(scope)),
        { concurrency: 10, discard: true }
      )
      assert.strictEqual((yield* Effect.flip(Effect.scoped(events()))).status, 503)
      yield* Scope.close(scope, Exit.void)
      yield* eventually(Effect.map(Effect.exit(Effect.scoped(events())), Exit.isSuccess))
    })
  )

  it.effect("takes no room for those who ask for nothing but its head", () =>
    Effect.gen(function* () {
      const { events, url } = yield* sandboxWithSender()
      for (let asked = 0; asked < 101; asked++) {
        assert.strictEqual((yield* call(`${url}/api/v1/events`, { method: "HEAD" })).status, 200)
      }
      assert.strictEqual((yield* (yield* events()).next).name, "ready")
    })
  )

  it.effect("stays open while nothing happens, and misses nothing then", () =>
    Effect.gen(function* () {
      const { events, submit } = yield* sandboxWithSender()
      const { next } = yield* events()
      yield* next
      yield* TestClock.adjust("1 hour")
      const id = yield* submit("late")
      assert.strictEqual((yield* next).data.ID, id)
    })
  )
})
