import { assert, describe, it } from "@effect/vitest"
import { Cause, Exit } from "effect"
import { type GatewayError, SubmissionRejected } from "../../../src/domain/GatewayError.ts"
import { publicFailure } from "../../../src/layers/telemetry/spanOutcome.ts"
import { ERROR_REPLIES } from "../../kit/gatewayErrors.ts"

const told = (error: unknown) => publicFailure(Exit.fail(error), "internal")

describe("what a span tells of a failure", () => {
  it("is what the client is told, with every address left out", () => {
    for (const [error] of Object.values(ERROR_REPLIES)) {
      const failure = told(error satisfies GatewayError)
      assert.strictEqual(failure?.name, error._tag)
      assert.match(failure?.message ?? "", /^\d{3} /)
      assert.isTrue(failure?.message.startsWith(`${failure.reply?.code} ${failure.reply?.enhanced} `))
      assert.notMatch(failure?.message ?? "", /@/)
    }
    const rejected = new SubmissionRejected({
      subject: "recipient",
      reason: 'no "Bob" <bob@example.com>, bob@x!',
      status: 400
    })
    assert.strictEqual(told(rejected)?.message, '550 5.1.3 Message rejected: no "Bob" <<address>>, <address>!')
  })

  it("is nothing of a bug but its kind", () => {
    const bug = publicFailure(Exit.die(new TypeError("token hunter2 is no number")), "internal")
    assert.deepStrictEqual(bug, { name: "TypeError", message: "internal error" })
    assert.deepStrictEqual(publicFailure(Exit.die("hunter2"), "internal")?.message, "internal error")
    assert.deepStrictEqual(told({ _tag: "Unheard", password: "hunter2" }), { name: "Error", message: "internal error" })
  })

  it("is that it was broken off, except of a session, which ends in no other way", () => {
    const interrupted = Exit.failCause(Cause.interrupt(1))
    assert.deepStrictEqual(publicFailure(interrupted, "client"), { name: "Interrupted", message: "broken off" })
    assert.isUndefined(publicFailure(interrupted, "server"))
    assert.isUndefined(publicFailure(Exit.void, "client"))
  })
})
