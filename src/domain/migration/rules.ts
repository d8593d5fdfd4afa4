/** What the headers of several services have in common. */
import { Option, Schema } from "effect"
import type { MailFacts, Rule, Wish } from "./Wish.ts"

export const NOTHING: ReadonlyArray<Wish> = []

/** `what`: which part, or what is wrong with it. */
export const lost = (what = ""): ReadonlyArray<Wish> => [{ _tag: "Lost", what }]

/** Cakemail has nothing like it. */
export const without = (name: string, consequence: string): Rule<unknown> => ({
  name,
  becomes: "–",
  lost: consequence,
  read: () => lost()
})

/** Nothing has to be done for it. */
export const needless = (name: string, reason: string): Rule<unknown> => ({
  name,
  becomes: reason,
  lost: "–",
  read: () => NOTHING
})

/** A switch that Cakemail does not have: what is lost is lost when it is on. */
export const withoutSwitch = (name: string, consequence: string): Rule<string> => ({
  name,
  becomes: "–",
  lost: consequence,
  read: (value) => (yesOrNo(value) === false ? NOTHING : lost())
})

/** As the services and those who configure them spell it. */
export const yesOrNo = (text: string): boolean | undefined => {
  switch (text.trim().toLowerCase()) {
    case "yes":
    case "y":
    case "true":
    case "on":
    case "1":
      return true
    case "no":
    case "n":
    case "false":
    case "off":
    case "0":
      return false
    default:
      return undefined
  }
}

export const tag = (text: string): Wish => ({ _tag: "Tag", text })

export const opens = (tracked: boolean): Wish => ({ _tag: "Opens", tracked })

export const clicks = (html: boolean, text: boolean | undefined): Wish => ({ _tag: "Clicks", html, text })

/** Those of `yes` or `no`. */
export const eitherWay = (value: string, wishes: (on: boolean) => ReadonlyArray<Wish>): ReadonlyArray<Wish> => {
  const on = yesOrNo(value)
  return on === undefined ? lost("(neither yes nor no)") : wishes(on)
}

/** Cakemail sends at once: a time that has come is met, one to come is not. `time` in milliseconds of the epoch. */
export const scheduled = (time: number, { receivedAt }: MailFacts): ReadonlyArray<Wish> =>
  time <= receivedAt ? NOTHING : lost(Number.isNaN(time) ? "(no date)" : "")

export type JsonObject = Readonly<Record<string, unknown>>

const decodeObject = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

export const fromJson = (text: string, wishes: (object: JsonObject) => ReadonlyArray<Wish>): ReadonlyArray<Wish> =>
  Option.match(decodeObject(text), { onNone: () => lost("(no JSON object)"), onSome: wishes })

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Empty for what is neither text, number nor truth. A member of JSON may be called `toString`: nothing is converted. */
export const textOf = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? `${value}` : ""

/** Each member under its name; what is no text as JSON. */
export const customData = (object: JsonObject): ReadonlyArray<Wish> =>
  Object.entries(object).flatMap(([name, value]): ReadonlyArray<Wish> => {
    if (value === null) return NOTHING
    const text = typeof value === "string" ? value : Option.getOrUndefined(jsonText(value))
    return text === undefined ? lost(shownName(name)) : [{ _tag: "CustomData", name, value: text }]
  })

/** None for what is nested so deeply that JavaScript cannot write it. */
const jsonText = Option.liftThrowable((value: unknown): string => JSON.stringify(value))

/** A name that the sender chose, for replies and the log. */
export const shownName = (name: string): string => name.replace(/[^\w.-]+/g, "?").slice(0, 40)

export const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [value])

/** Libraries write every key, those that nobody has set too. */
export const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0)

/** Of `Ben <ben@example.com>`. */
export const bareAddress = (text: string): string => (/<([^<>]*)>/.exec(text)?.[1] ?? text).trim()
