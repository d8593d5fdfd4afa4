/** Mandrill, which is Mailchimp Transactional: one X-MC header an option. */
import { mailboxKey } from "../Envelope.ts"
import {
  clicks,
  customData,
  eitherWay,
  fromJson,
  lost,
  needless,
  NOTHING,
  opens,
  scheduled,
  tag,
  textOf,
  without,
  withoutSwitch
} from "./rules.ts"
import type { FormerService } from "./Wish.ts"

export const mandrill: FormerService = {
  name: "Mandrill",
  prefix: "x-mc-",
  headers: [
    { name: "X-MC-Tags", becomes: "a tag each", lost: "–", read: (value) => value.split(",").map(tag) },
    {
      name: "X-MC-Track",
      becomes: "tracking of opens and clicks: what it does not name is not tracked",
      lost: "–",
      read: (value) => {
        const named = new Set(value.split(",").map((word) => word.trim().toLowerCase()))
        const all = named.has("clicks") || named.has("clicks_all")
        return [
          opens(named.has("opens")),
          clicks(all || named.has("clicks_htmlonly"), all || named.has("clicks_textonly"))
        ]
      }
    },
    {
      name: "X-MC-Metadata",
      becomes: "custom data",
      lost: "what `_rcpt` sets apart for one recipient of several",
      read: (value, { recipients }) =>
        fromJson(value, ({ _rcpt: recipient, ...metadata }) =>
          recipient === undefined || recipients.every((each) => mailboxKey(each) === mailboxKey(textOf(recipient)))
            ? customData(metadata)
            : lost("_rcpt")
        )
    },
    {
      name: "X-MC-SendAt",
      becomes: "nothing, when the time has come",
      lost: "the time: the mail is sent at once",
      read: (value, mail) => scheduled(utc(value), mail)
    },
    {
      name: "X-MC-Autotext",
      becomes: "nothing, when the mail has a text part",
      lost: "the text made from the HTML",
      read: (value, { hasText }) => eitherWay(value, (on) => (on && !hasText ? lost() : NOTHING))
    },
    {
      name: "X-MC-AutoHtml",
      becomes: "nothing, when the mail has an HTML part",
      lost: "the HTML made from the text",
      read: (value, { hasHtml }) => eitherWay(value, (on) => (on && !hasHtml ? lost() : NOTHING))
    },
    {
      name: "X-MC-PreserveRecipients",
      becomes: "nothing, when there is one recipient: each sees their own address alone",
      lost: "the sight of the other recipients",
      read: (value, { recipients }) => eitherWay(value, (on) => (on && recipients.length > 1 ? lost() : NOTHING))
    },
    without("X-MC-MergeVars", "merging: the tags stay in the mail"),
    needless("X-MC-MergeLanguage", "nothing: it does nothing by itself"),
    without("X-MC-Template", "the template: the mail is sent as it is"),
    without("X-MC-BccAddress", "the copy: add the address by RCPT TO"),
    without("X-MC-Subaccount", "the subaccount"),
    without("X-MC-GoogleAnalytics", "parameters in links"),
    without("X-MC-GoogleAnalyticsCampaign", "parameters in links"),
    withoutSwitch("X-MC-URLStripQS", "statistics of links without their query"),
    withoutSwitch("X-MC-InlineCSS", "styles moved into the HTML's elements"),
    withoutSwitch("X-MC-ViewContentLink", "the mail's content in the service's web pages"),
    withoutSwitch("X-MC-Important", "precedence over other mails"),
    without("X-MC-TrackingDomain", "the domain of tracked links: Cakemail's settings hold"),
    without("X-MC-SigningDomain", "the domain of the signature: Cakemail's settings hold"),
    without("X-MC-ReturnPathDomain", "the domain of bounces: Cakemail's settings hold"),
    without("X-MC-IpPool", "the choice of IP addresses")
  ]
}

/** Of `2026-01-02 03:04:05`; in milliseconds of the epoch. */
const utc = (text: string): number => Date.parse(`${text.trim().replace(" ", "T")}Z`)
