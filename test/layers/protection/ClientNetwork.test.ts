import { assert, describe, it } from "@effect/vitest"
import { makeClientNetworks } from "../../../src/layers/protection/ClientNetwork.ts"

describe("makeClientNetworks", () => {
  const networkOf = makeClientNetworks([])

  it("counts an IPv4 address for itself", () => {
    assert.deepStrictEqual(networkOf("192.0.2.1"), { key: "192.0.2.1", trusted: false })
    assert.notStrictEqual(networkOf("192.0.2.2").key, networkOf("192.0.2.1").key)
  })

  it("counts IPv4 written as IPv6 as IPv4", () => {
    for (const mapped of ["::ffff:192.0.2.1", "::FFFF:192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:ffff:c000:0201"]) {
      assert.strictEqual(networkOf(mapped).key, "192.0.2.1", mapped)
    }
  })

  it("counts IPv6 by /64", () => {
    const { key } = networkOf("2001:db8:1:2::1")
    for (const same of ["2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:0DB8:0001:0002::", "2001:db8:1:2::1%eth0"]) {
      assert.strictEqual(networkOf(same).key, key, same)
    }
    for (const other of ["2001:db8:1:3::1", "2001:db8:0:2::1", "::1"]) {
      assert.notStrictEqual(networkOf(other).key, key, other)
    }
  })

  it("what is no address is counted by its text, cut short", () => {
    assert.deepStrictEqual(networkOf(""), { key: "", trusted: false })
    assert.strictEqual(networkOf("unknown").key, "unknown")
    assert.isAtMost(networkOf("x".repeat(10_000)).key.length, 64)
  })

  it("knows trusted networks of both families, in any spelling", () => {
    const trusting = makeClientNetworks(["10.0.0.0/8", "2001:db8:1::/48", "::1/128", "::ffff:172.16.0.0/108"])
    for (const inside of ["10.255.0.1", "::ffff:10.1.2.3", "2001:db8:1:ffff::9", "::1", "172.16.0.1", "fe80::1%eth0"]) {
      assert.strictEqual(trusting(inside).trusted, !inside.startsWith("fe80"), inside)
    }
    for (const outside of ["11.0.0.1", "::ffff:9.255.255.255", "2001:db8:2::1", "::2", "172.32.0.1", "x"]) {
      assert.isFalse(trusting(outside).trusted, outside)
    }
  })

  it("says the same after thousands of others", () => {
    const trusting = makeClientNetworks(["10.0.0.0/8"])
    const before = trusting("10.0.0.1")
    for (let i = 0; i < 10_000; i++) trusting(`192.0.${i >> 8}.${i & 255}`)
    assert.deepStrictEqual(trusting("10.0.0.1"), before)
    assert.strictEqual(trusting("192.0.0.1").key, "192.0.0.1")
  })
})
