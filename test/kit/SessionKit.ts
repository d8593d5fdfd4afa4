/** A session without a socket: feed it commands, read its replies. The fakes stand in for everything around it. */
import { Deferred, Effect, Fiber, Layer, Queue, Redacted } from "effect"
import { AuthenticationFailed, type AuthenticationError, type ReceiveError } from "../../src/domain/GatewayError.ts"
import type { Identity } from "../../src/domain/Identity.ts"
import type { SmtpReply } from "../../src/domain/SmtpReply.ts"
import type { Submission } from "../../src/domain/Submission.ts"
import { Authenticator } from "../../src/services/Authenticator.ts"
import { MessageBudget } from "../../src/services/MessageBudget.ts"
import { MessageSink } from "../../src/services/MessageSink.ts"
import { Metrics } from "../../src/services/Metrics.ts"
import { RateLimiter } from "../../src/services/RateLimiter.ts"
import { RecentSubmissions } from "../../src/services/RecentSubmissions.ts"
import { type Command, SmtpSession } from "../../src/services/SmtpSession.ts"

export const USER = { username: "demo@example.com", password: Redacted.make("demo") }

export const identityOf = (username: string): Identity => ({
  username,
  accountId: undefined,
  token: Redacted.make(`token of ${username}`),
  expiresAt: undefined
})

/** Knows one user, `demo@example.com` with password `demo`. */
export const AuthenticatorFake = (login?: Effect.Effect<Identity, AuthenticationError>) =>
  Layer.succeed(Authenticator, {
    authenticate: ({ password, username }) =>
      login ??
      (username === USER.username && Redacted.value(password) === "demo"
        ? Effect.succeed(identityOf(username))
        : Effect.fail(new AuthenticationFailed({ reason: "credentials" }))),
    renew: ({ username }) => Effect.succeed(identityOf(username))
  })

/** Lets everything pass and remembers nothing. */
export const RateLimiterOpen = Layer.succeed(RateLimiter, {
  connection: () => Effect.void,
  address: () => Effect.void,
  message: () => Effect.void,
  login: () => Effect.void,
  loginFailed: () => Effect.void
})

/** Keeps what it accepts in `submissions`. */
export const MessageSinkFake = (submissions: Array<Submission>) =>
  Layer.succeed(MessageSink, {
    accept: (submission) =>
      Effect.sync(() => {
        submissions.push({ ...submission, raw: Uint8Array.from(submission.raw) })
        return {
          receipts: [{ recipient: submission.envelope.recipients[0] ?? "", messageId: `id-${submissions.length}` }]
        }
      })
  })

/** Has room for everything. */
export const MessageBudgetUnlimited = Layer.succeed(MessageBudget, {
  admit: Effect.void,
  reservation: Effect.succeed({ grow: () => true, transfer: () => Effect.void, release: Effect.void }),
  held: Effect.succeed(0)
})

/** Takes no message for another. */
export const RecentSubmissionsForgetful = Layer.succeed(RecentSubmissions, {
  forMessage: () => (_recipient, submit) => submit
})

export const MetricsSilent = Layer.succeed(Metrics, {
  counter: () => ({ increment: () => {} }),
  gauge: () => ({ set: () => {}, add: () => {} }),
  histogram: () => ({ observe: () => {} }),
  exposition: Effect.succeed({ contentType: "text/plain", body: "" })
})

type WithoutReply<C> = C extends { readonly reply: unknown } ? Omit<C, "reply"> : C

/** Starts a session in the scope; it ends with the scope, as if the client had gone. */
export const openSession = Effect.fnUntraced(function* (
  options: { readonly secure?: boolean; readonly clientAddress?: string } = {}
) {
  const { run } = yield* SmtpSession
  const commands = yield* Queue.unbounded<Command>()
  const closed = yield* Deferred.make<void>()
  const state = { secure: options.secure ?? true }
  const fiber = yield* run({
    id: "session1",
    clientAddress: options.clientAddress ?? "192.0.2.1",
    serverPort: 587,
    nextCommand: Queue.take(commands),
    isSecure: () => state.secure,
    close: Deferred.succeed(closed, undefined)
  }).pipe(Effect.forkScoped)

  /** Sends one command and waits for its reply. */
  const ask = Effect.fnUntraced(function* (command: WithoutReply<Extract<Command, { readonly reply: unknown }>>) {
    const answered = yield* Deferred.make<SmtpReply>()
    Queue.offerUnsafe(commands, {
      ...command,
      reply: (reply: SmtpReply) => void Deferred.doneUnsafe(answered, Effect.succeed(reply))
    } as Command)
    return yield* Deferred.await(answered)
  })

  return {
    ask,
    tell: (command: Extract<Command, { readonly _tag: "Reset" | "Secure" }>) =>
      Effect.sync(() => void Queue.offerUnsafe(commands, command)),
    connect: ask({ _tag: "Connect" }),
    login: (username = USER.username, password = "demo") =>
      ask({ _tag: "Auth", mechanism: "PLAIN", credentials: { username, password: Redacted.make(password) } }),
    mail: ask({ _tag: "MailFrom", sender: "a@example.com" }),
    rcpt: (recipient: string) => ask({ _tag: "RcptTo", recipient }),
    data: (receive: Effect.Effect<Uint8Array, ReceiveError>, recipients: ReadonlyArray<string> = ["b@example.com"]) =>
      ask({
        _tag: "Data",
        envelope: { sender: "a@example.com", recipients, smtpUtf8: false },
        transit: { clientAddress: "192.0.2.1", clientName: "client.example.com", protocol: "ESMTPSA" },
        receive: () => receive
      }),
    /** What the adapter does when the client goes. */
    vanish: Fiber.interrupt(fiber),
    /** Completes when the session closes the connection by itself. */
    closed: Deferred.await(closed),
    isClosed: Deferred.isDone(closed),
    setSecure: (secure: boolean) => Effect.sync(() => void (state.secure = secure))
  }
})

export const reply = (answer: SmtpReply): string =>
  `${answer.code} ${answer.enhanced} ${answer.text}${answer.close ? " [close]" : ""}`.replace(/ {2}/, " ")
