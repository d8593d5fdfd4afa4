import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  MAX_BINARY_PAYLOAD,
  MAX_TEXT_LENGTH,
  parseProxyHeader,
  type ProxyHeader,
  startsLikeProxyHeader
} from "../../../src/layers/smtp/ProxyHeader.ts"

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n"

const octets = (text: string): Buffer => Buffer.from(text, "latin1")

const binary = (command: number, family: number, payload: Buffer, length = payload.length): Buffer => {
  const start = Buffer.alloc(16)
  start.write(SIGNATURE, "latin1")
  start.writeUInt8(command, 12)
  start.writeUInt8(family, 13)
  start.writeUInt16BE(length, 14)
  return Buffer.concat([start, payload])
}

const portsOf = (source: number, destination: number): Buffer => {
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source, 0)
  ports.writeUInt16BE(destination, 2)
  return ports
}

const IPV4_PAYLOAD = Buffer.concat([Buffer.from([192, 0, 2, 1, 198, 51, 100, 7]), portsOf(51_000, 587)])
const IPV6_PAYLOAD = Buffer.concat([
  Buffer.from("20010db8000000000000000000000001", "hex"),
  Buffer.from("00000000000000000000000000000001", "hex"),
  portsOf(51_000, 465)
])
/** One TLV field, of a type that nobody knows. */
const TLV = Buffer.from([0xe0, 0, 3, 1, 2, 3])

const forwarded = (header: ProxyHeader) =>
  header._tag === "Forwarded"
    ? [header.source.address, header.source.port, header.destination.address, header.destination.port]
    : header

const VALID: ReadonlyArray<readonly [name: string, header: Buffer, expected: unknown]> = [
  ["TCP4", octets("PROXY TCP4 192.0.2.1 198.51.100.7 51000 587\r\n"), ["192.0.2.1", 51_000, "198.51.100.7", 587]],
  ["TCP6", octets("PROXY TCP6 2001:DB8:0::1 ::1 0 65535\r\n"), ["2001:db8::1", 0, "::1", 65_535]],
  ["TCP6 with a mapped address", octets("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), ["192.0.2.1", 1, "::1", 2]],
  ["UNKNOWN", octets("PROXY UNKNOWN\r\n"), { _tag: "Local", length: 15 }],
  ["UNKNOWN with a rest", octets(`PROXY UNKNOWN ${"f".repeat(91)}\r\n`), { _tag: "Local", length: MAX_TEXT_LENGTH }],
  ["binary IPv4", binary(0x21, 0x11, IPV4_PAYLOAD), ["192.0.2.1", 51_000, "198.51.100.7", 587]],
  ["binary IPv6", binary(0x21, 0x21, IPV6_PAYLOAD), ["2001:db8::1", 51_000, "::1", 465]],
  [
    "binary IPv6 with a mapped address",
    binary(
      0x21,
      0x21,
      Buffer.concat([Buffer.from("00000000000000000000ffffc0000201", "hex"), Buffer.alloc(16), portsOf(1, 2)])
    ),
    ["192.0.2.1", 1, "::", 2]
  ],
  [
    "binary IPv4 with TLV fields",
    binary(0x21, 0x11, Buffer.concat([IPV4_PAYLOAD, TLV])),
    ["192.0.2.1", 51_000, "198.51.100.7", 587]
  ],
  ["binary unix socket", binary(0x21, 0x31, Buffer.alloc(216)), { _tag: "Local", length: 232 }],
  ["binary without a family", binary(0x21, 0x00, Buffer.alloc(0)), { _tag: "Local", length: 16 }],
  ["binary LOCAL", binary(0x20, 0x00, Buffer.alloc(0)), { _tag: "Local", length: 16 }],
  ["binary LOCAL with any family", binary(0x20, 0xff, TLV), { _tag: "Local", length: 22 }],
  [
    "the longest binary header",
    binary(0x21, 0x11, Buffer.concat([IPV4_PAYLOAD, Buffer.alloc(MAX_BINARY_PAYLOAD - 12)])),
    ["192.0.2.1", 51_000, "198.51.100.7", 587]
  ]
]

const INVALID: ReadonlyArray<readonly [name: string, header: Buffer]> = [
  ["an SMTP command", octets("EHLO client.example.com\r\n")],
  ["a TLS handshake", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00])],
  ["lower case", octets("proxy TCP4 192.0.2.1 198.51.100.7 1 2\r\n")],
  ["no blank behind PROXY", octets("PROXYTCP4 192.0.2.1 198.51.100.7 1 2\r\n")],
  ["two blanks", octets("PROXY  TCP4 192.0.2.1 198.51.100.7 1 2\r\n")],
  ["a blank at the end", octets("PROXY TCP4 192.0.2.1 198.51.100.7 1 2 \r\n")],
  ["a tab", octets("PROXY TCP4\t192.0.2.1 198.51.100.7 1 2\r\n")],
  ["LF alone", octets("PROXY TCP4 192.0.2.1 198.51.100.7 1 2\n")],
  ["CR alone", octets("PROXY TCP4 192.0.2.1 198.51.100.7 1 2\rEHLO")],
  ["no protocol", octets("PROXY \r\n")],
  ["an unknown protocol", octets("PROXY UDP4 192.0.2.1 198.51.100.7 1 2\r\n")],
  ["UNKNOWN glued to more", octets("PROXY UNKNOWNS\r\n")],
  ["a missing port", octets("PROXY TCP4 192.0.2.1 198.51.100.7 1\r\n")],
  ["a word too many", octets("PROXY TCP4 192.0.2.1 198.51.100.7 1 2 3\r\n")],
  ["IPv6 as TCP4", octets("PROXY TCP4 2001:db8::1 ::1 1 2\r\n")],
  ["IPv4 as TCP6", octets("PROXY TCP6 192.0.2.1 198.51.100.7 1 2\r\n")],
  ["families mixed", octets("PROXY TCP4 192.0.2.1 ::1 1 2\r\n")],
  ["a zone", octets("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n")],
  ["a leading zero in an address", octets("PROXY TCP4 192.0.02.1 198.51.100.7 1 2\r\n")],
  ["three numbers", octets("PROXY TCP4 192.0.2 198.51.100.7 1 2\r\n")],
  ["a number over 255", octets("PROXY TCP4 192.0.2.256 198.51.100.7 1 2\r\n")],
  ["a host name", octets("PROXY TCP4 client.example.com 198.51.100.7 1 2\r\n")],
  ["a leading zero in a port", octets("PROXY TCP4 192.0.2.1 198.51.100.7 01 2\r\n")],
  ["a port over 65535", octets("PROXY TCP4 192.0.2.1 198.51.100.7 1 65536\r\n")],
  ["a negative port", octets("PROXY TCP4 192.0.2.1 198.51.100.7 -1 2\r\n")],
  ["a port in words", octets("PROXY TCP4 192.0.2.1 198.51.100.7 smtp 2\r\n")],
  ["NUL in the line", octets("PROXY TCP4 192.0.2.1\0 198.51.100.7 1 2\r\n")],
  ["a line of 108 octets", octets(`PROXY UNKNOWN ${"f".repeat(92)}\r\n`)],
  ["107 octets without an end", octets(`PROXY UNKNOWN ${"f".repeat(93)}`)],
  ["another signature", octets("\r\n\r\n\0\r\nQUIX\n\x21\x11\0\0")],
  ["binary version 1", binary(0x11, 0x11, IPV4_PAYLOAD)],
  ["binary version 3", binary(0x31, 0x11, IPV4_PAYLOAD)],
  ["a binary command that does not exist", binary(0x22, 0x11, IPV4_PAYLOAD)],
  ["a binary family that does not exist", binary(0x21, 0x41, IPV4_PAYLOAD)],
  ["a binary transport that does not exist", binary(0x21, 0x13, IPV4_PAYLOAD)],
  ["datagrams", binary(0x21, 0x12, IPV4_PAYLOAD)],
  ["binary IPv4 too short", binary(0x21, 0x11, IPV4_PAYLOAD.subarray(0, 11))],
  ["binary IPv6 too short", binary(0x21, 0x21, IPV6_PAYLOAD.subarray(0, 35))],
  ["a unix socket too short", binary(0x21, 0x31, Buffer.alloc(215))],
  ["a binary header past the limit", binary(0x21, 0x11, IPV4_PAYLOAD, MAX_BINARY_PAYLOAD + 1)],
  ["a binary LOCAL past the limit", binary(0x20, 0x00, Buffer.alloc(0), 65_535)]
]

describe("parseProxyHeader", () => {
  for (const [name, header, expected] of VALID) {
    it(`reads ${name}, and no octet before the last one is enough`, () => {
      assert.deepStrictEqual(forwarded(parseProxyHeader(header)), expected)
      for (let known = 0; known < header.length; known++) {
        assert.strictEqual(parseProxyHeader(header.subarray(0, known))._tag, "Incomplete", `${known} octets`)
      }
    })

    it(`leaves what follows ${name}`, () => {
      const parsed = parseProxyHeader(Buffer.concat([header, octets("EHLO client.example.com\r\n")]))
      assert.deepStrictEqual(forwarded(parsed), expected)
      assert.strictEqual("length" in parsed && parsed.length, header.length)
    })
  }

  for (const [name, header] of INVALID) {
    it(`refuses ${name}, and does not change its mind`, () => {
      assert.strictEqual(parseProxyHeader(header)._tag, "Invalid")
      let invalid = false
      for (let known = 0; known <= header.length; known++) {
        const { _tag } = parseProxyHeader(header.subarray(0, known))
        assert.strictEqual(_tag, invalid || _tag === "Invalid" ? "Invalid" : "Incomplete", `${known} octets`)
        invalid = _tag === "Invalid"
      }
    })
  }

  it("tells nonsense from its first octet", () => {
    for (const first of ["E", "p", "\0", "\n", "\x16"]) {
      assert.strictEqual(parseProxyHeader(octets(first))._tag, "Invalid")
    }
    assert.strictEqual(parseProxyHeader(octets("P"))._tag, "Incomplete")
    assert.strictEqual(parseProxyHeader(octets("\r"))._tag, "Incomplete")
  })

  const port = fc.integer({ min: 0, max: 65_535 })
  const ipv4 = fc.ipV4()
  const ipv6 = fc.ipV6()

  it("reads back any version 1 header", () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6)), port, port, fc.string(), (pair, s, d, rest) => {
        const [source, destination] = pair
        const line = `PROXY ${source.includes(":") ? "TCP6" : "TCP4"} ${source} ${destination} ${s} ${d}\r\n`
        const parsed = parseProxyHeader(octets(line + rest))
        assert.isTrue(parsed._tag === "Forwarded")
        if (parsed._tag !== "Forwarded") return
        assert.strictEqual(parsed.length, line.length)
        assert.deepStrictEqual([parsed.source.port, parsed.destination.port], [s, d])
        if (!source.includes(":")) assert.strictEqual(parsed.source.address, source)
        // The canonical address is an address of the same meaning: it reads back as itself.
        const again = parsed.source.address
        const family = again.includes(":") ? "TCP6" : "TCP4"
        const same = parseProxyHeader(octets(`PROXY ${family} ${again} ${again} 1 2\r\n`))
        assert.isTrue(same._tag === "Forwarded" && same.source.address === again)
      })
    )
  })

  it("reads back any version 2 header, whatever its TLV fields", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        port,
        port,
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 50 }),
        (addresses, s, d, fields, rest) => {
          const header = binary(0x21, 0x11, Buffer.concat([addresses, portsOf(s, d), fields]))
          assert.deepStrictEqual(parseProxyHeader(Buffer.concat([header, rest])), {
            _tag: "Forwarded",
            length: header.length,
            source: { address: addresses.slice(0, 4).join("."), port: s },
            destination: { address: addresses.slice(4).join("."), port: d }
          })
        }
      )
    )
  })

  it("never throws, waits for a bounded number of octets only, and never takes more than there are", () => {
    const start = fc.constantFrom("", "PROXY ", "PROXY TCP4 ", "PROXY UNKNOWN", SIGNATURE, `${SIGNATURE}\x21\x11\0`)
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (begin, rest) => {
        const garbage = Buffer.concat([octets(begin), rest])
        const parsed = parseProxyHeader(garbage)
        if ("length" in parsed) assert.isAtMost(parsed.length, garbage.length)
        if (parsed._tag === "Incomplete" && garbage[0] !== 0x0d) {
          assert.isBelow(garbage.length, MAX_TEXT_LENGTH)
        }
        const long = parseProxyHeader(Buffer.concat([garbage, Buffer.alloc(16 + MAX_BINARY_PAYLOAD)]))
        assert.notStrictEqual(long._tag, "Incomplete")
      }),
      { numRuns: 1_000 }
    )
  })
})

describe("startsLikeProxyHeader", () => {
  it("knows both versions and nothing else", () => {
    assert.isTrue(startsLikeProxyHeader(octets("PROXY TCP4 192.0.2.1 ...")))
    assert.isTrue(startsLikeProxyHeader(binary(0x21, 0x11, IPV4_PAYLOAD)))
    assert.isFalse(startsLikeProxyHeader(octets("PROXY")))
    assert.isFalse(startsLikeProxyHeader(octets("PROXYING\r\n")))
    assert.isFalse(startsLikeProxyHeader(octets("EHLO client.example.com\r\n")))
    assert.isFalse(startsLikeProxyHeader(octets("")))
  })
})
