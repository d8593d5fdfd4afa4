import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { makeCapturedMessagesMemory } from "../../../src/layers/sandbox/CapturedMessagesMemory.ts"
import type { CapturedMessages } from "../../../src/services/SandboxMessages.ts"
import { startSandbox } from "../../kit/SandboxKit.ts"
import { capturedMessage } from "./capturedMessage.ts"
import { emailV1, prepareV1, submitV1 } from "./SandboxClient.ts"

const message = (id: string, bytes = 10) => capturedMessage({ id, subject: "", body: new Uint8Array(bytes) })

const idsOf = (messages: CapturedMessages) =>
  Effect.map(messages.all, (all) => all.map((stored) => stored.message.id).join(""))

it.effect("the oldest go first when there are too many", () =>
  Effect.gen(function* () {
    const messages = yield* makeCapturedMessagesMemory({ maxMessages: 2, maxBytes: 1_000 })
    for (const id of ["a", "b", "c"]) yield* messages.add(message(id))
    assert.strictEqual(yield* idsOf(messages), "cb")
    assert.isUndefined(yield* messages.get("a"))
    assert.strictEqual(yield* messages.bytes, 20)
  })
)

it.effect("the oldest go first when they are too large; texts, headers and the words of a search count", () =>
  Effect.gen(function* () {
    const messages = yield* makeCapturedMessagesMemory({ maxMessages: 10, maxBytes: 100 })
    yield* messages.add(message("a", 40))
    yield* messages.add(message("b", 40))
    yield* messages.add({ ...message("c", 10), text: "x".repeat(5), headers: [{ name: "X-Note", value: "1234" }] })
    assert.strictEqual(yield* messages.bytes, 40 + 10 + 2 * (5 + 5 + 10))
    assert.strictEqual(yield* idsOf(messages), "cb")
    yield* messages.add(message("d", 100))
    assert.strictEqual(yield* idsOf(messages), "d")
    yield* messages.add(message("e", 101))
    assert.strictEqual(yield* idsOf(messages), "d", "what cannot be kept takes no other's place")
    assert.strictEqual(yield* messages.bytes, 100)
  })
)

it.effect("what is removed is not counted", () =>
  Effect.gen(function* () {
    const messages = yield* makeCapturedMessagesMemory({ maxMessages: 10, maxBytes: 100 })
    yield* messages.add(message("a", 60))
    yield* messages.remove(["a", "a", "x"])
    assert.strictEqual(yield* messages.bytes, 0)
    yield* messages.add(message("b", 60))
    yield* messages.clear
    assert.strictEqual(yield* messages.bytes, 0)
    assert.strictEqual(yield* idsOf(messages), "")
  })
)

it.effect("waiting ends with a message that matches, and not before", () =>
  Effect.gen(function* () {
    const messages = yield* makeCapturedMessagesMemory({ maxMessages: 10, maxBytes: 100 })
    const waiting = yield* Effect.forkChild(
      messages.waitFor((stored) => stored.message.id === "b"),
      { startImmediately: true }
    )
    yield* messages.add(message("a"))
    assert.isUndefined(waiting.pollUnsafe())
    yield* messages.add(message("b"))
    assert.strictEqual((yield* Fiber.join(waiting)).message.id, "b")
    const gone = yield* Effect.forkChild(
      messages.waitFor((stored) => stored.message.id === "c" && assert.fail("a waiter that went is asked no more")),
      { startImmediately: true }
    )
    yield* Fiber.interrupt(gone)
    yield* messages.add(message("c"))
  })
)

it.effect("a sandbox keeps as many as it was told", () =>
  Effect.gen(function* () {
    const kit = yield* startSandbox({ maxMessages: 2 })
    const headers = yield* prepareV1(kit)
    for (const subject of ["a", "b", "c"]) yield* submitV1(kit, headers, emailV1({ subject }))
    assert.deepStrictEqual(
      (yield* kit.captured).map(({ subject }) => subject),
      ["b", "c"]
    )
  })
)
