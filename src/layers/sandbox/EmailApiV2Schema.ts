/** The request bodies of `email-api-v2`, rule by rule. Fields that are not named here are ignored, as the API does. */
import { Result, Schema } from "effect"
import { Address, Base64, HeaderName, HeaderValue, Text } from "./EmailSyntax.ts"
import type { RequestBody } from "./RequestBody.ts"

/** The API's word for a type of attachment, and the MIME type it stands for. */
export const ATTACHMENT_TYPES = {
  csv: "text/csv",
  doc: "application/msword",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  calendar: "text/calendar",
  jpeg: "image/jpeg",
  pdf: "application/pdf",
  png: "image/png",
  xls: "application/vnd.ms-excel",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
} as const

const NOT_PERMITTED = { message: "value is not a valid enumeration member" }

const FileName = Schema.String.check(
  Schema.isPattern(/^[a-zA-Z0-9-_]+\.(?:csv|doc|docx|ics|jpeg|pdf|png|xls|xlsx)$/, {
    message: 'string does not match regex "^[a-zA-Z0-9-_]+\\.(csv|doc|docx|ics|jpeg|pdf|png|xls|xlsx)$"'
  })
)

const Attachment = Schema.Struct({
  filename: FileName,
  type: Schema.Literals(["csv", "doc", "docx", "calendar", "jpeg", "pdf", "png", "xls", "xlsx"]).annotate(
    NOT_PERMITTED
  ),
  content: Base64
})

const Tag = Schema.String.check(
  Schema.isPattern(/^[a-zA-Z0-9-_]{1,255}$/, {
    message: 'string does not match regex "^[a-zA-Z0-9-_]+$" or is not 1 to 255 characters long'
  })
)

const AdditionalHeader = Schema.Struct({
  name: HeaderName.check(
    Schema.isPattern(/^(?!b?cc$)/i, { message: "cc and bcc are not allowed as additional headers" })
  ),
  value: HeaderValue
})

const Content = Schema.Struct({
  type: Schema.Literals(["marketing", "transactional"]).annotate(NOT_PERMITTED),
  subject: Text,
  html: Schema.optionalKey(Text),
  text: Schema.optionalKey(Text),
  encoding: Schema.optionalKey(Schema.Literal("utf-8").annotate(NOT_PERMITTED))
}).check(
  Schema.makeFilter(({ html, text }) => html !== undefined || text !== undefined, {
    message: "at least one of html and text is required"
  })
)

export const EmailV2 = Schema.Struct({
  sender: Schema.Struct({ id: Schema.String, name: Schema.optionalKey(Schema.String) }),
  email: Address,
  list_id: Schema.optionalKey(Schema.Int),
  content: Content,
  tags: Schema.optionalKey(Schema.Array(Tag)),
  tracking: Schema.optionalKey(
    Schema.Struct({
      opens: Schema.optionalKey(Schema.Boolean),
      clicks_html: Schema.optionalKey(Schema.Boolean),
      clicks_text: Schema.optionalKey(Schema.Boolean)
    })
  ),
  additional_headers: Schema.optionalKey(Schema.Array(AdditionalHeader)),
  attachment: Schema.optionalKey(Schema.Array(Attachment))
})

export const NewSenderV2 = Schema.Struct({ name: Text, email: Address })

const isAddressed = Schema.is(Schema.Struct({ email: Schema.String }))

export const recipientOfV2 = (body: RequestBody): string | undefined => {
  const json = Result.getOrElse(body.json, () => undefined)
  return isAddressed(json) ? json.email : undefined
}
