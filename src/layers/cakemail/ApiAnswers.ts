/** What an answer of the API means when it is not the one asked for; the same for both contracts. */
import { Option, Schema } from "effect"
import {
  ApiAnswerUnreadable,
  ApiFailed,
  ApiRateLimited,
  SubmissionRejected,
  SubmissionTooLarge,
  TokenRejected
} from "../../domain/GatewayError.ts"
import type { ApiResponse } from "./ApiTransport.ts"

export type Refusal = TokenRejected | ApiRateLimited | ApiFailed | SubmissionRejected

/** For an answer outside 200..299 to a call that carried a token. */
export const refusal = (response: ApiResponse): Refusal =>
  response.status === 401 ? new TokenRejected() : (troubleOf(response) ?? rejectionOf(response))

/** As `refusal`, for a submission. */
export const submissionRefusal = (response: ApiResponse): Refusal | SubmissionTooLarge =>
  response.status === 413 ? new SubmissionTooLarge() : refusal(response)

/**
 * The answers that say nothing about what was asked: 429, 5xx, the 4xx that ask to come again (408, 425), and
 * redirects, which are not followed: they come from a wrong CAKEMAIL_API_URL, so that a mail must wait, not bounce.
 */
export const troubleOf = (response: ApiResponse): ApiRateLimited | ApiFailed | undefined => {
  const { status } = response
  if (status === 429) return new ApiRateLimited({ retryAfter: retryAfterSeconds(response) })
  if (status >= 500 || status < 400 || status === 408 || status === 425) return new ApiFailed({ status })
  return undefined
}

/** The rejection in the API's own words, and what of the submission it objects to (rulings 6). */
export const rejectionOf = (response: ApiResponse): SubmissionRejected => {
  const complaint = complaintOf(response.body)
  return new SubmissionRejected({
    subject: subjectOf(response.status, complaint),
    reason: complaint.reason === "" ? `HTTP status ${response.status}` : complaint.reason,
    status: response.status
  })
}

export const unreadable = (response: ApiResponse, cause: string): ApiAnswerUnreadable =>
  new ApiAnswerUnreadable({ status: response.status, cause })

/**
 * Whether the body asks for a second factor. Tokens come with other bodies: nothing of this one is kept.
 */
export const asksForSecondFactor = (response: ApiResponse): boolean => {
  const body = Option.getOrUndefined(readObjectText(response.body))
  if (isPresent(body?.challenge)) return true
  return isPresent(Option.getOrUndefined(readObject(body?.detail))?.challenge)
}

/** Seconds, 1..86,400: the Retry-After header as a number or an HTTP date, else `retry_after` of the body, else 60. */
export const retryAfterSeconds = (response: ApiResponse): number => {
  const header = response.retryAfter?.trim() ?? ""
  if (/^\d+$/.test(header)) return withinADay(Number(header))
  // Date.parse accepts nearly anything: let it see only what begins as RFC 9110 section 5.6.7 has it.
  if (/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*[, ]/.test(header)) {
    const date = Date.parse(header)
    if (!Number.isNaN(date)) return withinADay(Math.ceil((date - response.receivedAt) / 1000))
  }
  const hint = Option.getOrUndefined(readObjectText(response.body))?.retry_after
  return typeof hint === "number" && Number.isFinite(hint) ? withinADay(Math.ceil(hint)) : 60
}

const withinADay = (seconds: number): number => Math.min(Math.max(seconds, 1), 86_400)

interface Complaint {
  readonly reason: string
  /** Path to what is wrong, lower case, `body` left out; empty when the answer does not say. */
  readonly location: ReadonlyArray<string>
  readonly code: string
}

/** Every field that an error body is known to have, at any level; each may be anything. */
const ErrorObject = Schema.Struct({
  detail: Schema.optionalKey(Schema.Unknown),
  message: Schema.optionalKey(Schema.Unknown),
  msg: Schema.optionalKey(Schema.Unknown),
  error: Schema.optionalKey(Schema.Unknown),
  loc: Schema.optionalKey(Schema.Unknown),
  field: Schema.optionalKey(Schema.Unknown),
  code: Schema.optionalKey(Schema.Unknown),
  retry_after: Schema.optionalKey(Schema.Unknown),
  challenge: Schema.optionalKey(Schema.Unknown)
})

const readObject = Schema.decodeUnknownOption(ErrorObject)
const readObjectText = Schema.decodeUnknownOption(Schema.fromJsonString(ErrorObject))

const isPresent = (value: unknown): boolean => value !== undefined && value !== null && value !== false

const complaintOf = (body: string): Complaint => {
  const outer = Option.getOrUndefined(readObjectText(body))
  if (outer === undefined) return { reason: plainText(body), location: [], code: "" }
  const details = Array.isArray(outer.detail) ? outer.detail : [outer.detail]
  const inner = Option.getOrUndefined(readObject(details[0]))
  const location = locationOf(inner?.loc ?? inner?.field ?? outer.loc ?? outer.field)
  const words = [details[0], inner?.msg, inner?.message, outer.message, outer.msg, outer.error]
    .concat([Option.getOrUndefined(readObject(outer.error))?.message])
    .find((value) => typeof value === "string" && value.trim() !== "")
  const reason = typeof words === "string" ? oneLine(words) : ""
  return {
    // A bare "field required" helps nobody.
    reason: inner !== undefined && location.length > 0 ? `${reason} (${location.join(".")})`.trim() : reason,
    location,
    code: String(inner?.code ?? outer.code ?? "")
  }
}

/** A path as a list, or as text like `to[0].email`. */
const locationOf = (location: unknown): ReadonlyArray<string> => {
  const steps = Array.isArray(location) ? location : typeof location === "string" ? location.split(/[.[\]]+/) : []
  return steps
    .filter((step) => typeof step === "string" || typeof step === "number")
    .map((step) => oneLine(String(step)).toLowerCase())
    .filter((step) => step !== "" && step !== "body")
}

const NO_ACCESS_TO_ACCOUNT = "8004"

const subjectOf = (status: number, complaint: Complaint): SubmissionRejected["subject"] => {
  const { code, location, reason } = complaint
  if (status === 403 || code === NO_ACCESS_TO_ACCOUNT) return "policy"
  if (location.some((step) => step === "sender" || step === "from" || step === "account_id")) return "policy"
  if (location[0] === "reply_to") return "content"
  const last = location.at(-1)
  if (last === "email" || location[0] === "to" || last === "recipient") return "recipient"
  if (location.length > 0) return "content"
  if (/\b(sender|account)\b/i.test(reason)) return "policy"
  return /\brecipient\b/i.test(reason) ? "recipient" : "content"
}

/** A page of a proxy in between says nothing to a mail's author. */
const plainText = (body: string): string => (body.includes("<") || body.includes("{") ? "" : oneLine(body))

const MAX_REASON_LENGTH = 200

const oneLine = (text: string): string => {
  const line = text.replace(/[\s\x00-\x1f\x7f-\x9f]+/g, " ").trim()
  return line.length > MAX_REASON_LENGTH ? `${line.slice(0, MAX_REASON_LENGTH - 3)}...` : line
}
