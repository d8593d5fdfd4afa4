import { assert, describe, it } from "@effect/vitest"
import { Duration, Option, Redacted, Schema } from "effect"
import * as Formats from "../../../src/layers/config/formats.ts"

const decode = <A>(format: Formats.Format<A>, text: string): A | undefined =>
  Option.getOrUndefined(Schema.decodeOption(format.decoder)(text))

const seconds = (text: string) => {
  const value = decode(Formats.duration("100 ms", "1 day"), text)
  return value && Duration.toMillis(value) / 1000
}

const bytes = (text: string) => decode(Formats.size("1 KiB", "1 GiB"), text)

describe("formats", () => {
  it("durations are seconds or carry their unit", () => {
    const table: ReadonlyArray<readonly [string, number | undefined]> = [
      ["10", 10],
      ["0.5", 0.5],
      ["10s", 10],
      ["10 seconds", 10],
      ["1 second", 1],
      ["500ms", 0.5],
      ["5 minutes", 300],
      ["5 Min", 300],
      ["5m", 300],
      ["2 h", 7200],
      ["1 day", 86_400],
      ["99 ms", undefined],
      ["25 hours", undefined],
      ["-5", undefined],
      ["1e3", undefined],
      ["5 fortnights", undefined],
      ["ten", undefined],
      ["10 s s", undefined],
      ["", undefined],
      ["Infinity", undefined]
    ]
    for (const [text, expected] of table) assert.strictEqual(seconds(text), expected, text)
  })

  it("fractions are plain numbers up to 1, and never 0", () => {
    const table: ReadonlyArray<readonly [string, number | undefined]> = [
      ["0.5", 0.5],
      ["1", 1],
      ["1.0", 1],
      ["0.01", 0.01],
      ["0.009", undefined],
      ["0", undefined],
      ["1.01", undefined],
      [".5", undefined],
      ["50%", undefined],
      ["-0.5", undefined],
      ["", undefined]
    ]
    for (const [text, expected] of table) assert.strictEqual(decode(Formats.fraction, text), expected, text)
  })

  it("sizes are bytes or carry their unit", () => {
    const table: ReadonlyArray<readonly [string, number | undefined]> = [
      ["26214400", 26_214_400],
      ["25 MiB", 26_214_400],
      ["25MB", 25_000_000],
      ["2 kb", 2000],
      ["1.5 KiB", 1536],
      ["1 GiB", 1_073_741_824],
      ["2 KiB", 2048],
      ["2048 bytes", 2048],
      ["1023", undefined],
      ["2 GiB", undefined],
      ["25 M", undefined],
      ["25 MiB!", undefined],
      ["0x400", undefined]
    ]
    for (const [text, expected] of table) assert.strictEqual(bytes(text), expected, text)
  })

  it("booleans in every spelling", () => {
    for (const text of ["true", "TRUE", "yes", "On", "1"]) assert.isTrue(decode(Formats.boolean, text), text)
    for (const text of ["false", "False", "NO", "off", "0"]) assert.isFalse(decode(Formats.boolean, text), text)
    for (const text of ["2", "y", "ja", "truely"]) assert.isUndefined(decode(Formats.boolean, text), text)
  })

  it("whole numbers and ports", () => {
    assert.strictEqual(decode(Formats.wholeNumber(1, 100), "100"), 100)
    for (const text of ["0", "101", "1.0", "+5", "5 ", "0x10"]) {
      assert.isUndefined(decode(Formats.wholeNumber(1, 100), text), text)
    }
    assert.strictEqual(decode(Formats.port, "0"), 0)
    assert.strictEqual(decode(Formats.port, "65535"), 65_535)
    assert.isUndefined(decode(Formats.port, "65536"))
    assert.isUndefined(decode(Formats.port, "tcp://192.0.2.1:587"))
  })

  it("lists are trimmed, empty items ignored, one wrong item spoils it", () => {
    const ports = Formats.list(Formats.port, "ports")
    assert.deepStrictEqual(decode(ports, " 25 ,, 2525, "), [25, 2525])
    assert.isUndefined(decode(ports, "25, x"))
  })

  it("networks in CIDR notation, host bits cleared, bare addresses alone", () => {
    assert.strictEqual(decode(Formats.network, "10.1.2.3/8"), "10.0.0.0/8")
    assert.strictEqual(decode(Formats.network, "192.0.2.7"), "192.0.2.7/32")
    assert.strictEqual(decode(Formats.network, "2001:db8::1/32"), "2001:db8::/32")
    assert.strictEqual(decode(Formats.network, "::1"), "::1/128")
    for (const text of ["10.0.0.0/33", "10.0.0/8", "example.com", "10.0.0.0/", "::1/129", "10.0.0.0/8/8"]) {
      assert.isUndefined(decode(Formats.network, text), text)
    }
  })

  it("API addresses are https, http on this machine alone", () => {
    assert.strictEqual(decode(Formats.apiUrl, "https://api.example.com/"), "https://api.example.com")
    assert.strictEqual(decode(Formats.apiUrl, "https://api.example.com/base//"), "https://api.example.com/base")
    for (const host of ["localhost", "127.0.0.1", "127.8.9.10", "[::1]", "api.localhost"]) {
      assert.strictEqual(decode(Formats.apiUrl, `http://${host}:8025`), `http://${host}:8025`)
    }
    for (const text of [
      "http://api.example.com",
      "http://127.0.0.1.example.com",
      "http://localhost.example.com",
      "ftp://localhost",
      "api.example.com",
      "https://user:password@api.example.com",
      "https://api.example.com/?key=1"
    ]) {
      assert.isUndefined(decode(Formats.apiUrl, text), text)
    }
  })

  it("a proxy address comes out redacted", () => {
    const proxy = decode(Formats.proxyUrl, "http://user:password@proxy.example.com:3128")
    assert.strictEqual(String(proxy), "<redacted>")
    assert.strictEqual(proxy && Redacted.value(proxy), "http://user:password@proxy.example.com:3128")
    assert.isUndefined(decode(Formats.proxyUrl, "proxy.example.com:3128"))
  })

  it("a Redis address comes out redacted", () => {
    for (const text of [
      "redis://redis.example.com",
      "redis://redis.example.com:6379/2",
      "rediss://user:password@redis.example.com:6380/",
      "redis://:password@127.0.0.1"
    ]) {
      const redis = decode(Formats.redisUrl, text)
      assert.strictEqual(String(redis), "<redacted>")
      assert.strictEqual(redis && Redacted.value(redis), text)
    }
    for (const text of ["redis.example.com:6379", "http://redis.example.com", "redis://", "redis://host/name"]) {
      assert.isUndefined(decode(Formats.redisUrl, text), text)
    }
  })

  it("host names", () => {
    for (const text of ["smtp.example.com", "localhost", "my_pod-1", "a", "192.0.2.1"]) {
      assert.strictEqual(decode(Formats.hostName, text), text)
    }
    for (const text of ["", "-a", "a-", "a..b", "a b", "smtp.example.com.", "a\r\nb", "é", "a".repeat(254)]) {
      assert.isUndefined(decode(Formats.hostName, text), text)
    }
  })

  it("choices in any case, synonyms understood", () => {
    const level = Formats.choice(["INFO", "WARN"], { warning: "WARN" })
    assert.strictEqual(decode(level, "info"), "INFO")
    assert.strictEqual(decode(level, "Warning"), "WARN")
    assert.isUndefined(decode(level, "trace"))
    assert.isUndefined(decode(level, "constructor"))
  })
})
