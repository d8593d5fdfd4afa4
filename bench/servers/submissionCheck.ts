/** Whether a body is a submission that `POST /v2/emails` takes: for runs that ask what was sent, not how fast. */
import { Result, Schema } from "effect"

const Text = Schema.String.check(Schema.isMinLength(1))

const Submission = Schema.Struct({
  email: Schema.String.check(Schema.isPattern(/^[^@\s]+@[^@\s]+$/)),
  sender: Schema.Struct({ id: Text }),
  content: Schema.Struct({
    type: Schema.Literals(["marketing", "transactional"]),
    encoding: Schema.Literal("utf-8"),
    subject: Text,
    text: Schema.optionalKey(Text),
    html: Schema.optionalKey(Text)
  }),
  attachment: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        filename: Schema.String.check(Schema.isPattern(/^[\w-]+\.pdf$/)),
        type: Schema.Literal("pdf"),
        content: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9+/]+={0,2}$/))
      })
    )
  )
})

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Submission))

/** What is wrong with it, if anything is. */
export const complaintAbout = (body: Uint8Array): string | undefined => {
  const result = decode(Buffer.from(body).toString("utf8"))
  return Result.isFailure(result) ? result.failure.message : undefined
}
