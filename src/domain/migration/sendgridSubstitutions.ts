/**
 * `sub` and `section` of X-SMTPAPI: what stands for the placeholders in a mail, for each of the recipients in `to`. The
 * gateway makes one text for all recipients of a mail, so there has to be one alone.
 */
import { mailboxKey } from "../Envelope.ts"
import { bareAddress, isEmpty, isObject, type JsonObject, listOf, lost, shownName, textOf } from "./rules.ts"
import { MAX_PLACEHOLDER_LENGTH, MAX_PLACEHOLDERS, replaced } from "./substitution.ts"
import type { Documented, MailFacts, Wish } from "./Wish.ts"

export const SUBSTITUTION_KEYS: ReadonlyArray<Documented> = [
  {
    name: "sub",
    becomes: "the text in place of the placeholders, when the mail has one recipient",
    lost: "substitution in a mail for several: the placeholders stay in it"
  },
  {
    name: "section",
    becomes: "a part of what `sub` puts in, when the mail has one recipient",
    lost: "as `sub`"
  }
]

/** Characters of what stands for all the placeholders: a section may stand for many, many times. */
const MAX_VALUES_LENGTH = 16_384

/** `header` is the whole of it. */
export const readSubstitutions = (header: JsonObject, { recipients }: MailFacts): ReadonlyArray<Wish> => {
  const given = SUBSTITUTION_KEYS.map(({ name }) => name).filter((name) => !isEmpty(header[name]))
  const [recipient, ...others] = new Set(recipients.map(mailboxKey))
  if (recipient === undefined || others.length > 0) return given.flatMap((name) => lost(name))
  const tooMuch = given.find((name) => Object.keys(membersOf(header[name])).length > MAX_PLACEHOLDERS)
  if (tooMuch !== undefined) return lost(`${tooMuch} (more than ${MAX_PLACEHOLDERS} placeholders)`)
  const unreadable = given.filter((name) => !isObject(header[name])).flatMap((name) => lost(name))

  const named = isEmpty(header["to"]) ? [] : listOf(header["to"]).map((each) => mailboxKey(bareAddress(textOf(each))))
  const sections = textsIn(membersOf(header["section"]), (text) => text)
  const values = textsIn(membersOf(header["sub"]), (each) => valueFor(recipient, named, each))
  const substitutions: Array<Wish> = []
  let room = MAX_VALUES_LENGTH
  for (const placeholder of Object.keys(membersOf(header["sub"]))) {
    const text = withSections(values.get(placeholder), sections, values, room)
    if (text === undefined) {
      substitutions.push(...lost(`sub ${shownName(placeholder)}`))
    } else {
      room -= text.length
      substitutions.push({ _tag: "Substitution", placeholder, text })
    }
  }
  return [...unreadable, ...substitutions]
}

const membersOf = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** What is no text is left out, and so is a placeholder that would stand everywhere or is too long. */
const textsIn = (object: JsonObject, valueOf: (value: unknown) => unknown): ReadonlyMap<string, string> => {
  const texts = new Map<string, string>()
  for (const [name, each] of Object.entries(object)) {
    const value = valueOf(each)
    const isText = typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    if (isText && name !== "" && name.length <= MAX_PLACEHOLDER_LENGTH) texts.set(name, textOf(value))
  }
  return texts
}

/** In the place that `to` gives the recipient, or the only one. */
const valueFor = (recipient: string, named: ReadonlyArray<string>, values: unknown): unknown => {
  const list = listOf(values)
  if (named.length > 0) return list[named.indexOf(recipient)]
  return list.length === 1 ? list[0] : undefined
}

/** A section has placeholders in its turn. `undefined` when the text would have more characters than `room`. */
const withSections = (
  value: string | undefined,
  sections: ReadonlyMap<string, string>,
  values: ReadonlyMap<string, string>,
  room: number
): string | undefined => {
  const text = value === undefined ? undefined : replaced(value, sections, room)
  return text === undefined || text === value ? text : replaced(text, values, room)
}
