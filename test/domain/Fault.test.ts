import { assert, describe, it } from "@effect/vitest"
import { faultOf } from "../../src/domain/Fault.ts"
import { TooManyConnections } from "../../src/domain/GatewayError.ts"
import * as SmtpReply from "../../src/domain/SmtpReply.ts"
import { ERROR_REPLIES } from "../kit/gatewayErrors.ts"

describe("faultOf", () => {
  it("blames the service for no reply that forbids the client to try again, a token that Cakemail takes back apart", () => {
    for (const [error] of Object.values(ERROR_REPLIES)) {
      if (error._tag === "TokenRejected" || SmtpReply.isTransient(SmtpReply.fromError(error))) continue
      assert.strictEqual(faultOf(error), "sender", error._tag)
    }
  })

  it("blames the service for a limit of the process and the sender for one of its address", () => {
    assert.strictEqual(faultOf(new TooManyConnections({ limit: "process" })), "service")
    assert.strictEqual(faultOf(new TooManyConnections({ limit: "address" })), "sender")
  })
})
