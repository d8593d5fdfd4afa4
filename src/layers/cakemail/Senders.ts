/** The confirmed senders of accounts (`email-api-v2`): looked up page by page, remembered, created when that is allowed. */
import { hash } from "node:crypto"
import { Clock, Context, Duration, Effect, Layer, Redacted, Result, Schema } from "effect"
import {
  type ApiAnswerUnreadable,
  type PrepareError,
  SenderConfirmationPending,
  SenderNotConfirmed,
  SenderQuotaReached
} from "../../domain/GatewayError.ts"
import type { Identity } from "../../domain/Identity.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import { inSpan } from "../telemetry/spans.ts"
import { type Refusal, refusal, unreadable } from "./ApiAnswers.ts"
import { type ApiResponse, ApiTransport } from "./ApiTransport.ts"
import { isPersonalAccessToken } from "./PersonalAccessToken.ts"
import { makeSharedLookups } from "./SharedLookups.ts"

export interface SenderQuery {
  readonly identity: Identity
  /** The account that the mail names, if it does. */
  readonly accountId: number | undefined
  /** Candidates in their order, the From header's first; at least one. */
  readonly addresses: readonly [string, ...Array<string>]
  /** Given to a sender that is created; empty: its address. */
  readonly name: string
}

export class Senders extends Context.Service<
  Senders,
  {
    /**
     * The id of the first candidate that is a confirmed sender. With CAKEMAIL_CREATE_SENDERS only the first
     * candidate counts, and is created when the account does not have it.
     */
    readonly idFor: (query: SenderQuery) => Effect.Effect<string, PrepareError>
  }
>()("gateway/layers/cakemail/Senders") {}

export const SendersLive: Layer.Layer<Senders, never, ApiTransport | GatewayConfig> = Layer.effect(
  Senders,
  Effect.gen(function* () {
    const { api } = yield* GatewayConfig
    const transport = yield* ApiTransport
    const timeout = Duration.toMillis(api.timeout)
    const creations = makeCreationQuota()
    const lookups = yield* makeSharedLookups<Standing, PrepareError>({
      capacity: REMEMBERED_SENDERS,
      timeToLive: (standing) => (standing._tag === "Confirmed" ? REMEMBER_CONFIRMED : REMEMBER_OTHERS)
    })

    const page = (query: SenderQuery, number: number) =>
      transport.call(
        {
          endpoint: "senders",
          method: "GET",
          path: `${SENDERS_PATH}?page=${number}&per_page=${PAGE_SIZE}${accountParameter("&", query.accountId)}`,
          token: query.identity.token,
          timeout
        },
        readPage
      )

    const listed = Effect.fnUntraced(function* (query: SenderQuery, address: string) {
      const wanted = address.toLowerCase()
      let unconfirmed = false
      for (let number = 1; number <= MAX_PAGES; number++) {
        const senders = yield* page(query, number)
        for (const sender of senders) {
          if (sender.email.toLowerCase() !== wanted) continue
          if (sender.confirmed) return confirmed(sender.id)
          unconfirmed = true
        }
        if (senders.length < PAGE_SIZE) break
      }
      return unconfirmed ? UNCONFIRMED : ABSENT
    })

    const created = Effect.fnUntraced(function* (query: SenderQuery, address: string, owner: string) {
      const now = yield* Clock.currentTimeMillis
      if (!creations.take(owner, now)) return QUOTA_REACHED
      const body = Buffer.from(
        JSON.stringify({ name: query.name === "" ? address : query.name, email: address }),
        "utf8"
      )
      const sender = yield* transport
        .call(
          {
            endpoint: "create_sender",
            method: "POST",
            path: SENDERS_PATH + accountParameter("?", query.accountId),
            token: query.identity.token,
            contentType: "application/json",
            body: [body],
            timeout
          },
          readCreated
        )
        .pipe(Effect.tapErrorTag("ApiUnreachable", () => Effect.sync(() => creations.giveBack(owner))))
      // What the quota spares is the mailing of confirmation links: one that needs none does not count.
      if (sender.confirmed) creations.giveBack(owner)
      yield* Effect.logInfo("sender_created", { confirmed: sender.confirmed })
      return sender.confirmed ? confirmed(sender.id) : UNCONFIRMED
    })

    const standing = (query: SenderQuery, address: string) => {
      const owner = ownerOf(query)
      const lookup = listed(query, address)
      return lookups.get(
        `${owner}\n${address.toLowerCase()}`,
        inSpan(
          "senders",
          "client",
          api.createSenders
            ? Effect.filterOrElse(
                lookup,
                (found) => found !== ABSENT,
                () => created(query, address, owner)
              )
            : lookup
        )
      )
    }

    const idFor = Effect.fnUntraced(function* (query: SenderQuery) {
      const [first] = query.addresses
      // Where senders are created the mail goes out from the address it names, not from another that is at hand.
      for (const address of api.createSenders ? [first] : query.addresses) {
        const found = yield* standing(query, address)
        if (found._tag === "Confirmed") return found.id
        if (found._tag === "QuotaReached") return yield* new SenderQuotaReached({ address })
        if (found._tag === "Unconfirmed" && api.createSenders) return yield* new SenderConfirmationPending({ address })
      }
      return yield* new SenderNotConfirmed({ address: first })
    })

    return Senders.of({ idFor })
  })
)

/** Any authorised call that costs the API little will do to try a token; this one is known to be allowed to all. */
export const TRY_TOKEN_PATH = "/brands/default/senders?page=1&per_page=1"

const SENDERS_PATH = "/brands/default/senders"
const PAGE_SIZE = 100
const MAX_PAGES = 20
const REMEMBERED_SENDERS = 10_000
const REMEMBER_CONFIRMED = Duration.minutes(15)
const REMEMBER_OTHERS = Duration.seconds(30)
const CREATIONS_A_DAY = 5

/** What an account has under an address. */
type Standing =
  | { readonly _tag: "Confirmed"; readonly id: string }
  | { readonly _tag: "Unconfirmed" }
  | { readonly _tag: "Absent" }
  | { readonly _tag: "QuotaReached" }

const confirmed = (id: string): Standing => ({ _tag: "Confirmed", id })
const UNCONFIRMED: Standing = { _tag: "Unconfirmed" }
const ABSENT: Standing = { _tag: "Absent" }
const QUOTA_REACHED: Standing = { _tag: "QuotaReached" }

const accountParameter = (separator: string, accountId: number | undefined): string =>
  accountId === undefined ? "" : `${separator}account_id=${accountId}`

/**
 * Whose senders they are. The account id alone is not enough: any client may name any account. A personal access
 * token goes with any user name, so there the token is the owner.
 */
const ownerOf = ({ accountId, identity }: SenderQuery): string => {
  const token = Redacted.value(identity.token)
  const login = isPersonalAccessToken(token) ? hash("sha256", token, "base64") : identity.username.toLowerCase()
  return `${accountId ?? identity.accountId ?? ""}\n${login}`
}

const Sender = Schema.Struct({ id: Schema.NonEmptyString, email: Schema.String, confirmed: Schema.Boolean })

const decodePage = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Struct({ data: Schema.Array(Sender) })))

/** The sender itself, or in an envelope. */
const decodeCreated = Schema.decodeUnknownResult(
  Schema.fromJsonString(Schema.Union([Sender, Schema.Struct({ data: Sender })]))
)

const readPage = (
  response: ApiResponse
): Effect.Effect<ReadonlyArray<typeof Sender.Type>, Refusal | ApiAnswerUnreadable> => {
  if (response.status < 200 || response.status > 299) return Effect.fail(refusal(response))
  const page = decodePage(response.body)
  return Result.isSuccess(page)
    ? Effect.succeed(page.success.data)
    : Effect.fail(unreadable(response, `senders: ${page.failure.message}`))
}

const readCreated = (response: ApiResponse): Effect.Effect<typeof Sender.Type, Refusal | ApiAnswerUnreadable> => {
  if (response.status < 200 || response.status > 299) return Effect.fail(refusal(response))
  const sender = decodeCreated(response.body)
  if (Result.isFailure(sender)) return Effect.fail(unreadable(response, `created sender: ${sender.failure.message}`))
  return Effect.succeed("data" in sender.success ? sender.success.data : sender.success)
}

/** Counts the creations of this process by owner and day (UTC). */
const makeCreationQuota = () => {
  let day = 0
  const counts = new Map<string, number>()
  return {
    take: (owner: string, now: number): boolean => {
      const today = Math.floor(now / 86_400_000)
      if (today !== day) {
        day = today
        counts.clear()
      }
      const count = counts.get(owner) ?? 0
      if (count >= CREATIONS_A_DAY) return false
      counts.set(owner, count + 1)
      return true
    },
    giveBack: (owner: string): void => {
      const count = counts.get(owner) ?? 0
      if (count > 0) counts.set(owner, count - 1)
    }
  }
}
