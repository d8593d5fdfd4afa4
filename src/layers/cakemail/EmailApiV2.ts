/** The public Cakemail Email API (`CAKEMAIL_API_CONTRACT=email-api-v2`). */
import { randomUUID } from "node:crypto"
import { Duration, Effect, Layer, Redacted, Result, Schema } from "effect"
import {
  AttachmentUnsupported,
  AuthenticationFailed,
  MessageBudgetExhausted,
  SecondFactorRequired,
  SenderNotConfirmed,
  SubmissionRejected
} from "../../domain/GatewayError.ts"
import type { Email, Header } from "../../domain/Email.ts"
import type { Envelope } from "../../domain/Envelope.ts"
import type { Credentials, Identity } from "../../domain/Identity.ts"
import { fittedTags } from "../../domain/Tag.ts"
import { CakemailClient, type MessageToPrepare } from "../../services/CakemailClient.ts"
import { GatewayConfig, type GatewaySettings } from "../../services/GatewayConfig.ts"
import { asksForSecondFactor, troubleOf, unreadable } from "./ApiAnswers.ts"
import { type ApiResponse, ApiTransport } from "./ApiTransport.ts"
import { acceptAttachments, attachmentLabel } from "./Attachments.ts"
import { type Controls, passedOnHeaders, readControls } from "./Headers.ts"
import { embedInlineImages } from "./InlineImages.ts"
import { bodyWithHole, jsonMembers } from "./JsonBody.ts"
import { makeMessageId, type PlainContent, plainContent } from "./MailContent.ts"
import { migrationOf, withContent, withMigration } from "./Migration.ts"
import { isPersonalAccessToken, loginName } from "./PersonalAccessToken.ts"
import { Senders, TRY_TOKEN_PATH } from "./Senders.ts"
import { BearerToken, type LoginAnswer } from "./Logins.ts"
import { ping, submitTo } from "./Submissions.ts"

export const EmailApiV2Client: Layer.Layer<CakemailClient, never, ApiTransport | GatewayConfig | Senders> =
  Layer.effect(
    CakemailClient,
    Effect.gen(function* () {
      const { api, smtp } = yield* GatewayConfig
      const transport = yield* ApiTransport
      const senders = yield* Senders
      const timeout = Duration.toMillis(api.timeout)
      const loginTimeout = Duration.toMillis(api.authTimeout)

      const loginWithPassword = (credentials: Credentials, within: Duration.Duration) =>
        transport.call(
          {
            endpoint: "login",
            method: "POST",
            path: "/token",
            contentType: "application/x-www-form-urlencoded",
            body: [
              formEncoded([
                ["grant_type", "password"],
                ["username", credentials.username],
                ["password", Redacted.value(credentials.password)]
              ])
            ],
            timeout: loginTimeout,
            within
          },
          (response) => readLogin(credentials, response)
        )

      const loginWithToken = (credentials: Credentials, within: Duration.Duration) =>
        transport.call(
          {
            endpoint: "login",
            method: "GET",
            path: TRY_TOKEN_PATH,
            token: credentials.password,
            timeout: loginTimeout,
            within
          },
          (response) => readTokenTrial(credentials, response)
        )

      const login = (credentials: Credentials, within = api.authTimeout) =>
        Effect.suspend(() =>
          isPersonalAccessToken(Redacted.value(credentials.password))
            ? loginWithToken(credentials, within)
            : loginWithPassword(credentials, within)
        )

      const prepare = Effect.fnUntraced(function* (identity: Identity, message: MessageToPrepare) {
        const { envelope } = message
        const migration = yield* migrationOf(message, api)
        const email = withContent(message.email, migration)
        const controls = withMigration(readControls(email), migration)
        if (controls.ignored.length > 0) {
          yield* Effect.logInfo("control_headers_ignored", { headers: controls.ignored.join(", ") })
        }
        const misdirecting = controls.ignored.find((name) => DIRECTING.has(name))
        if (misdirecting !== undefined) {
          const reason = `${misdirecting} is not a number`
          return yield* new SubmissionRejected({ subject: "content", reason, status: 422 })
        }
        const body = api.inlineImages === "data" ? embedInlineImages(email) : email
        const { accepted, unsupported } = acceptAttachments(body.attachments)
        const [firstUnsupported] = unsupported
        if (firstUnsupported !== undefined) {
          if (api.unsupportedAttachments === "reject") {
            return yield* new AttachmentUnsupported({ fileName: attachmentLabel(firstUnsupported) })
          }
          yield* Effect.logWarning("attachments_dropped", {
            count: unsupported.length,
            content_types: [...new Set(unsupported.map((attachment) => attachment.contentType))].join(", ")
          })
        }
        const accountId = controls.accountId ?? identity.accountId
        const senderId = controls.senderId ?? (yield* senderFor(identity, accountId, email, envelope))
        const fields = submissionFields({
          email,
          content: plainContent(email.subject, email.text, body.html),
          controls,
          customData: migration.customData,
          senderId,
          api,
          hostname: smtp.hostname
        })
        const attachments = accepted.map(({ base64, filename, type }) => ({ fields: { filename, type }, base64 }))
        const prepared = bodyWithHole({
          recipientField: "email",
          recipientValue: (recipient) => JSON.stringify(recipient),
          rest: jsonMembers(fields, "attachment", attachments),
          query: accountId === undefined ? "" : `?account_id=${accountId}`,
          room: message.room
        })
        if (prepared === undefined) return yield* new MessageBudgetExhausted()
        return migration.testMode ? { ...prepared, testMode: true } : prepared
      })

      const senderFor = (identity: Identity, accountId: number | undefined, email: Email, envelope: Envelope) => {
        const addresses = [email.from?.address ?? "", envelope.sender].filter((address) => address !== "")
        const [first, ...others] = new Set(addresses)
        return first === undefined
          ? Effect.fail(new SenderNotConfirmed({ address: "<>" }))
          : senders.idFor({ identity, accountId, addresses: [first, ...others], name: email.from?.name ?? "" })
      }

      const submit = submitTo(transport, { path: "/v2/emails", timeout, decodeReceipt })
      return CakemailClient.of({ login, prepare, submit, ping: ping(transport, loginTimeout) })
    })
  )

/** `application/x-www-form-urlencoded` with everything but unreserved characters escaped, so that no `+` means a blank. */
const formEncoded = (fields: ReadonlyArray<readonly [string, string]>): Uint8Array =>
  Buffer.from(fields.map(([name, value]) => `${name}=${percentEncoded(value)}`).join("&"), "ascii")

const percentEncoded = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  )

const decodeToken = Schema.decodeUnknownResult(
  Schema.fromJsonString(Schema.Struct({ access_token: BearerToken, expires_in: Schema.optionalKey(Schema.Unknown) }))
)

const readLogin = (credentials: Credentials, response: ApiResponse): LoginAnswer => {
  const { status } = response
  if (status < 500 && asksForSecondFactor(response)) return Effect.fail(new SecondFactorRequired())
  if (status === 401) return Effect.fail(new AuthenticationFailed({ reason: "credentials" }))
  if (status < 200 || status > 299) {
    return Effect.fail(troubleOf(response) ?? new AuthenticationFailed({ reason: "malformed" }))
  }
  const token = decodeToken(response.body)
  // No word of why: the body may hold a token.
  if (Result.isFailure(token)) return Effect.fail(unreadable(response, "no usable access_token"))
  const { access_token, expires_in } = token.success
  const identity: Identity = {
    username: credentials.username,
    // The API decides by the token; a mail may name another account that the login has.
    accountId: undefined,
    token: Redacted.make(access_token),
    expiresAt: typeof expires_in === "number" && expires_in > 0 ? response.receivedAt + expires_in * 1000 : undefined
  }
  return Effect.succeed(identity)
}

const readTokenTrial = (credentials: Credentials, response: ApiResponse): LoginAnswer => {
  const { status } = response
  if (status === 401 || status === 403) return Effect.fail(new AuthenticationFailed({ reason: "credentials" }))
  if (status < 200 || status > 299) {
    return Effect.fail(troubleOf(response) ?? new AuthenticationFailed({ reason: "malformed" }))
  }
  const identity: Identity = {
    username: loginName(credentials),
    accountId: undefined,
    token: credentials.password,
    expiresAt: undefined
  }
  return Effect.succeed(identity)
}

/** Everything of `POST /v2/emails` but recipient and attachments. */
const submissionFields = (mail: {
  readonly email: Email
  readonly content: PlainContent
  readonly controls: Controls
  readonly customData: ReadonlyArray<Header>
  readonly senderId: string
  readonly api: GatewaySettings["api"]
  readonly hostname: string
}) => {
  const { api, content, controls, email } = mail
  const tags = fittedTags(controls.tags)
  const senderName = email.from?.name ?? ""
  return {
    sender: { id: mail.senderId, name: senderName === "" ? undefined : senderName },
    list_id: controls.listId ?? api.listId,
    content: {
      type: controls.contentType ?? api.contentType,
      encoding: "utf-8",
      subject: content.subject,
      html: content.html,
      text: content.text
    },
    tags: tags.length === 0 ? undefined : tags,
    tracking: {
      opens: controls.trackOpens ?? api.trackOpens,
      clicks_html: controls.trackClicksHtml ?? api.trackClicks,
      clicks_text: controls.trackClicksText ?? api.trackClicks
    },
    additional_headers: [
      ...passedOnHeaders(email, () => makeMessageId(randomUUID(), mail.hostname)),
      ...mail.customData
    ]
  }
}

const decodeAnswer = Schema.decodeUnknownResult(
  Schema.fromJsonString(
    Schema.Struct({
      data: Schema.Struct({ id: Schema.NonEmptyString, status: Schema.Literals(["queued", "rejected", "error"]) })
    })
  )
)

const decodeReceipt = (body: string) =>
  Result.map(decodeAnswer(body), ({ data }) => ({ messageId: data.id, status: data.status }))

/** Without them a mail would go out for another account or list than the one meant. */
const DIRECTING: ReadonlySet<string> = new Set(["X-Account-Id", "X-List-Id"])
