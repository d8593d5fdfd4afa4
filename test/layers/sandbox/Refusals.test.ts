import { assert, describe, it } from "@effect/vitest"
import { makeRefusalBook } from "../../../src/layers/sandbox/Refusals.ts"
import type { SandboxExchange } from "../../../src/services/SandboxStories.ts"

const call = (requestId: string): SandboxExchange => ({
  endpoint: "emails",
  method: "POST",
  path: "/v2/emails",
  outcome: 500,
  requestId,
  traceparent: undefined,
  username: "demo@example.com",
  recipient: "you@example.com",
  startedAt: 0,
  duration: 1,
  refused: true,
  request: { bytes: 0, text: undefined },
  answer: { bytes: 0, text: undefined }
})

const lastWord = {
  at: 1,
  level: "error",
  event: "recipient_failed",
  fields: { recipient: "you@example.com", reply: "451 4.3.0 Try again later" }
}

describe("the book of refusals", () => {
  // It may be open in a browser by then.
  it("keeps the id of the first call when the session says its last word", () => {
    const book = makeRefusalBook({ sessionOf: () => "session", onChange: () => {} })
    book.refused(call("first"))
    const [early] = book.all()
    book.refused(call("again"))
    assert.strictEqual(early?.refusal.reply, undefined)
    book.logged("session", lastWord)
    const [settled, ...others] = book.all()
    assert.deepStrictEqual(others, [])
    assert.strictEqual(settled?.refusal.id, early?.refusal.id)
    assert.strictEqual(settled?.refusal.reply, "451 4.3.0 Try again later")
    assert.strictEqual(settled?.requestId, "again")
  })

  it("has an id of its own for each message of a session that was refused", () => {
    const book = makeRefusalBook({ sessionOf: () => "session", onChange: () => {} })
    for (const requestId of ["one", "two"]) {
      book.refused(call(requestId))
      book.logged("session", lastWord)
    }
    assert.strictEqual(new Set(book.all().map(({ refusal }) => refusal.id)).size, 2)
  })
})
