/** Turns an accepted submission into a captured message. */
import { Schema } from "effect"
import type { CapturedMessage } from "../../services/SandboxMessages.ts"
import type { RequestBody } from "./RequestBody.ts"

/** Everything that is read from the payload or known of the call. */
export interface Submitted extends Omit<
  CapturedMessage,
  "messageId" | "body" | "payload" | "attachmentContents" | "attachmentBase64"
> {}

export const toCapturedMessage = (submitted: Submitted, body: RequestBody): CapturedMessage => {
  const parsed = (): unknown => JSON.parse(body.text)
  return {
    ...submitted,
    messageId: messageIdOf(submitted),
    body: body.bytes,
    get payload() {
      return parsed()
    },
    attachmentContents: () => contentsOf(parsed()),
    attachmentBase64: (index) => contentsOf(parsed())[index]
  }
}

const messageIdOf = ({ headers }: Submitted): string | undefined =>
  headers
    .find(({ name }) => name.toLowerCase() === "message-id")
    ?.value.trim()
    .replace(/^<|>$/g, "")

const Contents = Schema.Struct({
  attachment: Schema.optionalKey(Schema.Array(Schema.Struct({ content: Schema.String }))),
  attachments: Schema.optionalKey(Schema.Array(Schema.Struct({ content: Schema.String })))
})

const decodeContents = Schema.decodeUnknownSync(Contents)

/** Whatever the contract calls the field. The payload was accepted before, so that decoding it cannot fail. */
const contentsOf = (payload: unknown): ReadonlyArray<string> => {
  const { attachment, attachments } = decodeContents(payload)
  return (attachment ?? attachments ?? []).map(({ content }) => content)
}
