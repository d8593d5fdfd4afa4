/** The services that have a header for each option. */
import { assert, describe, it } from "@effect/vitest"
import { aRequest, type HeaderPair, type MailOptions, requestOf } from "../../kit/MigrationKit.ts"

type Case = readonly [headers: ReadonlyArray<HeaderPair>, request: Parameters<typeof aRequest>[0], mail?: MailOptions]

const table = (service: string, cases: ReadonlyArray<Case>): void => {
  describe(service, () => {
    for (const [headers, request, mail] of cases) {
      it(headers.map(([name, value]) => `${name}: ${value}`).join(", "), () => {
        assert.deepStrictEqual(requestOf(headers, mail), aRequest(request))
      })
    }
  })
}

const clicks = (html: boolean, text: boolean) => ({ trackClicksHtml: html, trackClicksText: text })
const SEVERAL = { recipients: ["a@example.com", "b@example.com"] }
const FUTURE = "Sun, 03 Jan 2027 03:04:05 +0000"
const PAST = "Thu, 01 Jan 2026 03:04:05 +0000"

table("Mailgun", [
  [
    [
      ["X-Mailgun-Tag", "a,b"],
      ["x-mailgun-tag", "c"]
    ],
    { tags: ["a,b", "c"] }
  ],
  [[["X-Mailgun-Campaign-Id", "spring"]], { tags: ["spring"] }],
  [[["X-Mailgun-Track", "no"]], { trackOpens: false, ...clicks(false, false) }],
  [[["X-Mailgun-Track", "Yes"]], { trackOpens: true, ...clicks(true, true) }],
  [[["X-Mailgun-Track", "htmlonly"]], { trackOpens: true, ...clicks(true, false) }],
  [[["X-Mailgun-Track-Clicks", "htmlonly"]], clicks(true, false)],
  [[["X-Mailgun-Track-Opens", "true"]], { trackOpens: true }],
  [
    [
      ["X-Mailgun-Track", "no"],
      ["X-Mailgun-Track-Clicks", "yes"]
    ],
    { trackOpens: false, ...clicks(true, true) }
  ],
  [[["X-Mailgun-Track", "maybe"]], { lost: ["X-Mailgun-Track (neither yes nor no)"] }],
  [
    [
      ["X-Mailgun-Variables", '{"my_message_id": 123, "my-list": [1, "a"]}'],
      ["X-Mailgun-Variables", '{"b": "2"}']
    ],
    {
      customData: [
        { name: "X-Metadata-my_message_id", value: "123" },
        { name: "X-Metadata-my-list", value: '[1,"a"]' },
        { name: "X-Metadata-b", value: "2" }
      ]
    }
  ],
  [[["X-Mailgun-Variables", "{'a': 1}"]], { lost: ["X-Mailgun-Variables (no JSON object)"] }],
  [[["X-Mailgun-Drop-Message", "yes"]], { testMode: true }],
  [[["X-Mailgun-Drop-Message", "no"]], {}],
  [[["X-Mailgun-Deliver-By", PAST]], {}],
  [[["X-Mailgun-Deliver-By", FUTURE]], { lost: ["X-Mailgun-Deliver-By"] }],
  [[["X-Mailgun-Deliver-By", "soon"]], { lost: ["X-Mailgun-Deliver-By (no date)"] }],
  [
    [
      ["X-Mailgun-Dkim", "yes"],
      ["X-Mailgun-Require-TLS", "no"],
      ["X-Mailgun-Skip-Verification", "yes"]
    ],
    {}
  ],
  [
    [
      ["X-Mailgun-Dkim", "no"],
      ["X-Mailgun-Require-TLS", "True"],
      ["X-Mailgun-Recipient-Variables", "{}"]
    ],
    { lost: ["X-Mailgun-Recipient-Variables", "X-Mailgun-Dkim", "X-Mailgun-Require-TLS"] }
  ],
  [[["X-Mailgun-Template-Name", "welcome"]], { lost: ["X-Mailgun-Template-Name"] }],
  [[["X-Mailgun-New;Thing", "1"]], { lost: ["X-Mailgun-New?Thing"] }],
  [[["X-Mailgun-Tag", " "]], {}]
])

table("Mandrill", [
  [[["X-MC-Tags", "welcome, password reset"]], { tags: ["welcome", " password reset"] }],
  [[["X-MC-Track", "opens, clicks_htmlonly"]], { trackOpens: true, ...clicks(true, false) }],
  [[["X-MC-Track", "clicks_textonly"]], { trackOpens: false, ...clicks(false, true) }],
  [[["X-MC-Track", "Opens,Clicks"]], { trackOpens: true, ...clicks(true, true) }],
  [[["X-MC-Track", "clicks_all"]], { trackOpens: false, ...clicks(true, true) }],
  [[["X-MC-Track", "none"]], { trackOpens: false, ...clicks(false, false) }],
  [
    [["X-MC-Metadata", '{ "user_id": "45829", "location_id": "111" }']],
    {
      customData: [
        { name: "X-Metadata-user_id", value: "45829" },
        { name: "X-Metadata-location_id", value: "111" }
      ]
    }
  ],
  [
    [["X-MC-Metadata", '{"_rcpt": "to@EXAMPLE.com", "user_id": "1"}']],
    { customData: [{ name: "X-Metadata-user_id", value: "1" }] }
  ],
  [[["X-MC-Metadata", '{"_rcpt": "a@example.com", "user_id": "1"}']], { lost: ["X-MC-Metadata _rcpt"] }, SEVERAL],
  [[["X-MC-Metadata", "user_id=1"]], { lost: ["X-MC-Metadata (no JSON object)"] }],
  [[["X-MC-SendAt", "2026-01-02 03:04:04"]], {}],
  [[["X-MC-SendAt", "2026-01-02 03:04:06"]], { lost: ["X-MC-SendAt"] }],
  [[["X-MC-Autotext", "on"]], { lost: ["X-MC-Autotext"] }, { html: "<p>" }],
  [
    [
      ["X-MC-Autotext", "on"],
      ["X-MC-AutoHtml", "off"]
    ],
    {},
    { text: "a" }
  ],
  [[["X-MC-AutoHtml", "y"]], { lost: ["X-MC-AutoHtml"] }, { text: "a" }],
  [[["X-MC-PreserveRecipients", "true"]], {}],
  [[["X-MC-PreserveRecipients", "true"]], { lost: ["X-MC-PreserveRecipients"] }, SEVERAL],
  [[["X-MC-PreserveRecipients", "false"]], {}, SEVERAL],
  [
    [
      ["X-MC-MergeVars", '{"NAME": "Ben"}'],
      ["X-MC-Template", "a|main"],
      ["X-MC-BccAddress", "b@example.com"]
    ],
    { lost: ["X-MC-MergeVars", "X-MC-Template", "X-MC-BccAddress"] }
  ],
  [
    [
      ["X-MC-Important", "false"],
      ["X-MC-InlineCSS", "no"],
      ["X-MC-MergeLanguage", "handlebars"]
    ],
    {}
  ]
])

table("Amazon SES", [
  [
    [
      ["X-SES-CONFIGURATION-SET", "ConfigSet"],
      ["X-SES-MESSAGE-TAGS", "campaign=book, audience = new"]
    ],
    { tags: ["campaign=book", " audience=new", "ConfigSet"] }
  ],
  [[["X-Ses-List-Management-Options", "contactListName=a;topicName=b"]], { lost: ["X-SES-LIST-MANAGEMENT-OPTIONS"] }],
  [[["X-SES-SOURCE-ARN", "arn:aws:ses:us-east-1:1:identity/example.com"]], {}]
])

table("Postmark", [
  [[["X-PM-Tag", "welcome"]], { tags: ["welcome"] }],
  [[["X-PM-TrackOpens", "false"]], { trackOpens: false }],
  [[["X-PM-TrackLinks", "None"]], clicks(false, false)],
  [[["X-PM-TrackLinks", "HtmlAndText"]], clicks(true, true)],
  [[["X-PM-TrackLinks", "htmlonly"]], clicks(true, false)],
  [[["X-PM-TrackLinks", "TextOnly"]], clicks(false, true)],
  [[["X-PM-TrackLinks", "yes"]], { lost: ["X-PM-TrackLinks (none of None, HtmlAndText, HtmlOnly, TextOnly)"] }],
  [
    [
      ["X-PM-Metadata-client-id", "12345"],
      ["X-Pm-Metadata-Color", "blue"]
    ],
    {
      customData: [
        { name: "X-Metadata-client-id", value: "12345" },
        { name: "X-Metadata-Color", value: "blue" }
      ]
    }
  ],
  [[["X-PM-Metadata-", "1"]], { lost: ["X-PM-Metadata- (without a name)"] }],
  [[["X-PM-Message-Stream", "outbound"]], { contentType: "transactional" }],
  [[["X-PM-Message-Stream", "broadcast"]], { contentType: "marketing" }],
  [[["X-PM-Message-Stream", "invoices"]], { lost: ["X-PM-Message-Stream"] }],
  [[["X-PM-KeepID", "true"]], {}]
])

describe("any mail", () => {
  it("without such headers asks for nothing", () => {
    assert.deepStrictEqual(
      requestOf([
        ["X-Mailer", "a"],
        ["X-Tags", "b"],
        ["X-PMX", "c"],
        ["X-MCX", "d"]
      ]),
      aRequest()
    )
  })

  it("may have those of several services: what one says first counts", () => {
    const { tags, trackOpens } = requestOf([
      ["X-PM-Tag", "one"],
      ["X-PM-TrackOpens", "true"],
      ["X-Mailgun-Tag", "two"],
      ["X-Mailgun-Track-Opens", "no"]
    ])
    assert.deepStrictEqual(tags, ["two", "one"])
    assert.isFalse(trackOpens)
  })
})
