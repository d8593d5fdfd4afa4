/** The contract `gateway-v1`: login and submission. */
import { randomUUID } from "node:crypto"
import { Clock, Duration, Effect, Result, Schema } from "effect"
import type { CapturedMessages } from "../../services/SandboxMessages.ts"
import type { Accounts } from "./Accounts.ts"
import type { ApiEndpoint } from "./ApiEndpoint.ts"
import { Address, Base64, decodedSize, HeaderName, HeaderValue, Text } from "./EmailSyntax.ts"
import { gatewayV1, Refusal } from "./Refusal.ts"
import { jsonDecoder, type RequestBody } from "./RequestBody.ts"
import { toCapturedMessage } from "./Submissions.ts"

export interface GatewayApiV1Options {
  readonly accounts: Accounts
  readonly messages: CapturedMessages
}

const KEY_LIFETIME: Duration.Input = "900 seconds"

const Credentials = Schema.Struct({ username: Schema.String, password: Schema.String })

const Party = Schema.Struct({ email: Address, name: Schema.optionalKey(Schema.String) })

const EmailV1 = Schema.Struct({
  from: Party,
  to: Schema.NonEmptyArray(Party),
  cc: Schema.optionalKey(Schema.Array(Party)),
  bcc: Schema.optionalKey(Schema.Array(Party)),
  subject: Schema.String,
  text_body: Schema.optionalKey(Schema.String),
  html_body: Schema.optionalKey(Schema.String),
  reply_to: Schema.optionalKey(Party),
  headers: Schema.optionalKey(Schema.Record(HeaderName, HeaderValue)),
  attachments: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        filename: Text,
        content: Base64,
        content_type: Schema.String.check(
          Schema.isPattern(/^[\w.+-]+\/[\w.+-]+(?: *;.*)?$/, { message: "content_type is not a MIME type" })
        )
      })
    )
  )
}).check(
  Schema.makeFilter(({ html_body, text_body }) =>
    html_body === undefined && text_body === undefined
      ? { path: ["text_body"], issue: "one of text_body and html_body is required" }
      : undefined
  )
)

export const makeGatewayApiV1 = ({ accounts, messages }: GatewayApiV1Options) => {
  const decodeCredentials = jsonDecoder(Credentials, gatewayV1)

  const validate: ApiEndpoint = {
    name: "auth",
    contract: gatewayV1,
    success: 200,
    handle: Effect.fnUntraced(function* ({ body, http }) {
      const { password, username } = yield* decodeCredentials(http, body)
      const account = accounts.login(username, password)
      if (account === undefined) return yield* gatewayV1.failure(401, "Invalid username or password")
      if (account.secondFactor !== undefined) {
        return yield* new Refusal({
          status: account.secondFactor,
          body: { error: "second_factor_required", message: "A second factor is required", challenge: randomUUID() }
        })
      }
      const lifetime = Duration.fromInputUnsafe(account.tokenLifetime ?? KEY_LIFETIME)
      const issued = accounts.issue(account, "cm_live_", lifetime, yield* Clock.currentTimeMillis)
      return {
        api_key: issued.accessToken,
        account_id: `acc_${account.accountIds[0]}`,
        email: account.username,
        expires_in: issued.expiresIn
      }
    })
  }

  const decodeEmail = jsonDecoder(EmailV1, gatewayV1)

  const submit: ApiEndpoint = {
    name: "emails",
    contract: gatewayV1,
    success: 200,
    recipientOf: recipientOfV1,
    handle: Effect.fnUntraced(function* (request) {
      const { body, http, requestId, verdict } = request
      const now = yield* Clock.currentTimeMillis
      const key = /^bearer +(\S+)$/i.exec(http.headers["authorization"] ?? "")?.[1]
      const account = key === undefined ? undefined : accounts.find(key, now)
      if (account === undefined) return yield* gatewayV1.failure(401, "Invalid API key")
      const email = yield* decodeEmail(http, body)
      const [recipient] = email.to
      const id = `msg_${randomUUID()}`
      const answer = { message_id: id, status: verdict, recipient: recipient.email }
      if (verdict !== "queued") return answer
      const headers = Object.entries(email.headers ?? {}).map(([name, value]) => ({ name, value }))
      if (email.reply_to !== undefined && !headers.some(({ name }) => name.toLowerCase() === "reply-to")) {
        headers.push({ name: "Reply-To", value: mailboxText(email.reply_to) })
      }
      const message = toCapturedMessage(
        {
          id,
          contract: "gateway-v1",
          username: account.username,
          accountId: account.accountIds[0],
          requestId,
          receivedAt: now,
          sender: { address: email.from.email, name: email.from.name ?? "" },
          recipient: { address: recipient.email, name: recipient.name ?? "" },
          subject: email.subject,
          text: email.text_body,
          html: email.html_body,
          headers,
          attachments: (email.attachments ?? []).map(({ content, content_type, filename }) => ({
            fileName: filename,
            contentType: content_type,
            size: decodedSize(content)
          })),
          tags: [],
          tracking: {},
          listId: undefined,
          answer: { status: 200, body: answer }
        },
        body
      )
      yield* messages.add(message)
      return answer
    })
  }

  return { validate, submit }
}

const mailboxText = ({ email, name }: typeof Party.Type): string =>
  name === undefined || name === "" ? email : `"${name.replace(/[\r\n\0]/g, " ").replace(/["\\]/g, "\\$&")}" <${email}>`

const isAddressed = Schema.is(Schema.Struct({ to: Schema.NonEmptyArray(Schema.Struct({ email: Schema.String })) }))

const recipientOfV1 = (body: RequestBody): string | undefined => {
  const json = Result.getOrElse(body.json, () => undefined)
  return isAddressed(json) ? json.to[0].email : undefined
}
