/**
 * Mails that were written for another service carry headers by which that service was told what to do. They are read
 * here, all of them into one request in Cakemail's words. A new service is a file beside this one and its entry below.
 */
import type { Email, Header } from "../Email.ts"
import { mailgun } from "./mailgun.ts"
import { mandrill } from "./mandrill.ts"
import { postmark } from "./postmark.ts"
import { shownName } from "./rules.ts"
import { sendgrid } from "./sendgrid.ts"
import { ses } from "./ses.ts"
import { type Content, MAX_PLACEHOLDERS, substituted } from "./substitution.ts"
import type { FormerService, MailFacts, Wish } from "./Wish.ts"

export const FORMER_SERVICES: ReadonlyArray<FormerService> = [sendgrid, mailgun, mandrill, ses, postmark]

export interface MigrationRequest {
  /** As they were given. */
  readonly tags: ReadonlyArray<string>
  readonly trackOpens: boolean | undefined
  readonly trackClicksHtml: boolean | undefined
  readonly trackClicksText: boolean | undefined
  readonly contentType: "marketing" | "transactional" | undefined
  /** Custom data, each as a header of its own. */
  readonly customData: ReadonlyArray<Header>
  /** With the texts in place of the placeholders; `undefined` when the mail stays as it is. */
  readonly content: Content | undefined
  /** The mail is to be accepted and not sent. */
  readonly testMode: boolean
  /** What Cakemail cannot do or nobody can read, as `X-SMTPAPI send_at`; a bounded list. */
  readonly lost: ReadonlyArray<string>
}

export const NO_MIGRATION: MigrationRequest = {
  tags: [],
  trackOpens: undefined,
  trackClicksHtml: undefined,
  trackClicksText: undefined,
  contentType: undefined,
  customData: [],
  content: undefined,
  testMode: false,
  lost: []
}

export const isMigrationHeader = (lowerName: string): boolean =>
  FORMER_SERVICES.some(({ prefix }) => lowerName.startsWith(prefix))

/** Where headers contradict each other the first of their service's list counts. */
export const readMigration = (
  email: Pick<Email, "headers"> & Content,
  envelope: Pick<MailFacts, "recipients" | "receivedAt">
): MigrationRequest => {
  const headers = email.headers.filter(
    ({ name, value }) => isMigrationHeader(name.toLowerCase()) && value.trim() !== ""
  )
  if (headers.length === 0) return NO_MIGRATION
  const mail: MailFacts = { ...envelope, hasText: isGiven(email.text), hasHtml: isGiven(email.html) }
  const request = new Request()
  for (const service of FORMER_SERVICES) readService(service, headers, mail, request)
  return request.finished(email)
}

const readService = (
  { headers: rules, prefix }: FormerService,
  headers: ReadonlyArray<Header>,
  mail: MailFacts,
  request: Request
): void => {
  const unknown = new Set(headers.filter(({ name }) => name.toLowerCase().startsWith(prefix)))
  for (const rule of rules) {
    const [beginning = ""] = rule.name.toLowerCase().split("*")
    const isExact = !rule.name.endsWith("*")
    for (const header of unknown) {
      const name = header.name.toLowerCase()
      if (isExact ? name !== beginning : !name.startsWith(beginning)) continue
      unknown.delete(header)
      const rest = header.name.slice(beginning.length)
      for (const wish of rule.read(header.value, mail, rest)) request.add(rule.name.replace("*", ""), wish)
    }
  }
  for (const { name } of unknown) request.add(shownName(name), { _tag: "Lost", what: "" })
}

const isGiven = (text: string | undefined): boolean => text !== undefined && text.trim() !== ""

/** Headers that custom data may make, and characters of a name and a value: a client writes these into every mail. */
const MAX_CUSTOM_DATA = 50
const MAX_NAME_LENGTH = 64
const MAX_VALUE_LENGTH = 900

/** Each mail may have as many: services allow three to ten. */
const MAX_TAGS = 50

/** Losses that are named. */
const MAX_LOST = 20

/** Wishes as they come in, the first of each kind being the one that counts. */
class Request {
  readonly #tags: Array<string> = []
  readonly #customData: Array<Header> = []
  readonly #lost = new Set<string>()
  readonly #substitutions = new Map<string, string>()
  #trackOpens: boolean | undefined
  #trackClicksHtml: boolean | undefined
  #trackClicksText: boolean | undefined
  #contentType: "marketing" | "transactional" | undefined
  #testMode = false

  /** `header` as docs name it. */
  add(header: string, wish: Wish): void {
    switch (wish._tag) {
      case "Tag":
        if (this.#tags.length < MAX_TAGS) this.#tags.push(wish.text)
        else this.#lost.add(`${header} (more than ${MAX_TAGS} tags)`)
        break
      case "Opens":
        this.#trackOpens ??= wish.tracked
        break
      case "Clicks":
        this.#trackClicksHtml ??= wish.html
        this.#trackClicksText ??= wish.text
        break
      case "ContentType":
        this.#contentType ??= wish.type
        break
      case "CustomData":
        this.#addCustomData(header, wish.name, wish.value)
        break
      case "Substitution":
        if (this.#substitutions.has(wish.placeholder)) break
        if (this.#substitutions.size < MAX_PLACEHOLDERS) this.#substitutions.set(wish.placeholder, wish.text)
        else this.#lost.add(`${header} (more than ${MAX_PLACEHOLDERS} placeholders)`)
        break
      case "TestMode":
        this.#testMode = true
        break
      case "Lost":
        this.#lost.add(`${header} ${wish.what}`.trim())
        break
    }
  }

  #addCustomData(header: string, name: string, given: string): void {
    const value = given.replace(/[\x00-\x1f\x7f]+/g, " ").trim()
    if (value === "") return
    if (name === "") {
      this.#lost.add(`${header} (without a name)`)
    } else if (name.length > MAX_NAME_LENGTH || value.length > MAX_VALUE_LENGTH) {
      this.#lost.add(`${header} ${shownName(name)} (too long)`)
    } else if (this.#customData.length >= MAX_CUSTOM_DATA) {
      this.#lost.add(`${header} (more than ${MAX_CUSTOM_DATA} entries)`)
    } else {
      this.#customData.push({ name: `X-Metadata-${name.replace(/[^A-Za-z0-9_-]/g, "-")}`, value })
    }
  }

  #contentOf(email: Content): Content | undefined {
    if (this.#substitutions.size === 0) return undefined
    const content = substituted(email, this.#substitutions)
    if (content === undefined) this.#lost.add("substitution (the mail is too long)")
    return content
  }

  finished(email: Content): MigrationRequest {
    const content = this.#contentOf(email)
    const lost = [...this.#lost]
    return {
      tags: this.#tags,
      trackOpens: this.#trackOpens,
      trackClicksHtml: this.#trackClicksHtml,
      trackClicksText: this.#trackClicksText,
      contentType: this.#contentType,
      customData: this.#customData,
      content,
      testMode: this.#testMode,
      lost: lost.length <= MAX_LOST ? lost : [...lost.slice(0, MAX_LOST), `${lost.length - MAX_LOST} more`]
    }
  }
}
