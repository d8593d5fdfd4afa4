/** Mailgun: one X-Mailgun header an option. */
import {
  clicks,
  customData,
  eitherWay,
  fromJson,
  needless,
  NOTHING,
  lost,
  opens,
  scheduled,
  tag,
  without,
  withoutSwitch,
  yesOrNo
} from "./rules.ts"
import type { FormerService, Wish } from "./Wish.ts"

/** `htmlonly` or a plain yes or no. */
const trackedClicks = (value: string): ReadonlyArray<Wish> =>
  value.trim().toLowerCase() === "htmlonly" ? [clicks(true, false)] : eitherWay(value, (on) => [clicks(on, on)])

export const mailgun: FormerService = {
  name: "Mailgun",
  prefix: "x-mailgun-",
  headers: [
    { name: "X-Mailgun-Tag", becomes: "a tag; may come several times", lost: "–", read: (value) => [tag(value)] },
    { name: "X-Mailgun-Campaign-Id", becomes: "a tag", lost: "–", read: (value) => [tag(value)] },
    {
      name: "X-Mailgun-Track-Opens",
      becomes: "tracking of opens",
      lost: "–",
      read: (value) => eitherWay(value, (on) => [opens(on)])
    },
    {
      name: "X-Mailgun-Track-Clicks",
      becomes: "tracking of clicks, with `htmlonly` in HTML alone",
      lost: "–",
      read: trackedClicks
    },
    {
      name: "X-Mailgun-Track",
      becomes: "tracking of opens and clicks, where the two headers above do not say otherwise",
      lost: "–",
      read: (value) =>
        value.trim().toLowerCase() === "htmlonly"
          ? [opens(true), clicks(true, false)]
          : eitherWay(value, (on) => [opens(on), clicks(on, on)])
    },
    {
      name: "X-Mailgun-Variables",
      becomes: "custom data",
      lost: "–",
      read: (value) => fromJson(value, customData)
    },
    {
      name: "X-Mailgun-Drop-Message",
      becomes: "test mode: the mail is looked at, answered 250 and not sent",
      lost: "–",
      read: (value) => eitherWay(value, (on) => (on ? [{ _tag: "TestMode" }] : NOTHING))
    },
    {
      name: "X-Mailgun-Deliver-By",
      becomes: "nothing, when the time has come",
      lost: "the time: the mail is sent at once",
      read: (value, mail) => scheduled(Date.parse(value), mail)
    },
    without("X-Mailgun-Delivery-Time-Optimize-Period", "the choice of a good time: the mail is sent at once"),
    without("X-Mailgun-Time-Zone-Localize", "the recipient's time: the mail is sent at once"),
    without("X-Mailgun-Deliver-Within", "the limit of time"),
    without("X-Mailgun-Recipient-Variables", "substitution: the placeholders stay in the mail"),
    without("X-Mailgun-Template-Name", "the template: the mail is sent as it is"),
    needless("X-Mailgun-Template-Version", "nothing: it does nothing by itself"),
    needless("X-Mailgun-Template-Variables", "nothing: they do nothing by themselves"),
    {
      name: "X-Mailgun-Dkim",
      becomes: "nothing: Cakemail signs",
      lost: "a mail without a signature",
      read: (value) => (yesOrNo(value) === false ? lost() : NOTHING)
    },
    without("X-Mailgun-Secondary-DKIM", "the second signature"),
    needless("X-Mailgun-Secondary-DKIM-Public", "nothing: it does nothing by itself"),
    withoutSwitch("X-Mailgun-Require-TLS", "the promise that the mail is delivered over TLS or not at all"),
    needless("X-Mailgun-Skip-Verification", "nothing: Cakemail decides how it delivers"),
    without("X-Mailgun-Sending-Ip", "the choice of IP addresses"),
    without("X-Mailgun-Sending-Ip-Pool", "the choice of IP addresses"),
    without("X-Mailgun-Archive-To", "the archive"),
    withoutSwitch("X-Mailgun-Track-Pixel-Location-Top", "the place of the pixel"),
    needless("X-Mailgun-Suppress-Headers", "nothing: none of these headers goes on")
  ]
}
