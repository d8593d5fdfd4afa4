/** SendGrid's X-SMTPAPI: one JSON object with everything. */
import { mailboxKey } from "../Envelope.ts"
import {
  bareAddress,
  clicks,
  customData,
  eitherWay,
  fromJson,
  isEmpty,
  isObject,
  listOf,
  lost,
  NOTHING,
  opens,
  scheduled,
  shownName,
  tag,
  textOf,
  without,
  yesOrNo
} from "./rules.ts"
import { readSubstitutions, SUBSTITUTION_KEYS } from "./sendgridSubstitutions.ts"
import type { FormerService, MailFacts, Rule, Wish } from "./Wish.ts"

const FILTERS: ReadonlyArray<Rule<Readonly<Record<string, unknown>>>> = [
  {
    name: "clicktrack",
    becomes: "tracking of clicks, in text too if `enable_text` says so",
    lost: "–",
    read: ({ enable, enable_text: text }) =>
      eitherWay(textOf(enable), (on) => [clicks(on, on ? (text === undefined ? undefined : isOn(text)) : false)])
  },
  {
    name: "opentrack",
    becomes: "tracking of opens",
    lost: "the place that `replace` names for the pixel",
    read: ({ enable }) => eitherWay(textOf(enable), (on) => [opens(on)])
  }
]

const OTHER_FILTERS = {
  name: "filters.*",
  becomes: "–",
  lost: "footers, templates, copies and what else an enabled filter would do"
}

const readFilters = (filters: unknown, mail: MailFacts): ReadonlyArray<Wish> => {
  if (!isObject(filters)) return lost("filters")
  return Object.entries(filters).flatMap(([name, filter]) => {
    const settings = isObject(filter) && isObject(filter["settings"]) ? filter["settings"] : {}
    const rule = FILTERS.find((each) => each.name === name)
    if (rule !== undefined) return rule.read(settings, mail, "").map((wish) => within(`filters.${name}`, wish))
    return isOn(settings["enable"]) ? lost(`filters.${shownName(name)}`) : NOTHING
  })
}

const KEYS: ReadonlyArray<Rule<unknown>> = [
  {
    name: "category",
    becomes: "a tag each",
    lost: "–",
    read: (value) => listOf(value).map((each) => tag(textOf(each)))
  },
  {
    name: "unique_args",
    becomes: "custom data",
    lost: "–",
    read: (value) => (isObject(value) ? customData(value) : lost())
  },
  {
    name: "to",
    becomes: "nothing, when all of them are recipients by RCPT TO",
    lost: "any other recipient: the mail goes to those of RCPT TO alone",
    read: (value, { recipients }) => {
      const known = new Set(recipients.map(mailboxKey))
      const others = listOf(value).filter((each) => !known.has(mailboxKey(bareAddress(textOf(each)))))
      return others.length === 0 ? NOTHING : lost()
    }
  },
  {
    name: "send_at",
    becomes: "nothing, when the time has come",
    lost: "the time: the mail is sent at once",
    read: (value, mail) => scheduled(seconds(value), mail)
  },
  {
    name: "send_each_at",
    becomes: "nothing, when the times have come",
    lost: "the times: the mail is sent at once",
    read: (value, mail) =>
      scheduled(
        listOf(value)
          .map(seconds)
          .reduce((one, other) => Math.max(one, other)),
        mail
      )
  },
  without("batch_id", "cancelling what is scheduled"),
  without("asm_group_id", "the unsubscribe group: Cakemail's own unsubscribing holds"),
  without("asm", "as `asm_group_id`"),
  without("ip_pool", "the choice of IP addresses")
]

const readKey = (key: string, value: unknown, mail: MailFacts): ReadonlyArray<Wish> => {
  if (isEmpty(value)) return NOTHING
  if (key === "filters") return readFilters(value, mail)
  if (SUBSTITUTION_KEYS.some(({ name }) => name === key)) return NOTHING
  const rule = KEYS.find(({ name }) => name === key)
  if (rule === undefined) return lost(shownName(key))
  return rule.read(value, mail, "").map((wish) => within(key, wish))
}

/** A loss says which key it is of. */
const within = (key: string, wish: Wish): Wish =>
  wish._tag === "Lost" ? { _tag: "Lost", what: `${key} ${wish.what}`.trim() } : wish

export const sendgrid: FormerService = {
  name: "SendGrid",
  prefix: "x-smtpapi",
  headers: [
    {
      name: "X-SMTPAPI",
      becomes: "what its keys become",
      lost: "–",
      read: (value, mail) =>
        fromJson(value, (object) => [
          ...Object.entries(object).flatMap(([key, each]) => readKey(key, each, mail)),
          ...readSubstitutions(object, mail)
        ]),
      keys: [
        ...KEYS,
        ...SUBSTITUTION_KEYS,
        ...FILTERS.map((filter) => ({ ...filter, name: `filters.${filter.name}` })),
        OTHER_FILTERS
      ]
    }
  ]
}

/** The libraries write 0 and 1, hands also write words. */
const isOn = (value: unknown): boolean => yesOrNo(textOf(value)) === true

/** Of the epoch; in milliseconds. */
const seconds = (value: unknown): number => Number(textOf(value) || "none") * 1_000
