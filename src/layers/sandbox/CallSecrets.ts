/** Bodies of login calls as they may be shown: the names of their fields, and no password and no token. */
import { Option, Result, Schema } from "effect"

const HIDDEN = "(hidden)"

/** Fields that both contracts use for what nobody else may know. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  "password",
  "access_token",
  "refresh_token",
  "api_key",
  "client_secret",
  "challenge"
])

/** As JSON. Of a body that is neither a form nor JSON nothing is left: nobody knows what stands in it. */
export const hideSecrets = (body: Uint8Array | string): string => {
  if (body.length === 0) return ""
  const fields = fieldsOf(body)
  return fields === undefined ? HIDDEN : JSON.stringify(fields, hideSecret)
}

export const loginNameIn = (body: Uint8Array): string | undefined =>
  Option.getOrUndefined(decodeLogin(fieldsOf(body)))?.username

const decodeLogin = Schema.decodeUnknownOption(Schema.Struct({ username: Schema.String }))

const hideSecret = (name: string, value: unknown): unknown => (SECRET_FIELDS.has(name) ? HIDDEN : value)

const fieldsOf = (body: Uint8Array | string): unknown => {
  const text = typeof body === "string" ? body : Buffer.from(body).toString("utf8")
  const json = Result.try((): unknown => JSON.parse(text))
  if (Result.isSuccess(json)) return typeof json.success === "object" ? json.success : undefined
  return /^[\w.-]+=/.test(text) ? Object.fromEntries(new URLSearchParams(text)) : undefined
}
