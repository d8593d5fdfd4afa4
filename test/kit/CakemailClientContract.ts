/**
 * What every implementation of CakemailClient does, whatever its wire contract: run on each of them against an API
 * that answers as scripted.
 */
import { describe } from "@effect/vitest"
import { answerContract } from "./CakemailClientAnswers.ts"
import { breakContract } from "./CakemailClientBreaks.ts"
import type { WireContract } from "./CakemailClientKit.ts"
import { loginContract } from "./CakemailClientLogins.ts"
import { requestContract } from "./CakemailClientRequests.ts"

export const cakemailClientContract = (wire: WireContract): void => {
  describe(`CakemailClient, ${wire.contract}`, () => {
    loginContract(wire)
    answerContract(wire)
    breakContract(wire)
    requestContract(wire)
  })
}
