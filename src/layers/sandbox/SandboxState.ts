/** What the API and the inbox work on, beyond what the `Sandbox` service shows. */
import { Context, Effect, Layer, PubSub } from "effect"
import { Sandbox, type SandboxAccount, type SandboxSmtp } from "../../services/Sandbox.ts"
import { type Accounts, makeAccounts } from "./Accounts.ts"
import { type CallLog, makeCallLog } from "./Calls.ts"
import { makeCapturedMessagesMemory } from "./CapturedMessagesMemory.ts"
import { type FaultBook, makeFaultBook } from "./Faults.ts"
import { makeRefusalBook } from "./Refusals.ts"
import { makeSenders, type Senders } from "./Senders.ts"
import { makeSessionLog } from "./SessionLog.ts"
import { makeStories, storyOfRefusal } from "./Stories.ts"

/** The list of that name is another than it was. */
export type Notice = "faults" | "refusals"

/** Notices that wait for whoever is slow to look: one says as much as many. */
const MAX_WAITING_NOTICES = 16

export class SandboxState extends Context.Service<
  SandboxState,
  {
    readonly accounts: Accounts
    readonly senders: Senders
    readonly calls: CallLog
    readonly book: FaultBook
    readonly notices: PubSub.PubSub<Notice>
    readonly smtp: () => SandboxSmtp | undefined
    readonly options: SandboxStateOptions
  }
>()("gateway/layers/sandbox/SandboxState") {}

export interface SandboxStateOptions {
  readonly maxMessages: number
  readonly maxBytes: number
  readonly accounts: ReadonlyArray<SandboxAccount>
  /** Confirmed from the start. */
  readonly senders: ReadonlyArray<{ readonly accountId: number; readonly name: string; readonly email: string }>
  readonly confirmSenders: boolean
  readonly openInboxes: boolean
}

export const layerSandboxState = (options: SandboxStateOptions): Layer.Layer<Sandbox | SandboxState> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const notices = yield* PubSub.sliding<Notice>(MAX_WAITING_NOTICES)
      const notify = (notice: Notice) => () => void PubSub.publishUnsafe(notices, notice)
      const accounts = makeAccounts(options.accounts, options)
      const senders = makeSenders()
      for (const { accountId, email, name } of options.senders) senders.add(accountId, { name, email, confirmed: true })
      const book = makeFaultBook(notify("faults"))
      const sessions = makeSessionLog((correlationId, line) => refusals.logged(correlationId, line))
      const refusals = makeRefusalBook({ sessionOf: sessions.sessionOf, onChange: notify("refusals") })
      const calls = makeCallLog(refusals.refused)
      const stories = makeStories(calls, sessions)
      const messages = yield* makeCapturedMessagesMemory(options)
      let smtp: SandboxSmtp | undefined
      const sandbox = Sandbox.of({
        messages,
        faults: book.faults,
        calls: calls.calls,
        stories,
        refusals: {
          all: Effect.sync(() => refusals.all().map(({ refusal }) => refusal)),
          story: (id) => Effect.sync(() => storyOfRefusal(refusals, stories, id)),
          clear: Effect.sync(refusals.clear)
        },
        logger: sessions.logger,
        announceSmtp: (announced) => Effect.sync(() => void (smtp = announced)),
        addAccount: (account) => Effect.sync(() => accounts.add(account)),
        revokeTokens: Effect.sync(accounts.revokeTokens),
        senders: (accountId) => Effect.sync(() => senders.list(accountId)),
        addSender: (accountId, sender) => Effect.sync(() => senders.add(accountId, sender)),
        confirmSender: (accountId, email) => Effect.sync(() => senders.confirm(accountId, email))
      })
      return Context.make(Sandbox, sandbox).pipe(
        Context.add(SandboxState, { accounts, senders, calls, book, notices, smtp: () => smtp, options })
      )
    })
  )
