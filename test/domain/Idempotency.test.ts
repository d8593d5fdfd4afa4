import { assert, describe, it } from "@effect/vitest"
import { idempotencyOf } from "../../src/domain/Idempotency.ts"
import { anAttachment, anEmail } from "../kit/mail.ts"

const TO = ["recipient@example.org"]

const withHeaders = (...pairs: ReadonlyArray<readonly [string, string]>) =>
  anEmail({ headers: pairs.map(([name, value]) => ({ name, value })) })

const keyOf = (...pairs: ReadonlyArray<readonly [string, string]>) => idempotencyOf(withHeaders(...pairs), TO)?.key

const contentOf = (given: Parameters<typeof anEmail>[0]) =>
  idempotencyOf(anEmail({ headers: [{ name: "Idempotency-Key", value: "k" }], ...given }), TO)?.content

describe("the key", () => {
  it("comes from each of its headers, whatever their case", () => {
    for (const name of ["Idempotency-Key", "x-idempotency-key", "RESEND-IDEMPOTENCY-KEY"]) {
      assert.deepStrictEqual(keyOf(["X-Other", "1"], [name, " welcome-user/1 "]), ["", "welcome-user/1"])
    }
  })

  it("is none when there is nothing in it or too much", () => {
    assert.isUndefined(keyOf(["X-Idempotent", "k"]))
    assert.isUndefined(keyOf(["Idempotency-Key", "  "]))
    assert.isUndefined(keyOf(["Idempotency-Key", "k".repeat(257)]))
    assert.deepStrictEqual(keyOf(["Idempotency-Key", "k".repeat(256)]), ["", "k".repeat(256)])
    assert.deepStrictEqual(keyOf(["Idempotency-Key", ""], ["Resend-Idempotency-Key", "k"]), ["", "k"])
  })

  it("belongs to the account that the mail names", () => {
    assert.notDeepEqual(keyOf(["Idempotency-Key", "k"], ["X-Account-Id", "7"]), keyOf(["Idempotency-Key", "k"]))
  })
})

describe("the content", () => {
  const mail = { html: '<img src="cid:logo@1">', attachments: [anAttachment()] }

  it("stays the same when the mail is built anew", () => {
    const anew = { ...mail, html: '<img src="cid:logo@2">', messageId: "<other@example.com>", to: [] }
    assert.deepStrictEqual(contentOf(anew), contentOf(mail))
  })

  it("differs with everything that a reader sees", () => {
    const others: ReadonlyArray<Parameters<typeof anEmail>[0]> = [
      { ...mail, subject: "Bye" },
      { ...mail, text: "Good evening" },
      { ...mail, html: "<p>Hello</p>" },
      { ...mail, from: { address: "other@example.com", name: "" } },
      { ...mail, from: { address: "sender@example.com", name: "Sender" } },
      { ...mail, attachments: [] },
      { ...mail, attachments: [anAttachment({ content: "other" })] },
      { ...mail, attachments: [anAttachment({ fileName: "other.pdf" })] },
      { ...mail, attachments: [anAttachment(), anAttachment()] }
    ]
    for (const other of others) assert.notDeepEqual(contentOf(other), contentOf(mail))
  })
})
