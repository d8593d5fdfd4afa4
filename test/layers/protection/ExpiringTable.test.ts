import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Expiring, ExpiringTable, type Ledger } from "../../../src/layers/protection/ExpiringTable.ts"

class Entry extends Expiring {
  override readonly bytes = 10
}

/** CPU microseconds of one `add` at `size` entries, each of which pushes the oldest out. */
const costOfAdding = (size: number, calls: number): number => {
  const table = new ExpiringTable<Entry>({ bytes: 0 })
  for (let key = 0; key < size; key++) table.add(`a${key}`, new Entry(), 1_000, 0)
  const started = process.cpuUsage()
  for (let key = 0; key < calls; key++) {
    table.add(`b${key}`, new Entry(), 1_000, 0)
    table.dropOldest()
  }
  const { system, user } = process.cpuUsage(started)
  return (user + system) / calls
}

describe("ExpiringTable", () => {
  it.effect("drops in the order in which entries were last put", () =>
    Effect.sync(() => {
      const ledger: Ledger = { bytes: 0 }
      const table = new ExpiringTable<Entry>(ledger)
      const [a, b, c] = [new Entry(), new Entry(), new Entry()] as const
      table.add("a", a, 10, 0)
      table.add("b", b, 20, 0)
      table.add("c", c, 30, 0)
      table.renew(a, 40)
      assert.strictEqual(table.nextExpiry, 20)
      table.dropOldest()
      assert.isUndefined(table.get("b", 0))
      table.delete("c")
      assert.strictEqual(table.nextExpiry, 40)
      assert.strictEqual(table.get("a", 39), a)
      assert.isUndefined(table.get("a", 40))
      table.dropOldest()
      assert.strictEqual(table.nextExpiry, Number.POSITIVE_INFINITY)
      assert.strictEqual(ledger.bytes, 0)
      table.dropOldest()
      assert.strictEqual(ledger.bytes, 0)
    })
  )

  it.effect("drops what has expired as new entries come, and takes their bytes off the ledger", () =>
    Effect.sync(() => {
      const ledger: Ledger = { bytes: 0 }
      const table = new ExpiringTable<Entry>(ledger)
      for (let key = 0; key < 100; key++) table.add(`k${key}`, new Entry(), 10, 0)
      const full = ledger.bytes
      for (let key = 0; key < 7; key++) table.add(`n${key}`, new Entry(), 30, 20)
      assert.strictEqual(table.nextExpiry, 30)
      assert.isBelow(ledger.bytes, full / 10)
    })
  )

  it.effect("costs no more with 100,000 entries than with a few, though the oldest go all the time", () =>
    Effect.sync(() => {
      costOfAdding(1_000, 20_000)
      const few = costOfAdding(1_000, 20_000)
      const many = costOfAdding(100_000, 20_000)
      // Finding the first entry of a Map of this size took a hundred times as long.
      assert.isBelow(many, 20 * few + 5, `${many} and ${few} microseconds`)
    })
  )
})
