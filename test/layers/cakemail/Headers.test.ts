import { assert, describe, it } from "@effect/vitest"
import { passedOnHeaders, readControls } from "../../../src/layers/cakemail/Headers.ts"
import { anEmail } from "../../kit/mail.ts"

const withHeaders = (...pairs: ReadonlyArray<readonly [string, string]>) =>
  anEmail({ headers: pairs.map(([name, value]) => ({ name, value })), messageId: undefined })

const never = () => "<made@example.com>"

const namesPassed = (...names: ReadonlyArray<string>) =>
  passedOnHeaders(withHeaders(["Message-ID", "<1@example.com>"], ...names.map((name) => [name, "v"] as const)), never)
    .map(({ name }) => name)
    .slice(1)

describe("passedOnHeaders", () => {
  it("passes on what concerns the reader", () => {
    const names = ["Reply-To", "in-reply-to", "References", "Date", "Sender", "Auto-Submitted", "Precedence"].concat([
      "Importance",
      "Priority",
      "List-Id",
      "List-Unsubscribe",
      "X-Anything",
      "x-priority"
    ])
    assert.deepStrictEqual(namesPassed(...names), names)
  })

  it("holds back the envelope, the MIME structure and what steers the gateway", () => {
    const names = ["From", "To", "Cc", "Bcc", "Resent-Bcc", "Subject", "Return-Path", "Received", "DKIM-Signature"]
      .concat(["Content-Type", "Content-Transfer-Encoding", "MIME-Version", "X-Account-Id", "x-sender-id", "X-List-Id"])
      .concat(["X-Email-Api-Type", "X-Email-Api-Enabled", "X-Tags", "X-Track-Opens", "X-Track-Clicks-Html"])
      .concat(["X-Track-Clicks-Text", "X-Group-Id", "X-Idempotency-Key", "X-SMTPAPI", "x-mc-tags", "X-MC-Anything"])
      .concat(["X-Mailgun-Tag", "X-Mailgun-Sid", "X-SES-CONFIGURATION-SET", "X-PM-Tag", "X-Pm-Metadata-Order"])
    assert.deepStrictEqual(namesPassed(...names), [])
  })

  it("makes every value one line, drops empty ones and odd names", () => {
    const email = withHeaders(
      ["X-A", "one\r\nBcc: two@example.com\0"],
      ["X-B", " \t "],
      ["X C", "v"],
      ["X-D:", "v"],
      ["X-É", "v"],
      ["Message-ID", "<1@example.com>"]
    )
    assert.deepStrictEqual(passedOnHeaders(email, never), [
      { name: "X-A", value: "one Bcc: two@example.com" },
      { name: "Message-ID", value: "<1@example.com>" }
    ])
  })

  it("has exactly one Message-ID", () => {
    const twice = withHeaders(["Message-ID", "<1@example.com>"], ["message-id", "<2@example.com>"])
    assert.deepStrictEqual(passedOnHeaders(twice, never), [{ name: "Message-ID", value: "<1@example.com>" }])
    assert.deepStrictEqual(passedOnHeaders(withHeaders(["Message-Id", ""]), never), [
      { name: "Message-ID", value: "<made@example.com>" }
    ])
  })
})

describe("readControls", () => {
  it("is silent on a mail that says nothing", () => {
    assert.deepStrictEqual(readControls(withHeaders(["X-Other", "1"])), {
      accountId: undefined,
      senderId: undefined,
      listId: undefined,
      contentType: undefined,
      tags: [],
      trackOpens: undefined,
      trackClicksHtml: undefined,
      trackClicksText: undefined,
      ignored: []
    })
  })

  it("reads every header, whatever its case", () => {
    assert.deepStrictEqual(
      readControls(
        withHeaders(
          ["x-account-ID", " 12 "],
          ["X-SENDER-ID", "abc"],
          ["X-List-Id", "3"],
          ["X-Email-API-Type", "TRANSACTIONAL"],
          ["X-Tags", "a,b"],
          ["X-Track-Opens", "TRUE"],
          ["X-Track-Clicks-Html", "0"],
          ["X-Track-Clicks-Text", "no"]
        )
      ),
      {
        accountId: 12,
        senderId: "abc",
        listId: 3,
        contentType: "transactional",
        tags: ["a", "b"],
        trackOpens: true,
        trackClicksHtml: false,
        trackClicksText: false,
        ignored: []
      }
    )
  })

  it("names what it cannot make sense of", () => {
    const controls = readControls(
      withHeaders(
        ["X-Account-Id", "1&x=2"],
        ["X-List-Id", "-1"],
        ["X-Email-Api-Type", "spam"],
        ["X-Track-Opens", "si"],
        ["X-Group-Id", "4"],
        ["Idempotency-Key", "k".repeat(257)]
      )
    )
    assert.strictEqual(controls.accountId, undefined)
    assert.deepStrictEqual(controls.ignored, [
      "X-Account-Id",
      "X-List-Id",
      "X-Email-Api-Type",
      "X-Track-Opens",
      "X-Group-Id",
      "Idempotency-Key"
    ])
  })

  it("takes the tags of all X-Tags headers", () => {
    const { tags } = readControls(withHeaders(["X-Tags", "a, b"], ["X-Other", "c"], ["x-tags", "d"]))
    assert.deepStrictEqual(
      tags.map((tag) => tag.trim()),
      ["a", "b", "d"]
    )
  })
})
