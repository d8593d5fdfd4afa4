import { assert, describe, it } from "@effect/vitest"
import { aRequest, type MailOptions, NOW, requestOf } from "../../kit/MigrationKit.ts"

const smtpapi = (value: unknown, mail?: MailOptions) => requestOf([["X-SMTPAPI", JSON.stringify(value)]], mail)

const filter = (name: string, settings: unknown) => smtpapi({ filters: { [name]: { settings } } })

const SEVERAL = { recipients: ["a@example.com", "b@example.com"] }

describe("X-SMTPAPI", () => {
  it("is read whole, as SendGrid's libraries write it", () => {
    const header = {
      to: ["Ben <ben@example.com>", "joe@EXAMPLE.com"],
      category: ["Orders", "Größe"],
      unique_args: { orderNumber: "12345", eventID: 6789, vip: true },
      filters: {
        clicktrack: { settings: { enable: 1, enable_text: false } },
        opentrack: { settings: { enable: 0 } },
        footer: { settings: { enable: 0 } }
      },
      sub: {},
      section: {},
      send_at: NOW / 1_000 - 60,
      asm_group_id: null
    }
    assert.deepStrictEqual(
      smtpapi(header, { recipients: ["joe@example.com", "ben@example.com"] }),
      aRequest({
        tags: ["Orders", "Größe"],
        customData: [
          { name: "X-Metadata-orderNumber", value: "12345" },
          { name: "X-Metadata-eventID", value: "6789" },
          { name: "X-Metadata-vip", value: "true" }
        ],
        trackClicksHtml: true,
        trackClicksText: false,
        trackOpens: false
      })
    )
  })

  it("takes one category as text", () => {
    assert.deepStrictEqual(smtpapi({ category: "newuser" }).tags, ["newuser"])
  })

  it("names what Cakemail cannot do", () => {
    const header = {
      sub: { "%name%": ["Ben"] },
      section: { "%one%": "Section" },
      send_at: NOW / 1_000 + 60,
      send_each_at: [NOW / 1_000 - 60, NOW / 1_000 + 60],
      asm_group_id: 7,
      asm: { group_id: 7 },
      ip_pool: "marketing",
      batch_id: "b1",
      filters: { footer: { settings: { enable: 1 } }, templates: { settings: { enable: "1" } } },
      "new<key>": 1
    }
    assert.deepStrictEqual(
      smtpapi(header, SEVERAL),
      aRequest({
        lost: [
          "X-SMTPAPI send_at",
          "X-SMTPAPI send_each_at",
          "X-SMTPAPI asm_group_id",
          "X-SMTPAPI asm",
          "X-SMTPAPI ip_pool",
          "X-SMTPAPI batch_id",
          "X-SMTPAPI filters.footer",
          "X-SMTPAPI filters.templates",
          "X-SMTPAPI new?key?",
          "X-SMTPAPI sub",
          "X-SMTPAPI section"
        ]
      })
    )
  })

  describe("substitution", () => {
    const MAIL = { subject: "Hello -name-", text: "Dear -name-, -offer-", html: "<p>-name-: -offer-</p>" }
    const HEADER = {
      to: ["Ann <ann@example.com>", "ben@example.com"],
      sub: { "-name-": ["Ann", "Ben"], "-offer-": [":none", ":one"] },
      section: { ":none": "nothing", ":one": "one for -name-" }
    }

    it("takes what `to` gives the recipient, sections included", () => {
      assert.deepStrictEqual(
        smtpapi(HEADER, { ...MAIL, recipients: ["ben@EXAMPLE.com"] }),
        aRequest({
          content: { subject: "Hello Ben", text: "Dear Ben, one for Ben", html: "<p>Ben: one for Ben</p>" },
          lost: ["X-SMTPAPI to"]
        })
      )
    })

    it("needs no `to` where there is one value", () => {
      assert.deepStrictEqual(
        smtpapi({ sub: { "-name-": ["Ann"], "-offer-": 7 } }, { text: "-name- -offer-" }).content,
        { subject: "", text: "Ann 7", html: undefined }
      )
    })

    it("never takes what is another's", () => {
      for (const header of [
        { ...HEADER, to: [] },
        { ...HEADER, section: {} }
      ]) {
        const { content, lost } = smtpapi(header, MAIL)
        assert.isUndefined(content)
        assert.includeMembers([...lost], ["X-SMTPAPI sub -name-", "X-SMTPAPI sub -offer-"])
      }
    })

    it("is lost in a mail for several, and where nobody can read it", () => {
      assert.deepStrictEqual(smtpapi(HEADER, { ...MAIL, recipients: ["ann@example.com", "ben@example.com"] }), {
        ...aRequest(),
        lost: ["X-SMTPAPI sub", "X-SMTPAPI section"]
      })
      assert.deepStrictEqual(smtpapi({ sub: ["a"], section: "b" }).lost, ["X-SMTPAPI sub", "X-SMTPAPI section"])
      assert.deepStrictEqual(smtpapi({ sub: { "": ["a"], b: [{}], c: [null] } }, { text: "bc" }), {
        ...aRequest(),
        lost: ["X-SMTPAPI sub", "X-SMTPAPI sub b", "X-SMTPAPI sub c"]
      })
    })

    it("of several headers is added up, and the first says what stands for a placeholder", () => {
      const header = (from: number, value: string) => {
        const placeholders = Array.from({ length: 30 }, (_, index) => [`-${from + index}-`, [value]])
        return ["X-SMTPAPI", JSON.stringify({ sub: Object.fromEntries(placeholders) })] as const
      }
      const { content, lost } = requestOf([header(0, "one"), header(25, "two")], { text: "-0- -25- -45- -54-" })
      assert.strictEqual(content?.text, "one one two -54-")
      assert.deepStrictEqual(lost, ["X-SMTPAPI (more than 50 placeholders)"])
    })

    it("is bounded", () => {
      const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`-${index}-`, ["v"]]))
      assert.deepStrictEqual(smtpapi({ sub: many }).lost, ["X-SMTPAPI sub (more than 50 placeholders)"])
      const { content, lost } = smtpapi({ sub: { "-": ["0".repeat(16_000)] } }, { text: "-".repeat(100_000) })
      assert.isUndefined(content)
      assert.deepStrictEqual(lost, ["substitution (the mail is too long)"])
      const long = "x".repeat(65)
      assert.deepStrictEqual(smtpapi({ sub: { [long]: ["v"] } }).lost, [`X-SMTPAPI sub ${long.slice(0, 40)}`])
      const section = { s: "v".repeat(16_000) }
      assert.deepStrictEqual(smtpapi({ sub: { "-a-": ["s"], "-b-": ["s"] }, section }).lost, ["X-SMTPAPI sub -b-"])
    })
  })

  it("does not decide who gets a mail: recipients that RCPT TO does not have are lost", () => {
    for (const to of [["ben@example.com"], "ben@example.com", ["to@example.com", "Ben <ben@example.com>"], [{}]]) {
      assert.deepStrictEqual(smtpapi({ to }), aRequest({ lost: ["X-SMTPAPI to"] }))
    }
    assert.deepStrictEqual(smtpapi({ to: [] }), aRequest())
    assert.deepStrictEqual(
      smtpapi({ to: ["to@example.com"] }, { recipients: ["to@example.com", "b@example.com"] }),
      aRequest()
    )
  })

  it("tracks clicks in text only where it says so", () => {
    const clicks = (settings: unknown) => {
      const { trackClicksHtml, trackClicksText } = filter("clicktrack", settings)
      return [trackClicksHtml, trackClicksText]
    }
    assert.deepStrictEqual(clicks({ enable: 1 }), [true, undefined])
    assert.deepStrictEqual(clicks({ enable: "1", enable_text: true }), [true, true])
    assert.deepStrictEqual(clicks({ enable: 1, enable_text: 0 }), [true, false])
    assert.deepStrictEqual(clicks({ enable: 0, enable_text: 1 }), [false, false])
  })

  it("leaves tracking as it is where a filter does not say whether it is on", () => {
    const filters = { clicktrack: { enable: 1 }, opentrack: { settings: { enable: "maybe" } } }
    assert.deepStrictEqual(
      smtpapi({ filters }),
      aRequest({
        lost: ["X-SMTPAPI filters.clicktrack (neither yes nor no)", "X-SMTPAPI filters.opentrack (neither yes nor no)"]
      })
    )
  })

  it("that nobody can read is named, and asks for nothing", () => {
    for (const value of ["{", "[]", "null", "7", '"category"', "{category: 'a'}", "{}extra"]) {
      assert.deepStrictEqual(
        requestOf([["X-SMTPAPI", value]]),
        aRequest({ lost: ["X-SMTPAPI (no JSON object)"] }),
        value
      )
    }
    assert.deepStrictEqual(smtpapi({ unique_args: ["a"] }).lost, ["X-SMTPAPI unique_args"])
    assert.deepStrictEqual(smtpapi({ filters: "all" }).lost, ["X-SMTPAPI filters"])
    assert.deepStrictEqual(smtpapi({ send_at: "tomorrow" }).lost, ["X-SMTPAPI send_at (no date)"])
  })

  it("converts nothing that its sender could make trip", () => {
    const trap = { toString: 1, valueOf: 1, toJSON: 1 }
    const request = smtpapi({
      category: [trap],
      to: [trap],
      send_at: trap,
      unique_args: { a: trap },
      filters: { opentrack: { settings: { enable: trap } } }
    })
    assert.deepStrictEqual(request.lost, [
      "X-SMTPAPI to",
      "X-SMTPAPI send_at (no date)",
      "X-SMTPAPI filters.opentrack (neither yes nor no)"
    ])
    const deep = `{"unique_args": {"a": ${"[".repeat(50_000)}${"]".repeat(50_000)}}}`
    assert.deepStrictEqual(requestOf([["X-SMTPAPI", deep]]).customData, [])
  })

  it("carries as much custom data as a mail can take", () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`key${index}`, "v"]))
    const request = smtpapi({ unique_args: many })
    assert.strictEqual(request.customData.length, 50)
    assert.deepStrictEqual(request.lost, ["X-SMTPAPI (more than 50 entries)"])
    assert.deepStrictEqual(smtpapi({ unique_args: { a: "x".repeat(901), ["k".repeat(65)]: "v" } }).lost, [
      "X-SMTPAPI a (too long)",
      `X-SMTPAPI ${"k".repeat(40)} (too long)`
    ])
    assert.deepStrictEqual(smtpapi({ unique_args: { "a b:": "one\r\nBcc: two", c: "", d: null, e: { f: 1 } } }), {
      ...aRequest(),
      customData: [
        { name: "X-Metadata-a-b-", value: "one Bcc: two" },
        { name: "X-Metadata-e", value: '{"f":1}' }
      ]
    })
  })

  it("has no more than fifty tags", () => {
    const many = Array.from({ length: 3_000 }, (_, index) => `tag${index}`)
    const { lost, tags } = smtpapi({ category: many })
    assert.deepStrictEqual(tags, many.slice(0, 50))
    assert.deepStrictEqual(lost, ["X-SMTPAPI (more than 50 tags)"])
  })

  it("loses no more than twenty things by name", () => {
    const unknown = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`key${index}`, 1]))
    const { lost } = smtpapi(unknown)
    assert.strictEqual(lost.length, 21)
    assert.strictEqual(lost.at(-1), "10 more")
  })
})
