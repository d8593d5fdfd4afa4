import { assert, describe, it } from "@effect/vitest"
import { networkMembership, readAddress } from "../../src/domain/networks.ts"

describe("networkMembership", () => {
  const isTrusted = networkMembership([
    "10.1.0.0/16",
    "192.0.2.7/32",
    "2001:db8::/32",
    "fe80::/10",
    "::ffff:172.16.0.0/108"
  ])
  const cases: ReadonlyArray<readonly [address: string, inside: boolean]> = [
    ["10.1.0.0", true],
    ["10.1.255.255", true],
    ["10.2.0.0", false],
    ["10.0.255.255", false],
    ["192.0.2.7", true],
    ["192.0.2.6", false],
    ["::ffff:10.1.2.3", true],
    ["::ffff:a01:203", true],
    ["::ffff:10.2.2.3", false],
    ["172.31.0.1", true],
    ["::ffff:172.31.0.1", true],
    ["172.32.0.1", false],
    ["2001:db8:ffff::1", true],
    ["2001:DB8::1", true],
    ["2001:db9::1", false],
    ["fe80::1%eth0", true],
    ["", false],
    ["localhost", false],
    ["10.1.2", false]
  ]
  for (const [address, inside] of cases) {
    it(`${address || "an empty text"} is ${inside ? "inside" : "outside"}`, () => {
      assert.strictEqual(isTrusted(readAddress(address)), inside)
    })
  }

  it("without networks nothing is inside, and 0.0.0.0/0 holds IPv4 alone", () => {
    assert.isFalse(networkMembership([])(readAddress("10.1.0.0")))
    const all4 = networkMembership(["0.0.0.0/0"])
    assert.isTrue(all4(readAddress("203.0.113.9")))
    assert.isFalse(all4(readAddress("2001:db8::1")))
  })
})
