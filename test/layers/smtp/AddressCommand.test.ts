import { assert, describe, it } from "@effect/vitest"
import { parseAddressCommand } from "../../../src/layers/smtp/AddressCommand.ts"

const mail = (line: string) => parseAddressCommand("MAIL FROM", line)
const rcpt = (line: string) => parseAddressCommand("RCPT TO", line)

describe("parseAddressCommand", () => {
  const accepted: ReadonlyArray<readonly [string, string]> = [
    ["MAIL FROM:<a@example.com>", "a@example.com"],
    ["mail from:<a@example.com>", "a@example.com"],
    ["MAIL FROM: <a@example.com>", "a@example.com"],
    ["MAIL FROM : <a@example.com>", "a@example.com"],
    ["MAIL  FROM:<a@example.com>", "a@example.com"],
    ["MAIL FROM:a@example.com", "a@example.com"],
    ["MAIL FROM: a@example.com SIZE=10", "a@example.com"],
    ["MAIL FROM:<a@example.com>SIZE=1", "a@example.com"],
    ["MAIL FROM:<a@example.com>  SIZE=1  BODY=8BITMIME", "a@example.com"],
    ["MAIL FROM:<>", ""],
    ["MAIL FROM:< >", ""],
    ["MAIL FROM:<@relay.example,@other.example:a@example.com>", "a@example.com"],
    ['MAIL FROM:<"john doe"@example.com>', '"john doe"@example.com'],
    ['MAIL FROM:<"a@b>c"@example.com> SIZE=5', '"a@b>c"@example.com'],
    ['MAIL FROM:"quoted"@example.com', '"quoted"@example.com'],
    ["MAIL FROM:<a_b@my_host.example.com>", "a_b@my_host.example.com"],
    ["MAIL FROM:<a@xn--bcher-kva.example>", "a@xn--bcher-kva.example"],
    ["MAIL FROM:<jörg@bücher.example>", "jörg@bücher.example"],
    ["MAIL FROM:<a.@example.com>", "a.@example.com"],
    ["MAIL FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"],
    ["MAIL FROM:<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"],
    ["MAIL FROM:<root@localhost>", "root@localhost"],
    ["MAIL FROM:<bounce+a=example.com@mail.example.com>", "bounce+a=example.com@mail.example.com"],
    ["MAIL FROM:<o'neil/x=y&z@example.com>", "o'neil/x=y&z@example.com"]
  ]
  for (const [line, address] of accepted) {
    it(`reads ${line}`, () => assert.strictEqual(mail(line)?.address, address))
  }

  const refused: ReadonlyArray<string> = [
    "MAIL",
    "MAIL FROM",
    "MAIL FROM:",
    "MAIL TO:<a@example.com>",
    "MAIL FROM <a@example.com>",
    "MAIL FROM:<a@example.com",
    "MAIL FROM:<a b@example.com>",
    "MAIL FROM:<a@>",
    "MAIL FROM:<@example.com>",
    "MAIL FROM:<a>",
    "MAIL FROM:<a@b@example.com>",
    "MAIL FROM:<a@example..com>",
    "MAIL FROM:<a@.example.com>",
    "MAIL FROM:<a@exa mple.com>",
    "MAIL FROM:<a@[300.0.0.1]>",
    "MAIL FROM:<a\u0000@example.com>",
    "MAIL FROM:<a\r@example.com>",
    "MAIL FROM:<a\u200b@example.com>",
    "MAIL FROM:<a\ufffd@example.com>",
    "MAIL FROM:<a@example.com> =x",
    "MAIL FROM:<a@example.com> SI!ZE=1",
    `MAIL FROM:<${"a".repeat(400)}@example.com>`
  ]
  for (const line of refused) {
    it(`refuses ${JSON.stringify(line).slice(0, 60)}`, () => assert.isUndefined(mail(line)))
  }

  it("wants a recipient, but takes postmaster without a domain", () => {
    assert.isUndefined(rcpt("RCPT TO:<>"))
    assert.strictEqual(rcpt("RCPT TO:<Postmaster>")?.address, "Postmaster")
    assert.strictEqual(rcpt("rcpt to:b@example.com")?.address, "b@example.com")
  })

  it("collects parameters in upper case, with and without value", () => {
    const parsed = mail("MAIL FROM:<a@example.com> size=10 SMTPUTF8 AUTH=<>")
    assert.deepStrictEqual(
      [...(parsed?.parameters ?? [])],
      [
        ["SIZE", "10"],
        ["SMTPUTF8", true],
        ["AUTH", "<>"]
      ]
    )
    assert.isUndefined(parsed?.duplicate)
  })

  it("names a parameter that came twice", () => {
    assert.strictEqual(mail("MAIL FROM:<a@example.com> SIZE=1 size=2")?.duplicate, "SIZE")
  })
})
