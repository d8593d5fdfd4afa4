import { assert, describe, it } from "@effect/vitest"
import {
  ApiAnswerUnreadable,
  ApiFailed,
  ApiOutcomeUnknown,
  ApiRateLimited,
  ApiUnreachable,
  AuthenticationFailed,
  SubmissionErrored,
  SubmissionRejected,
  TokenRejected
} from "../../../src/domain/GatewayError.ts"
import { isApiFailure } from "../../../src/layers/protection/apiFailures.ts"

describe("isApiFailure", () => {
  it("counts against the API what it did not answer, or not in a way that helps", () => {
    for (const error of [
      new ApiUnreachable({ cause: "refused" }),
      new ApiOutcomeUnknown({ kind: "timeout", cause: "" }),
      new ApiOutcomeUnknown({ kind: "reset", cause: "" }),
      new ApiAnswerUnreadable({ status: 201, cause: "" }),
      new ApiFailed({ status: 500 }),
      new ApiFailed({ status: 503 })
    ]) {
      assert.isTrue(isApiFailure(error), JSON.stringify(error))
    }
  })

  it("does not count answers", () => {
    for (const error of [
      new ApiRateLimited({ retryAfter: 60 }),
      new TokenRejected(),
      new AuthenticationFailed({ reason: "credentials" }),
      new SubmissionRejected({ subject: "policy", reason: "", status: 400 }),
      new SubmissionErrored(),
      new ApiFailed({ status: 301 }),
      new ApiFailed({ status: 408 }),
      new Error("no error of ours"),
      undefined
    ]) {
      assert.isFalse(isApiFailure(error), JSON.stringify(error))
    }
  })
})
