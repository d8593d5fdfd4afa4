/** The contract of the architecture document (`CAKEMAIL_API_CONTRACT=gateway-v1`). */
import { randomUUID } from "node:crypto"
import { Duration, Effect, Layer, Redacted, Result, Schema } from "effect"
import type { Email, Header, Mailbox } from "../../domain/Email.ts"
import { mailboxKey } from "../../domain/Envelope.ts"
import {
  AuthenticationFailed,
  MessageBudgetExhausted,
  SecondFactorRequired,
  SenderNotConfirmed
} from "../../domain/GatewayError.ts"
import type { Credentials, Identity } from "../../domain/Identity.ts"
import type { MigrationRequest } from "../../domain/migration/readMigration.ts"
import type { Transit } from "../../domain/Submission.ts"
import { CakemailClient, type MessageToPrepare } from "../../services/CakemailClient.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { asksForSecondFactor, troubleOf, unreadable } from "./ApiAnswers.ts"
import { type ApiResponse, ApiTransport } from "./ApiTransport.ts"
import { plainFileName } from "./Attachments.ts"
import { joinedValues, passedOnHeaders } from "./Headers.ts"
import { embedInlineImages } from "./InlineImages.ts"
import { bodyWithHole, jsonMembers } from "./JsonBody.ts"
import { BearerToken, type LoginAnswer } from "./Logins.ts"
import { makeMessageId, plainContent } from "./MailContent.ts"
import { migrationOf, withContent } from "./Migration.ts"
import { receivedHeader } from "./ReceivedHeader.ts"
import { ping, submitTo } from "./Submissions.ts"

export const GatewayV1Client: Layer.Layer<CakemailClient, never, ApiTransport | GatewayConfig> = Layer.effect(
  CakemailClient,
  Effect.gen(function* () {
    const { api, smtp } = yield* GatewayConfig
    const transport = yield* ApiTransport
    const timeout = Duration.toMillis(api.timeout)
    const loginTimeout = Duration.toMillis(api.authTimeout)

    const login = (credentials: Credentials, within = api.authTimeout) =>
      Effect.suspend(() =>
        transport.call(
          {
            endpoint: "login",
            method: "POST",
            path: "/v1/auth/validate",
            contentType: "application/json",
            body: [
              Buffer.from(
                JSON.stringify({ username: credentials.username, password: Redacted.value(credentials.password) }),
                "utf8"
              )
            ],
            timeout: loginTimeout,
            within
          },
          (response) => readLogin(credentials, response)
        )
      )

    const prepare = Effect.fnUntraced(function* (_identity: Identity, message: MessageToPrepare) {
      const { envelope, transit } = message
      const migration = yield* migrationOf(message, api, beyondContract)
      const email = withContent(message.email, migration)
      const from = email.from ?? { address: envelope.sender, name: "" }
      if (from.address === "") return yield* new SenderNotConfirmed({ address: "<>" })
      const body = api.inlineImages === "data" ? embedInlineImages(email) : email
      const content = plainContent(email.subject, email.text, body.html)
      const [replyTo] = email.replyTo
      const fields = {
        from: mailboxJson(from),
        subject: content.subject,
        text_body: content.text,
        html_body: content.html,
        reply_to: replyTo === undefined ? undefined : mailboxJson(replyTo),
        headers: headersObject(email, migration.customData, transit, smtp.hostname, api.receivedClientIp)
      }
      const attachments = body.attachments.map((attachment) => ({
        fields: { filename: plainFileName(attachment), content_type: attachment.contentType },
        base64: attachment.base64
      }))
      const names = displayNames(email)
      const prepared = bodyWithHole({
        recipientField: "to",
        recipientValue: (recipient) =>
          JSON.stringify([mailboxJson({ address: recipient, name: names.get(mailboxKey(recipient)) ?? "" })]),
        rest: jsonMembers(fields, "attachments", attachments),
        query: "",
        room: message.room
      })
      if (prepared === undefined) return yield* new MessageBudgetExhausted()
      return migration.testMode ? { ...prepared, testMode: true } : prepared
    })

    const submit = submitTo(transport, { path: "/v1/emails", timeout, decodeReceipt })
    return CakemailClient.of({ login, prepare, submit, ping: ping(transport, loginTimeout) })
  })
)

const decodeApiKey = Schema.decodeUnknownResult(
  Schema.fromJsonString(
    Schema.Struct({
      api_key: BearerToken,
      account_id: Schema.optionalKey(Schema.Unknown),
      expires_in: Schema.optionalKey(Schema.Unknown)
    })
  )
)

const readLogin = (credentials: Credentials, response: ApiResponse): LoginAnswer => {
  const { status } = response
  if (status < 500 && asksForSecondFactor(response)) return Effect.fail(new SecondFactorRequired())
  if (status === 401) return Effect.fail(new AuthenticationFailed({ reason: "credentials" }))
  if (status < 200 || status > 299) {
    return Effect.fail(troubleOf(response) ?? new AuthenticationFailed({ reason: "malformed" }))
  }
  const key = decodeApiKey(response.body)
  // No word of why: the body may hold a key.
  if (Result.isFailure(key)) return Effect.fail(unreadable(response, "no usable api_key"))
  const { account_id, api_key, expires_in } = key.success
  const accountId = Number(account_id)
  const identity: Identity = {
    username: credentials.username,
    accountId: Number.isSafeInteger(accountId) && accountId > 0 ? accountId : undefined,
    token: Redacted.make(api_key),
    expiresAt: typeof expires_in === "number" && expires_in > 0 ? response.receivedAt + expires_in * 1000 : undefined
  }
  return Effect.succeed(identity)
}

/** The contract has no words for what `email-api-v2` has. */
const beyondContract = (request: MigrationRequest): ReadonlyArray<string> => [
  ...(request.tags.length > 0 ? ["tags"] : []),
  ...([request.trackOpens, request.trackClicksHtml, request.trackClicksText].every((asked) => asked === undefined)
    ? []
    : ["tracking"]),
  ...(request.contentType === undefined ? [] : ["content type"])
]

const mailboxJson = ({ address, name }: Mailbox): { readonly email: string; readonly name?: string } =>
  name === "" ? { email: address } : { email: address, name }

const displayNames = (email: Email): ReadonlyMap<string, string> => {
  const names = new Map<string, string>()
  for (const { address, name } of [...email.to, ...email.cc]) {
    const key = mailboxKey(address)
    if (name !== "" && !names.has(key)) names.set(key, name)
  }
  return names
}

/** One value a name: duplicates are joined, whatever their case. Reply-To has a field of its own. */
const headersObject = (
  email: Email,
  customData: ReadonlyArray<Header>,
  transit: Transit,
  hostname: string,
  showClientAddress: boolean
): { readonly [name: string]: string } => {
  const byName = new Map<string, { readonly name: string; value: string }>()
  const add = (name: string, value: string) => {
    const key = name.toLowerCase()
    const present = byName.get(key)
    if (present === undefined) byName.set(key, { name, value })
    else present.value += `, ${value}`
  }
  add("Received", receivedHeader(transit, hostname, randomUUID(), showClientAddress))
  for (const name of ["To", "Cc"]) {
    const value = joinedValues(email, name)
    if (value !== undefined) add(name, value)
  }
  for (const { name, value } of passedOnHeaders(email, () => makeMessageId(randomUUID(), hostname))) {
    if (email.replyTo.length !== 1 || name.toLowerCase() !== "reply-to") add(name, value)
  }
  for (const { name, value } of customData) add(name, value)
  // Not an object literal grown by assignment: a header may be called `__proto__`.
  return Object.fromEntries([...byName.values()].map(({ name, value }) => [name, value]))
}

const decodeAnswer = Schema.decodeUnknownResult(
  Schema.fromJsonString(
    Schema.Struct({ message_id: Schema.NonEmptyString, status: Schema.Literals(["queued", "rejected", "error"]) })
  )
)

const decodeReceipt = (body: string) =>
  Result.map(decodeAnswer(body), ({ message_id, status }) => ({ messageId: message_id, status }))
