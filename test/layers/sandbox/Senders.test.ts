import { assert, it } from "@effect/vitest"
import { makeSenders } from "../../../src/layers/sandbox/Senders.ts"

const sender = (number: number) => ({ name: "Shop", email: `shop-${number}@example.com`, confirmed: true })

it("the senders of an account are bounded, and those of all accounts, and names are", () => {
  const senders = makeSenders()
  for (let account = 1; account <= 6; account++) {
    for (let number = 0; number < 10_001; number++) senders.add(account, sender(number))
  }
  const counts = Array.from({ length: 6 }, (_, index) => senders.list(index + 1).length)
  assert.deepStrictEqual(counts, [0, 10_000, 10_000, 10_000, 10_000, 10_000])
  assert.isUndefined(
    senders.list(6).find(({ email }) => email === "shop-0@example.com"),
    "the oldest went"
  )

  const { id } = senders.add(7, { ...sender(0), name: "x".repeat(1_000_000) })
  assert.strictEqual(senders.find(7, id)?.name.length, 1_000)
  assert.strictEqual(senders.add(7, sender(0)).id, id, "known already")
  assert.strictEqual(senders.list(2).length, 0, "the account without senders of late")
})
