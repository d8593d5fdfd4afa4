/** Which headers of a mail go on to the API, and which steer the gateway (rulings 13). */
import { type Email, type Header, headerValue } from "../../domain/Email.ts"
import { IDEMPOTENCY_HEADERS, readIdempotencyKey } from "../../domain/Idempotency.ts"
import { isMigrationHeader } from "../../domain/migration/readMigration.ts"

/** What the headers that Cakemail's own SMTP service understands ask for; absent where the mail does not say. */
export interface Controls {
  readonly accountId: number | undefined
  readonly senderId: string | undefined
  readonly listId: number | undefined
  readonly contentType: "marketing" | "transactional" | undefined
  /** As they were given. */
  readonly tags: ReadonlyArray<string>
  readonly trackOpens: boolean | undefined
  readonly trackClicksHtml: boolean | undefined
  readonly trackClicksText: boolean | undefined
  /** Names of headers that have no effect here, or whose value makes no sense. */
  readonly ignored: ReadonlyArray<string>
}

export const readControls = (email: Pick<Email, "headers">): Controls => {
  const ignored: Array<string> = []
  const read = <A>(name: string, parse: (value: string) => A | undefined): A | undefined => {
    const value = headerValue(email, name)?.trim()
    if (value === undefined || value === "") return undefined
    const parsed = parse(value)
    if (parsed === undefined) ignored.push(name)
    return parsed
  }
  const controls = {
    accountId: read("X-Account-Id", parseId),
    senderId: read("X-Sender-Id", (value) => value),
    listId: read("X-List-Id", parseId),
    contentType: read("X-Email-Api-Type", parseContentType),
    tags: joinedValues(email, "X-Tags")?.split(",") ?? [],
    trackOpens: read("X-Track-Opens", parseBoolean),
    trackClicksHtml: read("X-Track-Clicks-Html", parseBoolean),
    trackClicksText: read("X-Track-Clicks-Text", parseBoolean)
  }
  read("X-Group-Id", () => undefined)
  for (const name of IDEMPOTENCY_HEADERS) read(name, readIdempotencyKey)
  return { ...controls, ignored }
}

/** The headers to pass on, in the mail's order, safe to write one a line. A Message-ID that is missing is added. */
export const passedOnHeaders = (email: Email, makeMessageId: () => string): ReadonlyArray<Header> => {
  const passed: Array<Header> = []
  let hasMessageId = false
  for (const { name, value } of email.headers) {
    const lowerName = name.toLowerCase()
    if (!isPassedOn(lowerName) || !FIELD_NAME.test(name)) continue
    const line = singleLine(value)
    if (line === "") continue
    if (lowerName === "message-id") {
      // RFC 5322 section 3.6: at most one.
      if (hasMessageId) continue
      hasMessageId = true
    }
    passed.push({ name, value: line })
  }
  if (!hasMessageId) passed.unshift({ name: "Message-ID", value: email.messageId ?? makeMessageId() })
  return passed
}

/** All values of the headers of that name, joined as one list; `undefined` when there is none. */
export const joinedValues = (email: Pick<Email, "headers">, name: string): string | undefined => {
  const wanted = name.toLowerCase()
  const values: Array<string> = []
  for (const header of email.headers) {
    if (header.name.toLowerCase() !== wanted) continue
    const value = singleLine(header.value)
    if (value !== "") values.push(value)
  }
  return values.length === 0 ? undefined : values.join(", ")
}

/** Never more than one line: a value is written as it is by whoever builds the mail. */
export const singleLine = (value: string): string => value.replace(/[\x00-\x08\x0a-\x1f\x7f]+/g, " ").trim()

const PASSED_ON = new Set([
  "reply-to",
  "message-id",
  "in-reply-to",
  "references",
  "date",
  "sender",
  "auto-submitted",
  "precedence",
  "importance",
  "priority"
])

const CONTROL_HEADERS = new Set([
  "x-account-id",
  "x-sender-id",
  "x-list-id",
  "x-email-api-type",
  "x-email-api-enabled",
  "x-tags",
  "x-track-opens",
  "x-track-clicks-html",
  "x-track-clicks-text",
  "x-group-id",
  "x-idempotency-key"
])

const isPassedOn = (lowerName: string): boolean =>
  lowerName.startsWith("x-")
    ? !CONTROL_HEADERS.has(lowerName) && !isMigrationHeader(lowerName)
    : lowerName.startsWith("list-") || PASSED_ON.has(lowerName)

/** RFC 9110 token, narrower than RFC 5322 field names: what every HTTP and mail library takes. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

const parseId = (value: string): number | undefined => {
  const id = Number(value)
  return /^\d+$/.test(value) && Number.isSafeInteger(id) && id > 0 ? id : undefined
}

const parseContentType = (value: string): "marketing" | "transactional" | undefined => {
  const lower = value.toLowerCase()
  return lower === "marketing" || lower === "transactional" ? lower : undefined
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["off", false],
  ["0", false]
])

const parseBoolean = (value: string): boolean | undefined => BOOLEANS.get(value.toLowerCase())
