import { assert, describe, it } from "@effect/vitest"
import { rejectionOf, retryAfterSeconds } from "../../../src/layers/cakemail/ApiAnswers.ts"
import type { ApiResponse } from "../../../src/layers/cakemail/ApiTransport.ts"

const answer = (status: number, body: unknown, retryAfter?: string): ApiResponse => ({
  status,
  body: typeof body === "string" ? body : JSON.stringify(body),
  retryAfter,
  receivedAt: Date.UTC(2026, 0, 1)
})

describe("rejectionOf", () => {
  const cases: ReadonlyArray<readonly [string, unknown, string, string, number?]> = [
    ["a list", { detail: [{ loc: ["body", "email"], msg: "not valid" }] }, "not valid (email)", "recipient"],
    [
      "a nested path",
      { detail: [{ loc: ["body", "attachment", 0, "filename"], msg: "bad" }] },
      "bad (attachment.0.filename)",
      "content"
    ],
    ["the sender", { detail: [{ loc: ["body", "sender", "id"], msg: "unknown" }] }, "unknown (sender.id)", "policy"],
    [
      "the sender's email",
      { detail: [{ loc: ["body", "from", "email"], msg: "unknown" }] },
      "unknown (from.email)",
      "policy"
    ],
    ["the account", { detail: [{ loc: ["query", "account_id"], msg: "no" }] }, "no (query.account_id)", "policy"],
    ["code 8004", { detail: [{ msg: "no access", type: "x", code: 8004 }] }, "no access", "policy"],
    ["code 8004 as text", { code: "8004", message: "no access" }, "no access", "policy"],
    ["a text", { detail: "Something odd" }, "Something odd", "content"],
    ["a text about senders", { detail: "Sender is not confirmed" }, "Sender is not confirmed", "policy"],
    ["an object", { detail: { msg: "inner" } }, "inner", "content"],
    ["a message", { message: "mess" }, "mess", "content"],
    ["an error", { error: "err" }, "err", "content"],
    ["an error object", { error: { message: "inner" } }, "inner", "content"],
    ["v1 fields", { error: "invalid", message: "bad", field: "to[0].email" }, "bad", "recipient"],
    ["v1 from", { error: "invalid", message: "bad", field: "from" }, "bad", "policy"],
    ["v1 reply_to", { error: "invalid", message: "bad", field: "reply_to.email" }, "bad", "content"],
    ["403", { detail: [{ loc: ["body", "email"], msg: "no" }] }, "no (email)", "policy", 403],
    ["several lines", { message: "a\r\n250 b\t\u0000c" }, "a 250 b c", "content"],
    ["plain text", "No such thing\n", "No such thing", "content"],
    ["a page", "<html><body>Bad</body></html>", "HTTP status 400", "content"],
    ["cut JSON", `{"detail":[{"msg`, "HTTP status 400", "content"],
    ["nothing", "", "HTTP status 400", "content"],
    ["null", "null", "null", "content"],
    ["odd types", { detail: [7], message: 5, error: null }, "HTTP status 400", "content"],
    ["an empty list", { detail: [], message: "m" }, "m", "content"]
  ]
  for (const [name, body, reason, subject, status = 400] of cases) {
    it(`reads ${name}`, () => {
      const rejection = rejectionOf(answer(status, body))
      assert.deepStrictEqual([rejection.reason, rejection.subject, rejection.status], [reason, subject, status])
    })
  }

  it("is short", () => {
    const { reason } = rejectionOf(answer(400, { message: "x".repeat(5000) }))
    assert.strictEqual(reason.length, 200)
    assert.isTrue(reason.endsWith("..."))
  })
})

describe("retryAfterSeconds", () => {
  const cases: ReadonlyArray<readonly [string | undefined, unknown, number]> = [
    ["5", {}, 5],
    ["0", {}, 1],
    [" 120 ", {}, 120],
    ["99999999", {}, 86_400],
    ["Thu, 01 Jan 2026 00:01:30 GMT", {}, 90],
    ["Thu, 01 Jan 2099 00:00:00 GMT", {}, 86_400],
    ["Wed, 31 Dec 2025 00:00:00 GMT", {}, 1],
    ["Thursday, 01-Jan-26 00:00:10 GMT", {}, 10],
    [undefined, {}, 60],
    ["", {}, 60],
    ["-5", {}, 60],
    ["1.5", {}, 60],
    ["soon", {}, 60],
    ["2026-01-01T00:00:10Z", {}, 60],
    ["Mon, nonsense", {}, 60],
    [undefined, { retry_after: 12 }, 12],
    ["7", { retry_after: 12 }, 7],
    [undefined, { retry_after: "12" }, 60],
    [undefined, "garbage", 60]
  ]
  for (const [header, body, seconds] of cases) {
    it(`${header ?? "nothing"} with ${JSON.stringify(body)} is ${seconds} s`, () => {
      assert.strictEqual(retryAfterSeconds(answer(429, body, header)), seconds)
    })
  }
})
