/** Logins and tokens of the sandbox; and the inboxes that are made by logging in. */
import { randomBytes } from "node:crypto"
import { Duration, Redacted } from "effect"
import type { SandboxAccount } from "../../services/Sandbox.ts"

/** Tokens kept at once; the oldest go first. Far more than any test holds. */
const MAX_TOKENS = 100_000

/** Inboxes that logging in has made; the oldest are forgotten first, and made anew by the next login. */
const MAX_INBOXES = 1_000

/** Above the account ids that tests and the demo account use. */
const FIRST_INBOX_ACCOUNT = 100_000

/** A user name that makes an inbox of its own, if the sandbox lets it. */
export const isInboxName = (username: string): boolean => /^inbox-[\w.+@-]{1,64}$/i.test(username)

export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken: string
  /** Seconds. */
  readonly expiresIn: number
}

interface Grant {
  readonly account: SandboxAccount
  /** Milliseconds of the epoch. */
  readonly expiresAt: number
}

export interface Accounts {
  readonly add: (account: SandboxAccount) => void
  /** The account, when the password is right. The name of an inbox goes with any password. */
  readonly login: (username: string, password: string) => SandboxAccount | undefined
  /** `prefix` tells the kinds of tokens apart for a reader of logs. */
  readonly issue: (account: SandboxAccount, prefix: string, lifetime: Duration.Duration, now: number) => IssuedTokens
  /** Uses a refresh token up. */
  readonly refresh: (refreshToken: string) => SandboxAccount | undefined
  /** Whose token it is, unless it has ended. Personal access tokens do not end. */
  readonly find: (token: string, now: number) => SandboxAccount | undefined
  readonly revokeTokens: () => void
}

export const makeAccounts = (
  initial: ReadonlyArray<SandboxAccount>,
  options: { readonly openInboxes: boolean }
): Accounts => {
  const accounts = new Map<string, SandboxAccount>()
  const inboxes = new Map<string, SandboxAccount>()
  let nextInboxAccount = FIRST_INBOX_ACCOUNT
  const personal = new Map<string, SandboxAccount>()
  const grants = new Map<string, Grant>()
  const refreshable = new Map<string, SandboxAccount>()

  const add = (account: SandboxAccount) => {
    accounts.set(account.username.toLowerCase(), account)
    for (const token of account.personalAccessTokens ?? []) personal.set(Redacted.value(token), account)
  }
  for (const account of initial) add(account)

  const inbox = (name: string): SandboxAccount => {
    const known = inboxes.get(name)
    if (known !== undefined) return known
    const made: SandboxAccount = { username: name, password: Redacted.make(""), accountIds: [nextInboxAccount++] }
    inboxes.set(name, made)
    dropOldest(inboxes, MAX_INBOXES)
    return made
  }

  return {
    add,
    login: (username, password) => {
      const name = username.toLowerCase()
      const account = accounts.get(name)
      if (account !== undefined) return Redacted.value(account.password) === password ? account : undefined
      return options.openInboxes && isInboxName(name) ? inbox(name) : undefined
    },
    issue: (account, prefix, lifetime, now) => {
      const accessToken = `${prefix}${randomBytes(24).toString("hex")}`
      const refreshToken = `${prefix}refresh_${randomBytes(24).toString("hex")}`
      grants.set(accessToken, { account, expiresAt: now + Duration.toMillis(lifetime) })
      refreshable.set(refreshToken, account)
      dropOldest(grants, MAX_TOKENS)
      dropOldest(refreshable, MAX_TOKENS)
      return { accessToken, refreshToken, expiresIn: Math.floor(Duration.toSeconds(lifetime)) }
    },
    refresh: (refreshToken) => {
      const account = refreshable.get(refreshToken)
      refreshable.delete(refreshToken)
      return account
    },
    find: (token, now) => {
      const grant = grants.get(token)
      if (grant === undefined) return personal.get(token)
      if (grant.expiresAt > now) return grant.account
      grants.delete(token)
      return undefined
    },
    revokeTokens: () => {
      grants.clear()
      refreshable.clear()
    }
  }
}

const dropOldest = (map: Map<string, unknown>, size: number): void => {
  for (const oldest of map.keys()) {
    if (map.size <= size) return
    map.delete(oldest)
  }
}
