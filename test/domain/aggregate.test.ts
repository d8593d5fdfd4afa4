import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import { aggregate, type RecipientOutcome } from "../../src/domain/aggregate.ts"
import {
  ApiFailed,
  ApiRateLimited,
  ApiUnreachable,
  CircuitOpen,
  type SubmissionError,
  SubmissionRejected,
  SubmissionTooLarge
} from "../../src/domain/GatewayError.ts"
import * as SmtpReply from "../../src/domain/SmtpReply.ts"
import { reply } from "../kit/SessionKit.ts"

const REJECTED = new SubmissionRejected({ subject: "recipient", reason: "unknown", status: 400 })
const TOO_LARGE = new SubmissionTooLarge()
const LIMITED = new ApiRateLimited({ retryAfter: 9 })
const FAILED = new ApiFailed({ status: 500 })

type Told = SubmissionError | "accepted"

const outcomeOf = (told: Told, index: number): RecipientOutcome => {
  const recipient = `r${index}@example.com`
  return {
    recipient,
    result: told === "accepted" ? Result.succeed({ recipient, messageId: `id-${index}` }) : Result.fail(told)
  }
}

/** The reply to a message that went like this for its recipients, in order. */
const answer = (mode: "accept" | "defer", first: Told, ...others: ReadonlyArray<Told>): string => {
  const outcomes = [outcomeOf(first, 0), ...others.map((told, index) => outcomeOf(told, index + 1))] as const
  return Result.match(aggregate([outcomes[0], ...outcomes.slice(1)], mode), {
    onSuccess: (accepted) => reply(SmtpReply.accepted(accepted, undefined)),
    onFailure: (error) => reply(SmtpReply.fromError(error))
  })
}

const ACCEPTED = "250 2.0.0 Message accepted for delivery: "

for (const mode of ["accept", "defer"] as const) {
  describe(`aggregate, PARTIAL_FAILURE=${mode}`, () => {
    it("gives one recipient its own reply", () => {
      assert.strictEqual(answer(mode, "accepted"), `${ACCEPTED}id-0`)
      assert.strictEqual(answer(mode, REJECTED), "550 5.1.3 Message rejected: unknown")
      assert.strictEqual(answer(mode, LIMITED), "451 4.7.1 Rate limit exceeded, retry after 9s")
    })

    it("accepts when every recipient was accepted, and tells how many", () => {
      assert.strictEqual(answer(mode, "accepted", "accepted", "accepted"), `${ACCEPTED}id-0 (+2 more)`)
    })

    it("accepts when others were refused for good, with the first id that there is", () => {
      assert.strictEqual(answer(mode, REJECTED, "accepted", TOO_LARGE, "accepted"), `${ACCEPTED}id-1 (+1 more)`)
    })

    it("refuses with the first reply of the worst class when nobody was accepted", () => {
      assert.strictEqual(answer(mode, TOO_LARGE, REJECTED), "552 5.3.4 Message too large for the Cakemail API")
      assert.strictEqual(answer(mode, REJECTED, FAILED, LIMITED), "451 4.3.0 Temporary failure, try again later")
      assert.strictEqual(answer(mode, REJECTED, LIMITED, FAILED), "451 4.7.1 Rate limit exceeded, retry after 9s")
    })
  })
}

describe("aggregate, one accepted and one that may succeed later", () => {
  it("is a 250 under accept", () => {
    assert.strictEqual(answer("accept", FAILED, "accepted", REJECTED), `${ACCEPTED}id-1`)
  })

  it("is the 4xx under defer, whatever stands before it", () => {
    assert.strictEqual(answer("defer", "accepted", REJECTED, FAILED), "451 4.3.0 Temporary failure, try again later")
    assert.strictEqual(answer("defer", LIMITED, "accepted"), "451 4.7.1 Rate limit exceeded, retry after 9s")
  })
})

const told = fc.constantFrom<Told>(
  "accepted",
  REJECTED,
  TOO_LARGE,
  LIMITED,
  FAILED,
  new ApiUnreachable({ cause: "x" }),
  new CircuitOpen()
)

const codeOf = (each: Told): number => (each === "accepted" ? 250 : SmtpReply.fromError(each).code)

describe("aggregate", () => {
  it("obeys rulings 4 whatever became of the recipients", () => {
    fc.assert(
      fc.property(told, fc.array(told, { maxLength: 8 }), (first, others) => {
        const codes = [first, ...others].map(codeOf)
        const worst = (least: number) => codes.find((code) => code >= least && code < least + 100)
        const accepted = codes.includes(250)
        const transient = worst(400)
        const code = (mode: "accept" | "defer") => Number(answer(mode, first, ...others).slice(0, 3))
        assert.strictEqual(code("accept"), accepted ? 250 : (transient ?? worst(500)))
        assert.strictEqual(code("defer"), transient ?? (accepted ? 250 : worst(500)))
      })
    )
  })

  it("gives exactly the receipts of the accepted ones, in order", () => {
    fc.assert(
      fc.property(told, fc.array(told, { maxLength: 8 }), (first, others) => {
        const all = [first, ...others]
        const outcomes = all.map(outcomeOf)
        const ids = all.flatMap((each, index) => (each === "accepted" ? [`id-${index}`] : []))
        const result = aggregate([outcomeOf(first, 0), ...outcomes.slice(1)], "accept")
        const given = Result.isSuccess(result) ? result.success.receipts.map(({ messageId }) => messageId) : []
        assert.deepStrictEqual(given, ids)
      })
    )
  })
})
