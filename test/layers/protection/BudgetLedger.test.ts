/** Who has to give way when message after message finds no room. */
import { assert, describe, it } from "@effect/vitest"
import { BudgetLedger, type Holding } from "../../../src/layers/protection/BudgetLedger.ts"

const KIB = 1024
const MIB = 1024 * KIB

/** Ten messages of 9 MiB each arrive at a budget of 100 MiB; half of it is for the two eldest. */
const crowded = () => {
  const ledger = new BudgetLedger(100 * MIB, 10 * MIB)
  const large = Array.from({ length: 10 }, () => ledger.begin())
  for (const holding of large) assert.isTrue(ledger.grow(holding, 9 * MIB))
  return { ledger, large }
}

const turnAway = (ledger: BudgetLedger, times: number) => {
  for (let refusal = 0; refusal < times; refusal++) assert.isFalse(ledger.admits())
}

/** What a message does that is told to give way. */
const ask = (ledger: BudgetLedger, holding: Holding) => {
  const grown = ledger.grow(holding, KIB)
  if (!grown) ledger.end(holding)
  return grown
}

describe("BudgetLedger", () => {
  it("lets all go on while only a few are turned away", () => {
    const { large, ledger } = crowded()
    turnAway(ledger, 4)
    for (const holding of large) assert.isTrue(ask(ledger, holding))
  })

  it("makes room down to half the budget after five refusals in a row; the eldest stay", () => {
    const { large, ledger } = crowded()
    turnAway(ledger, 5)
    // Two are the eldest; of the others five go, until 45 MiB are left.
    assert.deepStrictEqual(
      large.map((holding) => ask(ledger, holding)),
      [true, true, false, false, false, false, false, true, true, true]
    )
    assert.isAtMost(ledger.held, 50 * MIB)
    assert.isTrue(ledger.admits())
  })

  it("when the eldest is done the next one takes its place", () => {
    const { large, ledger } = crowded()
    ledger.end(large[0]!)
    ledger.end(large[1]!)
    assert.isTrue(ledger.grow(ledger.begin(), 18 * MIB))
    turnAway(ledger, 5)
    assert.isTrue(ask(ledger, large[2]!))
    assert.isTrue(ask(ledger, large[3]!))
    assert.isFalse(ask(ledger, large[4]!))
  })

  it("never asks a small message to give way", () => {
    const { ledger } = crowded()
    const small = ledger.begin()
    assert.isTrue(ledger.grow(small, 60 * KIB))
    turnAway(ledger, 5)
    assert.isTrue(ledger.grow(small, 5 * KIB))
    assert.isFalse(ledger.grow(small, 1))
  })

  it("never asks a message to give way that has arrived", () => {
    const { large, ledger } = crowded()
    ledger.arrived(large[9]!)
    turnAway(ledger, 5)
    assert.isTrue(ask(ledger, large[9]!))
    assert.isFalse(ask(ledger, large[8]!))
  })

  it("counts refusals in a row: one admitted message, and it begins anew", () => {
    const { large, ledger } = crowded()
    turnAway(ledger, 4)
    ledger.end(large.pop()!)
    ledger.end(large.pop()!)
    assert.isTrue(ledger.admits())
    const late = ledger.begin()
    assert.isTrue(ledger.grow(late, 9 * MIB))
    turnAway(ledger, 4)
    assert.isTrue(ask(ledger, late))
    turnAway(ledger, 1)
    assert.isFalse(ask(ledger, late))
  })

  it("has at least one eldest, however small the budget", () => {
    const ledger = new BudgetLedger(MIB, 25 * MIB)
    const [first, second] = [ledger.begin(), ledger.begin()]
    assert.isTrue(ledger.grow(first, 500 * KIB))
    assert.isTrue(ledger.grow(second, 400 * KIB))
    turnAway(ledger, 5)
    assert.isTrue(ask(ledger, first))
    assert.isFalse(ask(ledger, second))
  })

  it("keeps no trace of what has ended", () => {
    const { large, ledger } = crowded()
    for (const holding of large) {
      ledger.end(holding)
      ledger.end(holding)
    }
    assert.strictEqual(ledger.held, 0)
  })
})
