/** The contract `email-api-v2` after the login: senders and submission. */
import { randomUUID } from "node:crypto"
import { Clock, Effect } from "effect"
import type { SandboxSender } from "../../services/Sandbox.ts"
import type { CapturedMessages } from "../../services/SandboxMessages.ts"
import type { Accounts } from "./Accounts.ts"
import type { ApiEndpoint, ApiRequest } from "./ApiEndpoint.ts"
import { ATTACHMENT_TYPES, EmailV2, NewSenderV2, recipientOfV2 } from "./EmailApiV2Schema.ts"
import { checkAccount } from "./EmailApiV2Token.ts"
import { decodedSize } from "./EmailSyntax.ts"
import { businessRefusal, emailApiV2, invalidInteger, type Refusal } from "./Refusal.ts"
import { jsonDecoder } from "./RequestBody.ts"
import type { Senders } from "./Senders.ts"
import { toCapturedMessage } from "./Submissions.ts"

export interface EmailApiV2Options {
  readonly accounts: Accounts
  readonly senders: Senders
  readonly messages: CapturedMessages
  /** Created senders need no confirmation. */
  readonly confirmSenders: boolean
}

const MAX_PER_PAGE = 100

export const makeEmailApiV2 = (options: EmailApiV2Options) => {
  const { accounts, messages, senders } = options

  /** The account that the bearer token stands for, and the account id that is meant. */
  const authorise = Effect.fnUntraced(function* ({ http, query }: ApiRequest) {
    const bearer = /^bearer +(\S+)$/i.exec(http.headers["authorization"] ?? "")?.[1]
    if (bearer === undefined) return yield* emailApiV2.failure(401, "Not authenticated")
    const account = accounts.find(bearer, yield* Clock.currentTimeMillis)
    if (account === undefined) return yield* emailApiV2.failure(401, "Could not validate credentials")
    const accountId = yield* checkAccount(account, single(query["account_id"]), ["query", "account_id"])
    return { account, accountId }
  })

  const listSenders: ApiEndpoint = {
    name: "senders",
    contract: emailApiV2,
    success: 200,
    handle: Effect.fnUntraced(function* (request) {
      const { accountId } = yield* authorise(request)
      const page = yield* pageNumber(request, "page", 1, Number.MAX_SAFE_INTEGER)
      const perPage = yield* pageNumber(request, "per_page", 50, MAX_PER_PAGE)
      const all = senders.list(accountId)
      const count = single(request.query["with_count"]) === "true" ? { count: all.length } : {}
      return {
        pagination: { page, per_page: perPage, ...count },
        data: all.slice((page - 1) * perPage, page * perPage)
      }
    })
  }

  const decodeSender = jsonDecoder(NewSenderV2, emailApiV2)

  const createSender: ApiEndpoint = {
    name: "senders",
    contract: emailApiV2,
    success: 201,
    handle: Effect.fnUntraced(function* (request) {
      const { accountId } = yield* authorise(request)
      const { email, name } = yield* decodeSender(request.http, request.body)
      const sender = senders.add(accountId, { name, email, confirmed: options.confirmSenders })
      return { object: "sender", created: true, data: sender }
    })
  }

  const decodeEmail = jsonDecoder(EmailV2, emailApiV2)

  const submit: ApiEndpoint = {
    name: "emails",
    contract: emailApiV2,
    success: 201,
    recipientOf: recipientOfV2,
    handle: Effect.fnUntraced(function* (request) {
      const { account, accountId } = yield* authorise(request)
      const email = yield* decodeEmail(request.http, request.body)
      const sender = yield* confirmedSender(senders.find(accountId, email.sender.id))
      if (account.listIdRequired === true && email.list_id === undefined) {
        return yield* businessRefusal(["body", "list_id"], "list_id is required for this account")
      }
      const id = randomUUID()
      const answer = {
        email: email.email,
        object: "email",
        submitted: true,
        data: { id, status: request.verdict }
      }
      if (request.verdict !== "queued") return answer
      const { clicks_html, clicks_text, opens } = email.tracking ?? {}
      const message = toCapturedMessage(
        {
          id,
          contract: "email-api-v2",
          username: account.username,
          accountId,
          requestId: request.requestId,
          receivedAt: yield* Clock.currentTimeMillis,
          sender: { address: sender.email, name: email.sender.name ?? sender.name },
          recipient: { address: email.email, name: "" },
          subject: email.content.subject,
          text: email.content.text,
          html: email.content.html,
          headers: email.additional_headers ?? [],
          attachments: (email.attachment ?? []).map(({ content, filename, type }) => ({
            fileName: filename,
            contentType: ATTACHMENT_TYPES[type],
            size: decodedSize(content)
          })),
          tags: email.tags ?? [],
          tracking: {
            ...(opens === undefined ? {} : { opens }),
            ...(clicks_html === undefined ? {} : { clicksHtml: clicks_html }),
            ...(clicks_text === undefined ? {} : { clicksText: clicks_text })
          },
          listId: email.list_id,
          answer: { status: 201, body: answer }
        },
        request.body
      )
      yield* messages.add(message)
      return answer
    })
  }

  return { listSenders, createSender, submit }
}

const confirmedSender = (sender: SandboxSender | undefined): Effect.Effect<SandboxSender, Refusal> => {
  if (sender === undefined) return Effect.fail(businessRefusal(["body", "sender", "id"], "Sender not found"))
  return sender.confirmed
    ? Effect.succeed(sender)
    : Effect.fail(businessRefusal(["body", "sender", "id"], "Sender is not confirmed"))
}

const pageNumber = (
  request: ApiRequest,
  name: string,
  fallback: number,
  maximum: number
): Effect.Effect<number, Refusal> => {
  const asked = single(request.query[name])
  if (asked === undefined) return Effect.succeed(fallback)
  const number = Number(asked)
  return /^\d{1,9}$/.test(asked) && number >= 1 && number <= maximum
    ? Effect.succeed(number)
    : Effect.fail(invalidInteger(["query", name]))
}

const single = (value: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof value === "string" ? value : value?.[0]
